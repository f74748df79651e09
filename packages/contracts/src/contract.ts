import { invalid, type Verdict, valid } from '@internode/prelude';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

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

/** Messages are written one at a time, whole: encoders call nothing but the writer. */
const writer = new Writer();

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
    encode: (message) => write(message, writer.begin()).finish(),
    decode: (bytes) => {
      try {
        return valid(read(new Reader(bytes), bytes.length));
      } catch (fault) {
        return invalid(`${kind}: ${fault instanceof Error ? fault.message : 'malformed'}`);
      }
    },
  };
}
