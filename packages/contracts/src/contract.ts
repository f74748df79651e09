import { invalid, type Verdict, valid } from '@internode/prelude';
import { Reader, Writer } from 'protobufjs/minimal.js';

/** A bus message's wire form. `encode` copies; `decode` answers with a verdict for any bytes whatever. */
export interface Contract<T> {
  readonly kind: string;
  /** The service in whose package the message lives: it says the fact, or hears the command. */
  readonly service: string;
  /** Last token of the subject: snake case of the kind. */
  readonly token: string;
  encode(message: T): Uint8Array;
  decode(bytes: Uint8Array): Verdict<T>;
}

export function contract<Kind extends string, T>(
  kind: Kind,
  service: string,
  token: string,
  write: (message: T, writer: Writer) => Writer,
  read: (reader: Reader, length: number) => T,
): Contract<T> {
  return {
    kind,
    service,
    token,
    encode: (message) => encoded(message, write),
    decode: (bytes) => {
      try {
        return valid(read(new Reader(plain(bytes)), bytes.length));
      } catch (fault) {
        return invalid(`${kind}: ${fault instanceof Error ? fault.message : 'malformed'}`);
      }
    },
  };
}

/** Messages are written one after the other into the same memory, and copied out of it. */
let scratch = new Writer();
/** What a rare larger message made of it is not kept; parts of a state that is synced are 1.3 MiB and many. */
const SCRATCH_BYTES_MAX = 2 * 1024 * 1024;

function encoded<T>(message: T, write: (message: T, writer: Writer) => Writer): Uint8Array {
  const writer = scratch;
  writer.pos = 0;
  writer.states = null;
  const bytes = write(message, writer).finish(true).slice();
  if (writer.buf.length > SCRATCH_BYTES_MAX) scratch = new Writer();
  return bytes;
}

/** A Buffer's methods answer Buffers, which must not get into a core. */
function plain(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
