// The few primitives that generated code reads and writes with, beside those of Reader and Writer.
import { WireFault } from './fault.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** V8 keeps longer arrays outside its heap, where an allocation costs ten times a view. */
const COPIED_BYTES_MAX = 64;

export function invalidMessage(what: string): never {
  throw new WireFault(`${what} is malformed or missing`);
}

export function invalidEnum(field: string): never {
  throw new WireFault(`${field} has an unknown value`);
}

/** A count, height or size. Refused above 2^53 - 1 so that no digit is lost. */
export function readNumber(reader: Reader): number {
  const value = reader.number();
  if (!Number.isSafeInteger(value)) invalidMessage('integer above 2^53 - 1');
  return value;
}

/** Nanoseconds: the full 64 bits. */
export function readNanos(reader: Reader): bigint {
  return reader.uint64();
}

/**
 * A plain Uint8Array of its own, so that a small field never keeps a large message alive. A field that is most of its message is
 * a view of it.
 */
export function readBytes(reader: Reader): Uint8Array {
  const length = reader.uint32();
  const start = reader.pos;
  reader.skip(length);
  const { buf } = reader;
  const isMost = length > COPIED_BYTES_MAX && 2 * length >= buf.length;
  return isMost ? buf.subarray(start, start + length) : buf.slice(start, start + length);
}

const decoder = new TextDecoder('utf-8', { fatal: true });
const TEXT_LOOP_MAX = 24;

export function readText(reader: Reader): string {
  const length = reader.uint32();
  const start = reader.pos;
  reader.skip(length);
  return (
    shortAscii(reader.buf, start, length) ?? decoded(reader.buf.subarray(start, start + length))
  );
}

/** Names of statuses and the like, which a decoder would take ten times as long for. */
function shortAscii(bytes: Uint8Array, start: number, length: number): string | undefined {
  if (length > TEXT_LOOP_MAX) return undefined;
  let text = '';
  for (let i = start; i < start + length; i++) {
    const byte = bytes[i] as number;
    if (byte >= 0x80) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function decoded(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function writeNumber(writer: Writer, value: number): Writer {
  if (!Number.isSafeInteger(value) || value < 0) invalidMessage(`integer ${value}`);
  return writer.safeInteger(value);
}

export function writeNanos(writer: Writer, value: bigint): Writer {
  return writer.uint64(value);
}
