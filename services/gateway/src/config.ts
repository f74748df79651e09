import { type Principal, principalFromText } from '@internode/encoding';
import { fromHex, isHex } from '@internode/prelude';

/** First and last canister id of a range, both included. */
export type CanisterRange = readonly [first: Principal, last: Principal];

export type GatewayConfig = {
  /** The address to listen on. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** DER of the root subnet's key, 133 bytes. */
  readonly rootKey: Uint8Array;
  readonly rootSubnetId: Principal;
  readonly subnetId: Principal;
  readonly nodeId: Principal;
  /** The node's Ed25519 secret, 32 bytes: signs query answers. */
  readonly nodeSecret: Uint8Array;
  readonly canisterRanges: readonly CanisterRange[];
  /** As the status endpoint tells it. */
  readonly implementationVersion: string;
};

/** What the gateway needs when it is a process of its own. */
export type ProcessConfig = {
  readonly gateway: GatewayConfig;
  /** Tokens of every subject of this node. */
  readonly place: { readonly subnet: string; readonly node: string };
  readonly busUrl: string;
};

type Environment = { readonly [name: string]: string | undefined };

/** Reads `INTERNODE_…` variables; throws an `Error` that names the one that is wrong. */
export function readConfig(environment: Environment): ProcessConfig {
  const text = (name: string): string => {
    const value = environment[`INTERNODE_${name}`];
    if (value === undefined || value === '') throw new Error(`INTERNODE_${name} is not set`);
    return value;
  };
  const bytes = (name: string): Uint8Array => {
    const value = text(name);
    if (!isHex(value)) throw new Error(`INTERNODE_${name} is not hexadecimal`);
    return fromHex(value);
  };
  const principal = (name: string): Principal => principalOf(name, text(name));
  return Object.freeze({
    gateway: Object.freeze({
      host: environment['INTERNODE_GATEWAY_HOST'] ?? '127.0.0.1',
      port: portOf(environment['INTERNODE_GATEWAY_PORT'] ?? '8000'),
      rootKey: bytes('ROOT_KEY'),
      rootSubnetId: principal('ROOT_SUBNET_ID'),
      subnetId: principal('SUBNET_ID'),
      nodeId: principal('NODE_ID'),
      nodeSecret: bytes('NODE_SECRET'),
      canisterRanges: text('CANISTER_RANGES').split(',').map(rangeOf),
      implementationVersion: environment['INTERNODE_VERSION'] ?? 'unknown',
    }),
    place: Object.freeze({ subnet: text('PLACE_SUBNET'), node: text('PLACE_NODE') }),
    busUrl: text('BUS_URL'),
  });
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new Error('INTERNODE_GATEWAY_PORT is not a port');
}

function principalOf(name: string, text: string): Principal {
  const principal = principalFromText(text);
  if (principal.kind === 'valid') return principal.value;
  throw new Error(`INTERNODE_${name}: ${principal.reason}`);
}

/** `first..last`, in the textual form of principals. */
function rangeOf(text: string): CanisterRange {
  const [first = '', last = ''] = text.split('..');
  return [principalOf('CANISTER_RANGES', first), principalOf('CANISTER_RANGES', last)];
}
