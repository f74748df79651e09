// What holds a node back whose vote log is lost (protocol 8.3 item 7; the argument: docs/spec/vote-lock.md). It may have signed
// anything up to some height H, and a second, contrary vote would count as a lie. It signs nothing at or below H. What bounds H:
// R1 n - f others remember, and say how far they have ever been: H is at most one above;
// R2 the chain: nothing was signed more than the hard gap above a certified height, and what became final after the start of
//    this life, by the clock, is above everything that was certified before.
// A first life is known by its configuration, or by 2f others for whom nothing is notarised either.
import type { ConsensusEntry } from '@internode/contracts';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { Subnet } from './subnet.ts';

type Entry = Extract<ConsensusEntry['fact'], { kind: 'voteLock' }>;

/** What another member says of itself. */
export interface Recollection {
  /** No vote of its own, and none that it helped to make count, is above; 0 = nothing has ever happened. */
  readonly seen: number;
  /** Its own log is whole. */
  readonly remembers: boolean;
}

/** Nothing is signed while the bound is not known. */
const UNKNOWN = Number.POSITIVE_INFINITY;

export class VoteLock {
  #from = 0;
  /** When the first life without a log began; undefined: the log is whole. */
  #sinceNanos: bigint | undefined;
  /** What is known has changed since it was last journalled. */
  #news = false;
  readonly #answers = new Map<string, Recollection>();

  /** The lowest height at which this node may sign. */
  get from(): number {
    return this.#from;
  }

  get isKnown(): boolean {
    return this.#from !== UNKNOWN;
  }

  /** The journal is empty. */
  begin(nowNanos: bigint): void {
    this.#sinceNanos = nowNanos;
    this.#from = UNKNOWN;
    this.#news = true;
  }

  /** Whom it still makes sense to ask. */
  unanswered(members: Subnet): readonly number[] {
    return members.members.flatMap((_, index) => {
      if (index === members.self) return [];
      const answer = this.#answers.get(members.name(index));
      return answer?.remembers === true ? [] : [index];
    });
  }

  hear(peer: string, said: Recollection): void {
    if (!this.isKnown) this.#answers.set(peer, said);
  }

  /** Judges what was heard. `firstLife`: what configuration says, if anything. */
  judge(members: Subnet, firstLife: boolean | undefined): void {
    if (this.isKnown) return;
    const others = members.members.flatMap((_, index) => {
      if (index === members.self) return [];
      const answer = this.#answers.get(members.name(index));
      return answer === undefined ? [] : [answer];
    });
    const { n, faults } = members;
    const young = others.filter(({ seen }) => seen <= 1).length;
    const needed = faults === 0 ? n - 1 : 2 * faults;
    if (firstLife === true || (firstLife === undefined && young >= needed)) return this.#settle(1);
    const remembering = others.filter((said) => said.remembers);
    if (faults === 0 || remembering.length < n - faults) return;
    this.#settle(Math.max(...remembering.map(({ seen }) => seen)) + 2);
  }

  /** A block of the final chain, in order of height. */
  sawFinal(height: number, timeNanos: bigint): void {
    const { clockSkewNanos, hardGap } = CONSENSUS_LIMITS;
    if (this.isKnown || this.#sinceNanos === undefined) return;
    if (timeNanos >= this.#sinceNanos + clockSkewNanos) this.#settle(height + hardGap + 2);
  }

  restore({ voteLock }: Entry): void {
    const { sinceNanos, fromHeight } = voteLock;
    this.#sinceNanos = sinceNanos;
    this.#from = fromHeight === 0 ? UNKNOWN : fromHeight;
  }

  /** What has to be durable before anything that it allows is. */
  takeNews(): Entry | undefined {
    if (!this.#news) return undefined;
    this.#news = false;
    return this.entry();
  }

  entry(): Entry | undefined {
    if (this.#sinceNanos === undefined) return undefined;
    const fromHeight = this.isKnown ? this.#from : 0;
    return { kind: 'voteLock', voteLock: { sinceNanos: this.#sinceNanos, fromHeight } };
  }

  #settle(from: number): void {
    this.#from = from;
    this.#news = true;
    this.#answers.clear();
  }
}
