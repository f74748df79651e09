/**
 * The ingress history (interface-spec 1.9): every request that entered a block, so that none runs
 * twice.
 *
 * A request is forgotten REQUEST_RETENTION after its expiry, or after its completion when that came
 * later. The rule needs only what survives a restart (expiry, and the few completions after
 * expiry), so all replicas forget alike.
 */
import type { Refusal, RequestChange, RequestStatus } from '@internode/contracts';
import { assert, fromKey, toKey } from '@internode/prelude';
import { REQUEST_RETENTION_NANOS } from '../limits.ts';
import { SECOND_NANOS } from './time.ts';

interface Entry {
  status: RequestStatus;
  readonly expiryNanos: bigint;
  /** Absent when the request has ended. */
  readonly owner: Owner | undefined;
}

/** That of every request that has ended: only its id is asked for any more. */
const DONE: Entry = { status: 'done', expiryNanos: 0n, owner: undefined };

interface Owner {
  readonly sender: Uint8Array;
  readonly effectiveCanisterId: Uint8Array;
}

export interface LateCompletion {
  readonly requestId: Uint8Array;
  readonly completedNanos: bigint;
}

const BUCKET_NANOS = 10n * SECOND_NANOS;

export class RequestHistory {
  readonly #entries = new Map<string, Entry>();
  /** Ids to look at again, by the number of the 10 s in which they may be forgotten. */
  readonly #due = new Map<number, string[]>();
  readonly #late = new Map<string, bigint>();
  #dueFrom = Number.POSITIVE_INFINITY;
  readonly #changes = new Map<string, RequestChange>();

  get size(): number {
    return this.#entries.size;
  }

  has(requestId: Uint8Array): boolean {
    return this.#entries.has(toKey(requestId));
  }

  /** Replied or rejected. */
  hasEnded(requestId: Uint8Array): boolean {
    return this.#entries.get(toKey(requestId))?.status === 'done';
  }

  receive(requestId: Uint8Array, owner: Owner, expiryNanos: bigint): void {
    this.#add(toKey(requestId), { status: 'received', expiryNanos, owner }, expiryNanos);
    this.#change(requestId, 'received', {});
  }

  process(requestId: Uint8Array): void {
    const entry = this.#entries.get(toKey(requestId));
    assert(entry !== undefined, 'history: unknown request');
    if (entry.status !== 'received') return;
    entry.status = 'processing';
    this.#change(requestId, 'processing', {});
  }

  complete(
    requestId: Uint8Array,
    result: { reply: Uint8Array } | { refusal: Refusal },
    nowNanos: bigint,
  ): void {
    const key = toKey(requestId);
    const entry = this.#entries.get(key);
    assert(entry !== undefined, 'history: unknown request');
    this.#change(requestId, 'reply' in result ? 'replied' : 'rejected', result);
    this.#entries.set(key, DONE);
    if (nowNanos > entry.expiryNanos) this.#completeLate(key, nowNanos);
  }

  /** Takes the changes of this height, in order of first change. */
  takeChanges(): RequestChange[] {
    const changes = [...this.#changes.values()];
    this.#changes.clear();
    return changes;
  }

  /** Removes what nobody may ask for any more; ids in ascending order. */
  forget(nowNanos: bigint): Uint8Array[] {
    const forgotten: string[] = [];
    for (; this.#dueFrom <= bucketOf(nowNanos) && this.#due.size > 0; this.#dueFrom++) {
      const keys = this.#due.get(this.#dueFrom);
      if (keys === undefined) continue;
      this.#due.delete(this.#dueFrom);
      for (const key of keys) if (this.#forgetOne(key, nowNanos)) forgotten.push(key);
    }
    if (this.#due.size === 0) this.#dueFrom = Number.POSITIVE_INFINITY;
    return forgotten.sort().map(fromKey);
  }

  /** Restores an entry after a restart. */
  restore(requestId: Uint8Array, expiryNanos: bigint, completed: boolean): void {
    const entry: Entry = completed ? DONE : { status: 'received', expiryNanos, owner: undefined };
    this.#add(toKey(requestId), entry, expiryNanos);
  }

  /** Restores the owner and status of a request that is still in a queue or call context. */
  restoreOpen(requestId: Uint8Array, owner: Owner, status: 'received' | 'processing'): void {
    const key = toKey(requestId);
    const entry = this.#entries.get(key);
    assert(entry !== undefined, 'history: an open request is not in the stored history');
    this.#entries.set(key, { ...entry, status, owner });
  }

  get lateCompletions(): LateCompletion[] {
    return Array.from(this.#late, ([key, completedNanos]) => ({
      requestId: fromKey(key),
      completedNanos,
    }));
  }

  restoreLate(late: readonly LateCompletion[]): void {
    for (const { requestId, completedNanos } of late)
      this.#completeLate(toKey(requestId), completedNanos);
  }

  #completeLate(key: string, completedNanos: bigint): void {
    this.#late.set(key, completedNanos);
    this.#lookAgain(key, completedNanos + REQUEST_RETENTION_NANOS);
  }

  #add(key: string, entry: Entry, expiryNanos: bigint): void {
    this.#entries.set(key, entry);
    this.#lookAgain(key, expiryNanos + REQUEST_RETENTION_NANOS);
  }

  #lookAgain(key: string, atNanos: bigint): void {
    const bucket = bucketOf(atNanos) + 1;
    const keys = this.#due.get(bucket);
    if (keys === undefined) this.#due.set(bucket, [key]);
    else keys.push(key);
    if (bucket < this.#dueFrom) this.#dueFrom = bucket;
  }

  #forgetOne(key: string, nowNanos: bigint): boolean {
    if (this.#entries.get(key)?.status !== 'done') return false;
    const completedNanos = this.#late.get(key);
    // A late completion is looked at again in its own time.
    if (completedNanos !== undefined && completedNanos + REQUEST_RETENTION_NANOS > nowNanos)
      return false;
    this.#entries.delete(key);
    this.#late.delete(key);
    return true;
  }

  #change(
    requestId: Uint8Array,
    status: RequestStatus,
    result: { reply?: Uint8Array; refusal?: Refusal },
  ): void {
    const key = toKey(requestId);
    const { owner, expiryNanos } = this.#entries.get(key) as Entry;
    assert(owner !== undefined, 'history: the request was completed before');
    this.#changes.set(key, {
      requestId,
      status,
      reply: result.reply ?? new Uint8Array(0),
      ...(result.refusal === undefined ? {} : { refusal: result.refusal }),
      sender: owner.sender,
      effectiveCanisterId: owner.effectiveCanisterId,
      expiryNanos,
    });
  }
}

function bucketOf(nanos: bigint): number {
  return Number(nanos / BUCKET_NANOS);
}
