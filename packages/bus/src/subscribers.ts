import type { Cancel, Envelope } from '@internode/actor';

export type Deliver = (envelope: Envelope) => void;

export interface Hearer {
  readonly deliver: Deliver;
  /** Absent: hears everything. */
  readonly group?: string | undefined;
  /** Told when the subject (of this group) gains its first subscriber. */
  readonly first?: () => void;
  /** Told when it loses its last. */
  readonly last?: () => void;
}

/** Subscribers of one subject, by their group; '' has those that hear everything. */
type ByGroup = Map<string, Set<Deliver>>;

/** Who hears which subject, in order of subscription. */
export class Subscribers {
  readonly #bySubject = new Map<string, ByGroup>();

  add(subject: string, { deliver, group = '', first, last }: Hearer): Cancel {
    const groups = this.#bySubject.get(subject) ?? new Map<string, Set<Deliver>>();
    this.#bySubject.set(subject, groups);
    let delivers = groups.get(group);
    if (delivers === undefined) {
      delivers = new Set();
      groups.set(group, delivers);
      first?.();
    }
    // A function of its own, so that one callback may subscribe twice and cancel once.
    const own: Deliver = (envelope) => deliver(envelope);
    delivers.add(own);
    return () => {
      if (!delivers.delete(own) || delivers.size > 0) return;
      groups.delete(group);
      if (groups.size === 0) this.#bySubject.delete(subject);
      last?.();
    };
  }

  has(subject: string): boolean {
    return this.#bySubject.has(subject);
  }

  /** All that hear everything, and one of each group. */
  deliver(envelope: Envelope): void {
    const groups = this.#bySubject.get(envelope.subject);
    if (groups === undefined) return;
    let left = groups.size;
    for (const group of left === 1 ? groups.keys() : [...groups.keys()]) {
      left -= 1;
      this.deliverTo(group, left === 0 ? envelope : copied(envelope));
      if (left === 0) return;
    }
  }

  /** Those of one group only: one of them, or all when the group is ''. */
  deliverTo(group: string, envelope: Envelope): void {
    const delivers = this.#bySubject.get(envelope.subject)?.get(group);
    if (delivers === undefined) return;
    if (group === '') return tellAll(delivers, envelope);
    const [next] = delivers;
    if (next === undefined) return;
    // The others first, next time.
    delivers.delete(next);
    delivers.add(next);
    tell(next, envelope);
  }

  clear(): void {
    this.#bySubject.clear();
  }
}

/** Each subscriber gets bytes of its own; one that throws keeps none of the others from hearing. */
function tellAll(delivers: ReadonlySet<Deliver>, envelope: Envelope): void {
  let left = delivers.size;
  // The set itself when there is one: whoever subscribes meanwhile hears from the next on.
  for (const deliver of left === 1 ? delivers : [...delivers]) {
    if (left === 0) return;
    left -= 1;
    tell(deliver, left === 0 ? envelope : copied(envelope));
  }
}

function copied(envelope: Envelope): Envelope {
  if (envelope.handed !== undefined) return envelope;
  return { ...envelope, body: envelope.body.slice() };
}

function tell(deliver: Deliver, envelope: Envelope): void {
  try {
    deliver(envelope);
  } catch (fault) {
    queueMicrotask(() => {
      throw fault;
    });
  }
}
