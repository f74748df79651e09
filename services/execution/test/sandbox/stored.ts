/** A store that applies changes as the state service does, and opens canisters from them. */
import { expect } from 'vitest';
import type { InPlaceSandbox } from '../../src/sandbox/in-place.ts';
import type { Collected } from '../../src/sandbox/interface.ts';
import { prepare } from './support.ts';

export class Stored {
  wasm: Uint8Array = new Uint8Array(0);
  readonly #memories = {
    heap: new Map<number, Uint8Array>(),
    stable: new Map<number, Uint8Array>(),
  };
  readonly #bytes = { heap: 0, stable: 0 };
  #instance: Uint8Array = new Uint8Array(0);

  apply({ memories, instance }: Collected): void {
    for (const { memory, cleared, sizeBytes, pages } of memories) {
      if (cleared) this.#memories[memory].clear();
      for (const { index, content } of pages) {
        expect(content.length).toBe(4096);
        expect((index + 1) * 4096).toBeLessThanOrEqual(sizeBytes);
        this.#memories[memory].set(index, content);
      }
      this.#bytes[memory] = sizeBytes;
    }
    this.#instance = instance;
  }

  open(sandbox: InPlaceSandbox, canisterId: Uint8Array): void {
    const { hash } = prepare(sandbox, this.wasm);
    const memories = (['heap', 'stable'] as const).map((memory) => ({
      memory,
      cleared: false,
      sizeBytes: this.#bytes[memory],
      pages: [...this.#memories[memory]].map(([index, content]) => ({ index, content })),
    }));
    const opened = sandbox.run({
      kind: 'open',
      canisterId,
      moduleHash: hash,
      heapBytes: this.#bytes.heap,
      stableBytes: this.#bytes.stable,
      memories,
      instance: this.#instance,
    });
    expect(opened).toEqual({ kind: 'opened' });
  }
}
