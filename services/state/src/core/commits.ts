/**
 * What the store still has to do, one operation at a time: heights that pile up while it is busy become one batch. The
 * store follows the tip; it is never waited for, only the pile is bounded.
 */
import type { StoredCertification } from '@internode/contracts';
import { assert, toHex } from '@internode/prelude';
import { STATE_LIMITS } from '../limits.ts';
import { CERTIFICATION, CERTIFICATION_KEY, garbageKey, type KeyRange } from './rows.ts';
import type { RowChange, StateTask } from './task.ts';
import type { Applied } from './tip.ts';

interface Pile {
  readonly changes: Map<string, RowChange>;
  readonly garbage: KeyRange[];
  height: number;
  heights: number;
  bytes: number;
  /** A checkpoint is made of what the store holds after this pile: nothing is added to it. */
  checkpoint: boolean;
}

type Operation =
  | {
      readonly kind: 'write';
      readonly pile: Pile;
      readonly sync: boolean;
      readonly startedMs: number;
    }
  | { readonly kind: 'sweep'; readonly range: KeyRange };

/** What a finished operation means for others. */
export interface Stored {
  readonly height: number;
  readonly heights: number;
  readonly bytes: number;
  readonly tookMs: number;
  readonly synced: boolean;
  readonly checkpoint: boolean;
}

export class Commits {
  #pile: Pile = emptyPile();
  /** Closed piles that wait, oldest first. */
  #closed: Pile[] = [];
  #doing: Operation | undefined = undefined;
  #garbage: KeyRange[];
  #storedHeight: number;
  #durableHeight = 0;
  #heightsUnsynced: number;
  #syncedMs: number;
  #begunMs = Number.NEGATIVE_INFINITY;

  constructor(storedHeight: number, garbage: KeyRange[], nowMs: number) {
    this.#storedHeight = storedHeight;
    this.#heightsUnsynced = storedHeight > 0 ? 1 : 0;
    this.#garbage = garbage;
    this.#syncedMs = nowMs;
  }

  /** The store holds this height. */
  get storedHeight(): number {
    return this.#storedHeight;
  }

  /** And keeps it through a power cut up to here. */
  get durableHeight(): number {
    return this.#durableHeight;
  }

  get busy(): boolean {
    return this.#doing !== undefined;
  }

  /** Nothing is waiting or being written. */
  get settled(): boolean {
    return !this.#hasWork && this.#doing?.kind !== 'write';
  }

  get full(): boolean {
    let bytes = 0;
    let heights = 0;
    for (const pile of this.#piles) {
      bytes += pile.bytes;
      heights += pile.heights;
    }
    return bytes >= STATE_LIMITS.pendingBytesMax || heights >= STATE_LIMITS.pendingHeightsMax;
  }

  /** Newest first; the last one may be being written. */
  get #piles(): Pile[] {
    const writing = this.#doing?.kind === 'write' ? [this.#doing.pile] : [];
    return [this.#pile, ...this.#closed.toReversed(), ...writing];
  }

  get #hasWork(): boolean {
    return this.#pile.changes.size > 0 || this.#closed.length > 0;
  }

  /**
   * A checkpoint of this height, which was taken last, is wanted: `closed` when it is told after a write, `stored` when
   * the store holds just this height and nothing else waits, `passed` when it is too late.
   */
  closeAt(height: number): 'closed' | 'stored' | 'passed' {
    const pile = this.#pile;
    if (pile.height === height) {
      this.#pile = emptyPile();
      this.#closed.push({ ...pile, checkpoint: true });
      return 'closed';
    }
    const newest = this.#piles.find((each) => each.heights > 0);
    if (newest === undefined) return this.#storedHeight === height ? 'stored' : 'passed';
    if (newest.height !== height) return 'passed';
    newest.checkpoint = true;
    return 'closed';
  }

  add(height: number, { rows, garbage }: Applied): void {
    const pile = this.#pile;
    for (const row of rows) putRow(pile, row);
    pile.garbage.push(...garbage);
    pile.height = height;
    pile.heights += 1;
  }

  /** A value that waits to be written; the store knows better about others. */
  waiting(key: Uint8Array): RowChange | undefined {
    const text = toHex(key);
    for (const pile of this.#piles) {
      const change = pile.changes.get(text);
      if (change !== undefined) return change;
    }
    return undefined;
  }

  /** How long the next batch has to wait; undefined when nothing waits, or something is being done. */
  delayMs(nowMs: number): number | undefined {
    if (this.#doing !== undefined || !this.#hasWork) return undefined;
    return Math.max(0, this.#begunMs + STATE_LIMITS.commitEveryMs - nowMs);
  }

  /** The next task, or undefined when there is none, one is being done, or it is too early for one. */
  begin(nowMs: number, certification: StoredCertification | undefined): StateTask | undefined {
    if (this.#doing !== undefined) return undefined;
    const range = this.#garbage.shift();
    if (range !== undefined) this.#doing = { kind: 'sweep', range };
    else if (this.delayMs(nowMs) === 0 || this.#isSyncDue(nowMs)) {
      this.#begunMs = nowMs;
      const pile = this.#nextPile();
      const value = certification && CERTIFICATION.encode(certification);
      putRow(pile, { key: CERTIFICATION_KEY, value });
      this.#doing = { kind: 'write', pile, sync: this.#isSyncDue(nowMs), startedMs: nowMs };
    }
    return this.again();
  }

  #nextPile(): Pile {
    const closed = this.#closed.shift();
    if (closed !== undefined) return closed;
    const pile = this.#pile;
    this.#pile = emptyPile();
    return pile;
  }

  /** The task being done, to be tried again. */
  again(): StateTask | undefined {
    const doing = this.#doing;
    if (doing?.kind === 'sweep') return { kind: 'sweep', range: doing.range };
    if (doing === undefined) return undefined;
    return { kind: 'write', changes: [...doing.pile.changes.values()], sync: doing.sync };
  }

  swept(): void {
    const doing = this.#doing;
    assert(doing?.kind === 'sweep', 'commits: no sweep is being done');
    this.#doing = undefined;
    putRow(this.#pile, { key: garbageKey(doing.range.gte), value: undefined });
  }

  written(nowMs: number): Stored {
    const doing = this.#doing;
    assert(doing?.kind === 'write', 'commits: no write is being done');
    this.#doing = undefined;
    const { pile, sync, startedMs } = doing;
    this.#storedHeight = Math.max(this.#storedHeight, pile.height);
    this.#heightsUnsynced += pile.heights;
    this.#garbage.push(...pile.garbage);
    if (sync) {
      this.#durableHeight = this.#storedHeight;
      this.#heightsUnsynced = 0;
      this.#syncedMs = startedMs;
    }
    const { heights, bytes, checkpoint } = pile;
    const tookMs = nowMs - startedMs;
    return { height: this.#storedHeight, heights, bytes, tookMs, synced: sync, checkpoint };
  }

  #isSyncDue(nowMs: number): boolean {
    const next = this.#closed[0] ?? this.#pile;
    const heights = this.#heightsUnsynced + next.heights;
    if (heights === 0) return false;
    return heights >= STATE_LIMITS.syncHeights || nowMs - this.#syncedMs >= STATE_LIMITS.syncMs;
  }
}

function emptyPile(): Pile {
  return { changes: new Map(), garbage: [], height: 0, heights: 0, bytes: 0, checkpoint: false };
}

function putRow(pile: Pile, row: RowChange): void {
  const text = toHex(row.key);
  const before = pile.changes.get(text);
  pile.bytes += sizeOf(row) - (before === undefined ? 0 : sizeOf(before));
  pile.changes.set(text, row);
}

function sizeOf({ key, value }: RowChange): number {
  return key.length + (value?.length ?? 0);
}
