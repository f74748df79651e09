import type { Clock } from '@internode/actor';
import type { Principal } from '@internode/encoding';
import type { AuthenticationRules } from '@internode/ingress';
import type { GatewayConfig } from '../config.ts';
import type { GatewayEvent } from '../core/event.ts';
import type { NodeSigner } from '../core/query-answer.ts';
import type { Completions } from './completions.ts';
import type { Neighbours } from './neighbours.ts';

/** What the flows of requests share. */
export type World = {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly neighbours: Neighbours;
  readonly completions: Completions;
  readonly signer: NodeSigner;
  /** The rules of this instant. */
  readonly rules: () => AuthenticationRules;
  /** Whether calls may be addressed to this canister id here. */
  readonly isLocal: (id: Principal) => boolean;
  readonly observe: (event: GatewayEvent) => void;
};

/** One request of an endpoint with what came along. */
export type Visit<Route> = {
  readonly route: Route;
  readonly body: Uint8Array;
  readonly traceparent: string;
};
