// Our copy of what one peer offers: one entry per slot, the newest commit wins. Lost, repeated and reordered updates are
// made good: `through` says up to which commit nothing is missing.
import type { SlotChange, SlotContent, SlotUpdates } from '@internode/contracts';
import { PEER_LIMITS } from '../limits.ts';
import { nameOf } from './name.ts';

export interface Entry {
  readonly name: string;
  readonly content: SlotContent;
}

/** Without the body, which is the library's. */
interface Slot {
  readonly commit: number;
  /** Absent: the slot is empty. */
  readonly name?: string;
}

/** What became of a slot: an artifact is gone, another is there. */
export interface Turn {
  readonly gone: string | undefined;
  readonly come: Entry | undefined;
}

export class PeerTable {
  readonly #slots = new Map<number, Slot>();
  readonly #pastLives: number[] = [];
  #life = 0;
  #heardMs = Number.NEGATIVE_INFINITY;
  #through = 0;
  #commit = 0;
  /** When the peer was asked for what is missing; undefined when it was not, or has answered. */
  wantedMs: number | undefined;

  get life(): number {
    return this.#life;
  }

  /** Nothing that changed up to this commit is missing. */
  get through(): number {
    return this.#through;
  }

  get isBehind(): boolean {
    return this.#through < this.#commit;
  }

  get size(): number {
    return this.#slots.size;
  }

  /**
   * `past` for a frame of an earlier life that may have been on its way. In a new life, everything of the last one is void: it is
   * answered. Two processes may have the key of one peer, then the newer is heard; when it falls silent the other is.
   */
  meet(life: number, ms: number): readonly string[] | 'past' {
    if (life === this.#life) {
      this.#heardMs = ms;
      return NOTHING;
    }
    const past = this.#pastLives.indexOf(life);
    if (past >= 0) {
      if (ms - this.#heardMs < PEER_LIMITS.lifeSilentMs) return 'past';
      this.#pastLives.splice(past, 1);
    }
    this.#heardMs = ms;
    if (this.#life !== 0) this.#pastLives.push(this.#life);
    if (this.#pastLives.length > PEER_LIMITS.pastLivesMax) this.#pastLives.shift();
    const gone = this.clear();
    this.#life = life;
    return gone;
  }

  /** Forgets all slots and answers what was in them. */
  clear(): readonly string[] {
    const gone = [...this.#slots.values()].flatMap(({ name }) => name ?? []);
    this.#slots.clear();
    this.#through = 0;
    this.#commit = 0;
    this.wantedMs = undefined;
    return gone;
  }

  /**
   * Takes a change that is news. Undefined when it is not; slots out of range are refused before. One of a slot we know nothing of
   * is news even if its commit is not: members of large subnets keep echoes from those who do not ask.
   */
  take({ slot, commit, content }: SlotChange): Turn | undefined {
    const known = this.#slots.get(slot);
    if (known !== undefined && commit <= known.commit) return undefined;
    const come =
      content === undefined
        ? undefined
        : { name: nameOf(content.artifactKind, content.id), content };
    this.#slots.set(slot, come === undefined ? { commit } : { commit, name: come.name });
    return { gone: known?.name, come };
  }

  /** After the changes of an update were taken. */
  advance({ after, through, commit }: SlotUpdates): void {
    this.#commit = Math.max(this.#commit, commit);
    if (after <= this.#through && through > this.#through) this.#through = through;
  }
}

const NOTHING: readonly never[] = [];

/** Updates that contradict themselves. */
export function areMalformed(updates: SlotUpdates, slotsMax: number): boolean {
  const { after, through, commit, changes } = updates;
  if (after > through || through > commit) return true;
  let last = after;
  for (const change of changes) {
    if (change.commit <= last || change.commit > through) return true;
    if (change.slot >= slotsMax) return true;
    last = change.commit;
  }
  return false;
}
