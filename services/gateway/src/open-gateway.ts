import { openDoor } from './adapters/http.ts';
import { Gateway, type GatewayParts } from './gateway.ts';

export type OpenGateway = AsyncDisposable & {
  /** Where clients connect, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly port: number;
  readonly isReady: boolean;
  close(): Promise<void>;
};

/** Opens the public door. Rejects with the system's error when the address cannot be had. */
export async function openGateway(parts: GatewayParts): Promise<OpenGateway> {
  const gateway = new Gateway(parts);
  const door = await openDoor(gateway, parts.config);
  gateway.start();
  gateway.observe({ kind: 'DoorOpened', host: door.host, port: door.port });
  const shownHost = door.host.includes(':') ? `[${door.host}]` : door.host;
  const close = async (): Promise<void> => {
    await door.close();
    gateway.close();
    gateway.observe({ kind: 'DoorClosed' });
  };
  return {
    url: `http://${shownHost}:${door.port}`,
    port: door.port,
    get isReady() {
      return gateway.isReady;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
