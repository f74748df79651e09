/**
 * How a system call is written down: one record holds its type, the contexts that may use it and
 * what it does. The import table of the validator and the functions handed to V8 come from the same
 * record, so they cannot disagree.
 */
import type { ImportSignature } from '../../wasm/index.ts';
import type { Execution } from '../execution.ts';
import { trapped, violation } from '../failures.ts';
import { modeBits } from '../modes.ts';

/**
 * `I`: an address or size of the module's pointer width, given as a number (2^64 when it is far
 * beyond any memory). `opaque`: same width, kept exactly, as a bigint. `i64` is an unsigned bigint.
 */
export type ParamType = 'I' | 'opaque' | 'i32' | 'i64';
export type ResultType = 'I' | 'i32' | 'i64' | 'none';

type Value<T> = T extends 'I' | 'i32' ? number : bigint;
type Result<R> = R extends 'none' ? unknown : Value<R>;
type Values<P extends readonly ParamType[]> = { -readonly [K in keyof P]: Value<P[K]> };

export interface Definition {
  readonly name: string;
  readonly contexts: number;
  readonly params: readonly ParamType[];
  readonly result: ResultType;
  readonly only32: boolean;
  /** Instructions charged for the call itself. */
  readonly overhead: number;
  readonly run: (execution: Execution, ...values: never[]) => unknown;
}

export interface Traits {
  readonly only32?: boolean;
  readonly overhead?: number;
}

const OVERHEAD = 500;

export function define<const P extends readonly ParamType[], R extends ResultType>(
  name: string,
  contexts: string,
  type: readonly [P, R],
  run: (execution: Execution, ...values: Values<P>) => Result<R>,
  traits: Traits = {},
): Definition {
  return {
    name,
    contexts: modeBits(contexts),
    params: type[0],
    result: type[1],
    only32: traits.only32 ?? false,
    overhead: traits.overhead ?? OVERHEAD,
    run: run as Definition['run'],
  };
}

/** The idiom `name_size` and `name_copy(dst, offset, size)` for a blob. */
export function defineBlob(
  name: string,
  contexts: string,
  blob: (execution: Execution) => Uint8Array,
): readonly Definition[] {
  return [
    define(`${name}_size`, contexts, [[], 'I'], (x) => blob(x).length),
    define(`${name}_copy`, contexts, [['I', 'I', 'I'], 'none'], (x, target, offset, size) =>
      copyOut(x, `ic0.${name}_copy`, blob(x), { target, offset, size }),
    ),
  ];
}

export interface Piece {
  readonly target: number;
  readonly offset: number;
  readonly size: number;
}

/** Copies part of a blob to the heap; one instruction per byte. */
export function copyOut(x: Execution, name: string, blob: Uint8Array, piece: Piece): void {
  const { target, offset, size } = piece;
  if (offset + size > blob.length) {
    const text = `offset ${offset} + size ${size} exceeds the ${blob.length} bytes available`;
    throw violation(`${name}: ${text}`);
  }
  x.machine.charge(size);
  x.machine.hostWrite(target, blob.subarray(offset, offset + size));
}

/** A copy of heap bytes; one instruction per byte. Check limits on `size` before. */
export function copyIn(x: Execution, source: number, size: number): Uint8Array {
  x.machine.charge(Math.min(size, 2 ** 52));
  return x.machine.hostRead(source, size);
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes UTF-8 or traps. */
export function textOf(bytes: Uint8Array, what: string): string {
  try {
    return strict.decode(bytes);
  } catch {
    throw violation(`${what} is not valid UTF-8`);
  }
}

/** 16 bytes, little endian. */
export function writeCycles(x: Execution, target: number, amount: bigint): void {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt.asUintN(64, amount), true);
  view.setBigUint64(8, amount >> 64n, true);
  x.machine.hostWrite(target, bytes);
}

export const cyclesOf = (high: bigint, low: bigint): bigint => (high << 64n) | low;

/** For the old 64-bit calls. */
export function narrow(amount: bigint): bigint {
  if (amount >= 2n ** 64n) throw trapped('cycles amount exceeds 64-bit representation');
  return amount;
}

export function signatureOf(definition: Definition): ImportSignature {
  const width = (type: ParamType | ResultType): 'i32' | 'i64' | 'I' =>
    type === 'i32' || type === 'i64' ? type : 'I';
  return {
    params: definition.params.map(width),
    results: definition.result === 'none' ? [] : [width(definition.result)],
    ...(definition.only32 ? { only32: true } : {}),
  };
}
