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
    encode: (message) => alone(write(message, new Writer()).finish()),
    decode: (bytes) => {
      try {
        return valid(read(new Reader(plain(bytes)), bytes.length));
      } catch (fault) {
        return invalid(`${kind}: ${fault instanceof Error ? fault.message : 'malformed'}`);
      }
    },
  };
}

/** Short messages come as parts of a slab, which a view of one of them must not keep alive. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** A Buffer's methods answer Buffers, which must not get into a core. */
function plain(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
