// Dealings and complaints on their way into blocks, from the own beacon and from peers, and which of them hold. Those of
// peers are bounded per peer until they are examined; then there is one per dealer and key.
import type { Complaint, Dealing } from '@internode/contracts';
import { BoundedMap } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import { dealingKey } from './key-generation.ts';

export type Item =
  | { readonly kind: 'dealing'; readonly dealing: Dealing; readonly peer: string }
  | { readonly kind: 'complaint'; readonly complaint: Complaint; readonly peer: string };

export type Verdict = 'examining' | 'good' | 'bad';

/** The peer of what the own beacon says. */
export const OWN = 'own';

export class KeyDesk {
  /** By artifact id, in the order of arrival. */
  readonly #items = new Map<string, Item>();
  /** By examination, also of what only blocks brought. */
  readonly #verdicts = new BoundedMap<string, Verdict>(
    CONSENSUS_LIMITS.examinationsRemembered,
    'drop-oldest',
  );
  readonly #load = new Map<string, number>();

  get items(): ReadonlyMap<string, Item> {
    return this.#items;
  }

  /** False when the peer has as much here as it may, or the desk is full. */
  add(id: string, item: Item): boolean {
    if (this.#items.has(id)) return true;
    const load = this.#load.get(item.peer) ?? 0;
    const { keyPartsPerPeerMax, keyPartsMax } = CONSENSUS_LIMITS;
    if (this.#items.size >= keyPartsMax) return false;
    if (item.peer !== OWN && load >= keyPartsPerPeerMax) return false;
    this.#load.set(item.peer, load + 1);
    this.#items.set(id, item);
    return true;
  }

  take(id: string): Item | undefined {
    const item = this.#items.get(id);
    if (item === undefined) return undefined;
    this.#items.delete(id);
    const load = (this.#load.get(item.peer) ?? 1) - 1;
    if (load === 0) this.#load.delete(item.peer);
    else this.#load.set(item.peer, load);
    return item;
  }

  verdict(examination: string): Verdict | undefined {
    return this.#verdicts.get(examination);
  }

  judge(examination: string, verdict: Verdict): void {
    this.#verdicts.set(examination, verdict);
  }
}

/** What a dealing or complaint is about: a dealer's part in a key. */
export function subjectOf(item: Item): string {
  return item.kind === 'dealing'
    ? `dealing/${dealingKey(item.dealing)}`
    : `complaint/${dealingKey(item.complaint)}`;
}
