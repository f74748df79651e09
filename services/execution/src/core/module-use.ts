// Which uploaded modules are in use: the store keeps each once, by hash, as long as a canister runs
// it.
import type { StoredModule } from '@internode/contracts';
import { fromHex, toHex } from '@internode/prelude';

export class ModuleUse {
  readonly #uses = new Map<string, number>();
  readonly #stored = new Set<string>();
  readonly #uploaded = new Map<string, Uint8Array>();
  readonly #released = new Set<string>();

  /** A canister of the store runs it. */
  restore(hash: Uint8Array): void {
    this.#stored.add(toHex(hash));
    this.#add(toHex(hash), 1);
  }

  use(hash: Uint8Array, content: Uint8Array): void {
    const key = toHex(hash);
    this.#add(key, 1);
    if (!this.#stored.has(key)) this.#uploaded.set(key, content);
  }

  release(hash: Uint8Array): void {
    const key = toHex(hash);
    this.#add(key, -1);
    this.#released.add(key);
  }

  /** What the store has to add and may drop since the last call, by ascending hash. */
  takeChanges(): { stored: StoredModule[]; dropped: Uint8Array[] } {
    const stored: StoredModule[] = [];
    for (const key of [...this.#uploaded.keys()].sort()) {
      if (!this.#uses.has(key)) continue;
      stored.push({ hash: fromHex(key), content: this.#uploaded.get(key) as Uint8Array });
      this.#stored.add(key);
    }
    const dropped: Uint8Array[] = [];
    for (const key of [...this.#released].sort()) {
      if (this.#uses.has(key) || !this.#stored.delete(key)) continue;
      dropped.push(fromHex(key));
    }
    this.#uploaded.clear();
    this.#released.clear();
    return { stored, dropped };
  }

  #add(key: string, change: number): void {
    const uses = (this.#uses.get(key) ?? 0) + change;
    if (uses === 0) this.#uses.delete(key);
    else this.#uses.set(key, uses);
  }
}
