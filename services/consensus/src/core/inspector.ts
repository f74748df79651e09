// Ingress of peers on its way to being believed: queued per peer, checked in batches, one batch at a time, verdicts kept by
// the hash of all bytes. What a block waits for goes first. A queue that is full drops: p2p or the block asks again.
import { BoundedMap } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import { type HashKey, type Ingress, sizeOfIngress } from './artifact.ts';

export interface Unproven {
  readonly id: Uint8Array;
  readonly idKey: HashKey;
  readonly ingress: Ingress;
  /** Hex node id of the peer that brought it. */
  readonly peer: string;
}

/** Hex principal of the sender, or that nobody has signed this. */
export type Verdict = { readonly author: string } | 'bad';

interface Queue {
  readonly items: Unproven[];
  bytes: number;
}

const FIRST = '';

export class Inspector {
  readonly #verdicts = new BoundedMap<HashKey, Verdict>(
    CONSENSUS_LIMITS.ingressVerdictsMax,
    'drop-oldest',
  );
  /** By peer, in the order in which they are served; what blocks wait for under a name of its own. */
  readonly #queues = new Map<string, Queue>();
  readonly #queued = new Set<HashKey>();
  #underWay: readonly Unproven[] | undefined;

  verdict(idKey: HashKey): Verdict | undefined {
    return this.#verdicts.get(idKey);
  }

  get waiting(): number {
    return this.#queued.size;
  }

  /** False when the peer has as much in the queue as it may. `wanted`: a block waits for it, which bounds how many there are. */
  add(item: Unproven, wanted: boolean): boolean {
    if (this.#queued.has(item.idKey)) return true;
    const name = wanted ? FIRST : item.peer;
    const queue = this.#queues.get(name) ?? { items: [], bytes: 0 };
    const bytes = queue.bytes + sizeOfIngress(item.ingress);
    const { unprovenPerPeerMax, unprovenBytesPerPeerMax } = CONSENSUS_LIMITS;
    const full = queue.items.length >= unprovenPerPeerMax || bytes > unprovenBytesPerPeerMax;
    if (full && !wanted) return false;
    queue.items.push(item);
    queue.bytes = bytes;
    this.#queues.set(name, queue);
    this.#queued.add(item.idKey);
    return true;
  }

  /** What to check next; undefined while a batch is under way, or when nothing waits. */
  next(): readonly Unproven[] | undefined {
    if (this.#underWay !== undefined) return undefined;
    const batch: Unproven[] = [];
    let bytes = 0;
    const { inspectedAtOnceMax, inspectedBytesAtOnceMax } = CONSENSUS_LIMITS;
    while (batch.length < inspectedAtOnceMax && bytes < inspectedBytesAtOnceMax) {
      const item = this.#take();
      if (item === undefined) break;
      batch.push(item);
      bytes += sizeOfIngress(item.ingress);
    }
    if (batch.length === 0) return undefined;
    this.#underWay = batch;
    return batch;
  }

  /** The batch under way with its verdicts. */
  done(authors: readonly (string | undefined)[]): readonly (readonly [Unproven, Verdict])[] {
    const batch = this.#underWay ?? [];
    this.#underWay = undefined;
    return batch.map((item, index) => {
      const author = authors[index];
      const verdict = author === undefined ? 'bad' : { author };
      this.#queued.delete(item.idKey);
      this.#verdicts.set(item.idKey, verdict);
      return [item, verdict] as const;
    });
  }

  /** One of whose turn it is; the peer then goes to the end of the line. */
  #take(): Unproven | undefined {
    const name = this.#queues.has(FIRST) ? FIRST : this.#queues.keys().next().value;
    const queue = name === undefined ? undefined : this.#queues.get(name);
    const item = queue?.items.shift();
    if (name === undefined || queue === undefined || item === undefined) return undefined;
    queue.bytes -= sizeOfIngress(item.ingress);
    this.#queues.delete(name);
    if (queue.items.length > 0) this.#queues.set(name, queue);
    return item;
  }
}
