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

/** V8 keeps longer arrays outside its heap, where an allocation costs ten times a view. */
const COPIED_BYTES_MAX = 64;

/**
 * A plain Uint8Array of its own, so that a small field never keeps a large message alive. A field that is most of its message is
 * a view of it.
 */
export function readBytes(reader: Reader): Uint8Array {
  const length = reader.uint32();
  const start = reader.pos;
  if (start + length > reader.len) invalidMessage('bytes');
  reader.skip(length);
  const { buf } = reader;
  const isMost = length > COPIED_BYTES_MAX && 2 * length >= buf.length;
  return isMost ? buf.subarray(start, start + length) : buf.slice(start, start + length);
}

/** What was written is what is read, a byte order mark at its beginning too: state hashes texts of canisters before and after. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const TEXT_LOOP_MAX = 24;

export function readText(reader: Reader): string {
  const length = reader.uint32();
  const start = reader.pos;
  const end = start + length;
  if (end > reader.len) invalidMessage('text');
  reader.skip(length);
  return shortAscii(reader.buf, start, end) ?? decoder.decode(reader.buf.subarray(start, end));
}

/** Names of statuses and the like, which a decoder would take ten times as long for. */
function shortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > TEXT_LOOP_MAX) return undefined;
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte >= 0x80) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
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
