/**
 * The price table (interface-spec 8.1), pure: used by the core to charge and by the sandbox for the
 * costs of calls.
 *
 * Prices are those of a 13-node subnet and grow with the number of nodes; a smaller subnet charges
 * as 13 nodes would, so that what a developer sees at home is what a canister costs in production.
 */
import { INSTRUCTIONS, REPLY_BYTES } from '../limits.ts';

const REFERENCE_NODES = 13n;
const GIBIBYTE = 1n << 30n;
export const DAY_SECONDS = 86_400n;
export const TRILLION = 1_000_000_000_000n;

export const DEFAULT_PROVISIONAL_BALANCE = 100n * TRILLION;

/** Prices for 13 nodes. */
const PRICE = {
  creation: 500_000_000_000n,
  ingress: 1_200_000n,
  ingressByte: 2_000n,
  update: 5_000_000n,
  call: 260_000n,
  callByte: 1_000n,
  computePercentSecond: 10_000_000n,
  storageGibibyteSecond: 127_000n,
} as const;

export interface Memory {
  /** Wasm64 instructions cost twice as much. */
  readonly memory64: boolean;
}

export class Prices {
  readonly #nodes: bigint;

  constructor(subnetNodes: number) {
    this.#nodes = BigInt(Math.max(subnetNodes, Number(REFERENCE_NODES)));
  }

  creation(): bigint {
    return this.#scaled(PRICE.creation);
  }

  /** Induction of an ingress message of this many bytes (method name and argument). */
  ingress(bytes: number): bigint {
    return this.#scaled(PRICE.ingress + PRICE.ingressByte * BigInt(bytes));
  }

  /** One execution that used this many instructions. */
  execution(instructions: bigint, { memory64 }: Memory): bigint {
    return this.#scaled(PRICE.update + (memory64 ? 2n * instructions : instructions));
  }

  /** How many instructions an execution may use for these cycles. */
  instructionsFor(cycles: bigint, { memory64 }: Memory): bigint {
    const left = (cycles * REFERENCE_NODES) / this.#nodes - PRICE.update;
    if (left <= 0n) return 0n;
    return memory64 ? left / 2n : left;
  }

  /** Transport of a request (bytes of name and payload). */
  request(bytes: number): bigint {
    return this.#scaled(PRICE.call + PRICE.callByte * BigInt(bytes));
  }

  /** Transport of a response's bytes. */
  response(bytes: number): bigint {
    return this.#scaled(PRICE.callByte * BigInt(bytes));
  }

  /** What call_perform sets aside for the answer: the largest response and the longest callback. */
  reserve(memory: Memory): bigint {
    return this.response(REPLY_BYTES) + this.execution(INSTRUCTIONS.update, memory);
  }

  /** All that call_perform takes beside the attached cycles; what `cost_call` answers. */
  call(bytes: number, memory: Memory): bigint {
    return this.request(bytes) + this.reserve(memory);
  }

  /** Storage and compute allocation over a time. */
  idle(memoryBytes: bigint, computePercent: bigint, nanos: bigint): bigint {
    const perSecond = PRICE.computePercentSecond * computePercent * GIBIBYTE;
    const total = (PRICE.storageGibibyteSecond * memoryBytes + perSecond) * nanos;
    return this.#scaled(total / (GIBIBYTE * 1_000_000_000n));
  }

  idlePerDay(memoryBytes: bigint, computePercent: bigint): bigint {
    return this.idle(memoryBytes, computePercent, DAY_SECONDS * 1_000_000_000n);
  }

  #scaled(cycles: bigint): bigint {
    if (this.#nodes === REFERENCE_NODES) return cycles;
    return (cycles * this.#nodes) / REFERENCE_NODES;
  }
}

const CYCLES_MAX = (1n << 128n) - 1n;

/** Balances saturate at 2^128 - 1. */
export function addCycles(left: bigint, right: bigint): bigint {
  const sum = left + right;
  return sum > CYCLES_MAX ? CYCLES_MAX : sum;
}

/**
 * What an execution or a call must leave in the balance: the part of the freezing limit not covered
 * by the reserved balance.
 */
export function freezingReserve(
  idlePerDay: bigint,
  thresholdSeconds: bigint,
  reservedBalance: bigint,
): bigint {
  const limit = (idlePerDay * thresholdSeconds) / DAY_SECONDS;
  return limit > reservedBalance ? limit - reservedBalance : 0n;
}
