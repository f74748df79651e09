import type { ApiRoute } from './route.ts';

export type Endpoint = ApiRoute['kind'] | 'status' | 'other';

/** Facts for observers; they change nothing. */
export type GatewayEvent =
  | { readonly kind: 'DoorOpened'; readonly host: string; readonly port: number }
  | { readonly kind: 'DoorClosed' }
  | {
      readonly kind: 'RequestAnswered';
      readonly endpoint: Endpoint;
      readonly httpStatus: number;
      readonly tookMs: number;
    }
  /** A synchronous call was answered with its certificate, or told to poll. */
  | { readonly kind: 'CallWaited'; readonly certified: boolean; readonly tookMs: number }
  /** A fault of ours while answering a request; the client saw 500. */
  | { readonly kind: 'AnswerFailed'; readonly endpoint: Endpoint; readonly fault: string };
