/** What services will cost the canister (interface-spec 8.1): formulas, they change nothing. */
import { Prices } from '../../core/cycles.ts';
import type { Execution } from '../execution.ts';
import { violation } from '../failures.ts';
import { type Definition, define, writeCycles } from './define.ts';

const EVERYWHERE = '* s';
const UNKNOWN_CURVE = 1;
const UNKNOWN_KEY = 2;

function callCost(x: Execution, nameBytes: bigint, payloadBytes: bigint, target: number): void {
  const bytes = Number(nameBytes + payloadBytes);
  writeCycles(x, target, new Prices(x.context.subnetNodes).call(bytes, x));
}

function outcallCost(x: Execution, request: bigint, responseMax: bigint, target: number): void {
  const nodes = BigInt(x.context.subnetNodes);
  const base = (3_000_000n + 60_000n * nodes) * nodes;
  const amount = base + (400n * request + 800n * responseMax) * nodes;
  writeCycles(x, target, amount < 2n ** 128n ? amount : 2n ** 128n - 1n);
}

/** No subnet of this replica holds threshold signing keys: every name is an unknown key's. */
function keyCost(known: readonly number[]) {
  return (x: Execution, source: number, size: number, algorithm: number): number => {
    x.machine.hostRead(source + size, 0);
    return known.includes(algorithm) ? UNKNOWN_KEY : UNKNOWN_CURVE;
  };
}

const KEY_TYPE = [['I', 'I', 'i32', 'I'], 'i32'] as const;

export const COST_CALLS: readonly Definition[] = [
  define('cost_call', EVERYWHERE, [['i64', 'i64', 'I'], 'none'], callCost),
  define('cost_create_canister', EVERYWHERE, [['I'], 'none'], (x, target) =>
    writeCycles(x, target, new Prices(x.context.subnetNodes).creation()),
  ),
  define('cost_http_request', EVERYWHERE, [['i64', 'i64', 'I'], 'none'], outcallCost),
  define('cost_http_request_v2', EVERYWHERE, [['I', 'I', 'I'], 'none'], () => {
    throw violation(
      'ic0.cost_http_request_v2 is not provided: this replica makes no HTTP outcalls',
    );
  }),
  define('cost_sign_with_ecdsa', EVERYWHERE, KEY_TYPE, keyCost([0, 1])),
  define('cost_sign_with_schnorr', EVERYWHERE, KEY_TYPE, keyCost([0, 1])),
  define('cost_vetkd_derive_key', EVERYWHERE, KEY_TYPE, keyCost([0])),
];
