import type { Verdict } from '@internode/prelude';
import { invalid, valid } from '@internode/prelude';

/**
 * How the decoders of this package leave a deep call when bytes are bad. Never crosses the door:
 * `judge` turns it into a verdict. Not an `Error`, so that hostile input buys no stack traces.
 */
export class Malformed {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

export function malformed(reason: string): never {
  throw new Malformed(reason);
}

/** Runs a decoder and answers its result or the reason it gave up; other exceptions pass. */
export function judge<T>(decode: () => T): Verdict<T> {
  try {
    return valid(decode());
  } catch (error) {
    if (error instanceof Malformed) return invalid(error.reason);
    throw error;
  }
}
