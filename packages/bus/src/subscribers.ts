import type { Cancel, Envelope } from '@internode/actor';

export type Deliver = (envelope: Envelope) => void;

/** Who hears which subject, in order of subscription. */
export class Subscribers {
  readonly #bySubject = new Map<string, Set<Deliver>>();

  /** `first` and `last` are told when a subject gains its first subscriber and loses its last. */
  add(subject: string, deliver: Deliver, first?: () => void, last?: () => void): Cancel {
    let delivers = this.#bySubject.get(subject);
    if (delivers === undefined) {
      delivers = new Set();
      this.#bySubject.set(subject, delivers);
      first?.();
    }
    // A function of its own, so that one callback may subscribe twice and cancel once.
    const own: Deliver = (envelope) => deliver(envelope);
    delivers.add(own);
    return () => {
      if (!delivers.delete(own) || delivers.size > 0) return;
      this.#bySubject.delete(subject);
      last?.();
    };
  }

  has(subject: string): boolean {
    return this.#bySubject.has(subject);
  }

  /** Each subscriber gets bytes of its own; one that throws keeps none of the others from hearing. */
  deliver(envelope: Envelope): void {
    const delivers = this.#bySubject.get(envelope.subject);
    if (delivers === undefined) return;
    let left = delivers.size;
    // The set itself when there is one: whoever subscribes meanwhile hears from the next on.
    for (const deliver of left === 1 ? delivers : [...delivers]) {
      if (left === 0) return;
      left -= 1;
      tell(deliver, left === 0 ? envelope : { ...envelope, body: envelope.body.slice() });
    }
  }

  clear(): void {
    this.#bySubject.clear();
  }
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
