import { free } from '@internode/prelude';
import { FRAME_LIMITS } from '../limits.ts';

export interface Chunk {
  readonly size: number;
  readonly offset: number;
  readonly body: Uint8Array;
}

/**
 * A body that comes in chunks, in any order. Holds no more than what came. A single chunk is the body as it is; of several, those that were given
 * are freed when it is whole.
 */
export class Assembly {
  readonly #size: number;
  readonly #chunks = new Map<number, Uint8Array>();

  constructor(size: number) {
    this.#size = size;
  }

  /** The body when it is complete; undefined when more must come; 'malformed' when the chunk has no place in it. */
  add({ size, offset, body }: Chunk): Uint8Array | 'malformed' | undefined {
    const { chunkBytes } = FRAME_LIMITS;
    if (size !== this.#size || offset % chunkBytes !== 0 || offset > size) return 'malformed';
    if (body.length !== Math.min(chunkBytes, size - offset)) return 'malformed';
    if (body.length === size) return body;
    this.#chunks.set(offset, body);
    if (this.#chunks.size < Math.ceil(size / chunkBytes)) return undefined;
    const whole = new Uint8Array(size);
    for (const [at, chunk] of this.#chunks) {
      whole.set(chunk, at);
      // Of a frame only what is most of it is a view; the rest was copied when it was decoded, and stays.
      free(chunk);
    }
    return whole;
  }
}

/** An empty body is one empty chunk. */
export function chunksOf(body: Uint8Array): readonly Chunk[] {
  const { chunkBytes } = FRAME_LIMITS;
  const size = body.length;
  const count = Math.max(1, Math.ceil(size / chunkBytes));
  return Array.from({ length: count }, (_, index) => {
    const offset = index * chunkBytes;
    return { size, offset, body: body.subarray(offset, offset + chunkBytes) };
  });
}
