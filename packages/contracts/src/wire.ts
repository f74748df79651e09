// The few primitives that generated code reads and writes with. Expected faults are thrown as WireFault
// inside this package only: the door (contract.ts) turns them into a Verdict.
import type { Reader, Writer } from 'protobufjs/minimal.js';

export class WireFault extends Error {}

export function invalidMessage(what: string): never {
  throw new WireFault(`${what} is malformed or missing`);
}

export function invalidEnum(field: string): never {
  throw new WireFault(`${field} has an unknown value`);
}

interface Halves {
  readonly low: number;
  readonly high: number;
}

function readHalves(reader: Reader): Halves {
  const value: unknown = reader.uint64();
  if (typeof value === 'number')
    return { low: value >>> 0, high: Math.floor(value / 0x1_0000_0000) };
  return value as Halves;
}

/** A count, height or size. Refused above 2^53 - 1 so that no digit is lost. */
export function readNumber(reader: Reader): number {
  const { low, high } = readHalves(reader);
  const value = (high >>> 0) * 0x1_0000_0000 + (low >>> 0);
  if (!Number.isSafeInteger(value)) invalidMessage('integer above 2^53 - 1');
  return value;
}

/** Nanoseconds: the full 64 bits. */
export function readNanos(reader: Reader): bigint {
  const { low, high } = readHalves(reader);
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** A copy, so that a small field never keeps a large message alive, and always a plain Uint8Array. */
export function readBytes(reader: Reader): Uint8Array {
  const length = reader.uint32();
  const start = reader.pos;
  if (start + length > reader.len) invalidMessage('bytes');
  reader.skip(length);
  const copy = new Uint8Array(length);
  copy.set(reader.buf.subarray(start, start + length));
  return copy;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

export function readText(reader: Reader): string {
  return decoder.decode(readBytes(reader));
}

// The writer accepts any {low, high} pair where its types ask for a Long.
type Pair = Parameters<Writer['uint64']>[0];

export function writeNumber(writer: Writer, value: number): Writer {
  if (!Number.isSafeInteger(value) || value < 0) invalidMessage(`integer ${value}`);
  return writer.uint64({
    low: value | 0,
    high: Math.floor(value / 0x1_0000_0000),
    unsigned: true,
  } as Pair);
}

export function writeNanos(writer: Writer, value: bigint): Writer {
  const low = Number(value & 0xffff_ffffn) | 0;
  const high = Number((value >> 32n) & 0xffff_ffffn) | 0;
  return writer.uint64({ low, high, unsigned: true } as Pair);
}
