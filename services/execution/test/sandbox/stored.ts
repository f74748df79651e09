/** A store that applies changes as the state service does, and opens canisters from them. */
import { expect } from 'vitest';
import type { InPlaceSandbox } from '../../src/sandbox/in-place.ts';
import type { Collected } from '../../src/sandbox/interface.ts';
import type { PageRange, StablePage } from '../../src/wasm/index.ts';
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

  open(sandbox: InPlaceSandbox, canisterId: Uint8Array, { supplies = true } = {}): void {
    const { hash } = prepare(sandbox, this.wasm);
    const heap = [...this.#memories.heap].map(([index, content]) => ({ index, content }));
    const opened = sandbox.run({
      kind: 'open',
      canisterId,
      moduleHash: hash,
      heapBytes: this.#bytes.heap,
      stableBytes: this.#bytes.stable,
      heap,
      instance: this.#instance,
    });
    expect(opened).toEqual({ kind: 'opened' });
    if (supplies) this.supply(sandbox, canisterId, { from: 0, to: this.#bytes.stable / 65_536 });
  }

  /** All that is stored of a range of pages of stable memory. */
  supply(sandbox: InPlaceSandbox, canisterId: Uint8Array, range: PageRange): void {
    const pages = new Map<number, StablePage>();
    for (const [piece, content] of this.#memories.stable) {
      const index = piece >> 4;
      if (index < range.from || index >= range.to) continue;
      const page = pages.get(index) ?? { index, bytes: new Uint8Array(65_536) };
      page.bytes.set(content, (piece & 15) * 4096);
      pages.set(index, page);
    }
    const task = { kind: 'supply', canisterId, range, pages: [...pages.values()] } as const;
    expect(sandbox.run(task)).toEqual({ kind: 'supplied' });
  }
}
