// Puts chunked messages together again. Chunks come from outside: everything is bounded, the oldest unfinished message
// goes first, and a message that misses a chunk is simply lost, as the bus is allowed to lose it.
import { joinBytes } from '@internode/prelude';

export interface Chunk {
  /** Names the message: sender and id. */
  readonly key: string;
  readonly index: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

export const MESSAGE_BYTES_MAX = 256 * 1024 * 1024;
const UNFINISHED_MAX = 64;
const CHUNKS_MAX = 4096;

interface Unfinished {
  readonly parts: (Uint8Array | undefined)[];
  missing: number;
  bytes: number;
}

export class Assembly {
  /** Oldest first. */
  readonly #unfinished = new Map<string, Unfinished>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax = MESSAGE_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** The whole body once its last chunk is here. */
  add({ key, index, count, bytes }: Chunk): Uint8Array | undefined {
    const isPlace = Number.isSafeInteger(index) && index >= 0 && index < count;
    if (!isPlace || !Number.isSafeInteger(count) || count > CHUNKS_MAX) return undefined;
    let message = this.#unfinished.get(key);
    if (message === undefined) {
      message = { parts: new Array(count).fill(undefined), missing: count, bytes: 0 };
      this.#unfinished.set(key, message);
    }
    if (message.parts.length !== count || message.parts[index] !== undefined) return undefined;
    message.parts[index] = bytes;
    message.missing -= 1;
    message.bytes += bytes.length;
    this.#bytes += bytes.length;
    if (message.missing === 0) {
      this.#drop(key, message);
      return joinBytes(message.parts as Uint8Array[]);
    }
    this.#shrink();
    return undefined;
  }

  #shrink(): void {
    for (const [key, message] of this.#unfinished) {
      if (this.#bytes <= this.#bytesMax && this.#unfinished.size <= UNFINISHED_MAX) return;
      this.#drop(key, message);
    }
  }

  #drop(key: string, message: Unfinished): void {
    this.#unfinished.delete(key);
    this.#bytes -= message.bytes;
  }
}
