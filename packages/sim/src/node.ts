import type { Cancel, Clock, Envelope, Instant } from '@internode/actor';
import type { Place } from '@internode/contracts';
import type { MemoryJournal, MemoryStore } from '@internode/storage/memory';
import type { Agenda } from './agenda.ts';
import type { Role } from './role.ts';

/** Where unix time begins in every world: some day in 2026. */
const EPOCH_NANOS = 1_790_000_000_000_000_000n;

export interface Node {
  readonly place: Place;
  readonly skewNanos: bigint;
  readonly parts: readonly Part[];
}

/** One service of one node, with its disk. */
export interface Part {
  readonly id: string;
  readonly node: Node;
  readonly role: Role;
  readonly journal: MemoryJournal;
  readonly store: MemoryStore;
  readonly subscriptions: Map<string, Set<(envelope: Envelope) => void>>;
  /** Grows with each start and stop; what an older life asked for is not answered. */
  life: number;
  running: boolean;
}

/** The clocks of one node: the world's time, and a wall clock that is wrong by a constant. */
export class NodeClock implements Clock {
  readonly #skewNanos: bigint;
  readonly #nowMs: () => number;
  readonly #agenda: Agenda;
  #last: Instant = { ms: -1, unixNanos: 0n };

  constructor(skewNanos: bigint, nowMs: () => number, agenda: Agenda) {
    this.#skewNanos = skewNanos;
    this.#nowMs = nowMs;
    this.#agenda = agenda;
  }

  now(): Instant {
    const ms = this.#nowMs();
    if (this.#last.ms !== ms) {
      const unixNanos = EPOCH_NANOS + BigInt(Math.round(ms * 1e6)) + this.#skewNanos;
      this.#last = { ms, unixNanos };
    }
    return this.#last;
  }

  after(delayMs: number, fire: () => void): Cancel {
    const appointment = this.#agenda.put(this.#nowMs() + Math.max(0, delayMs), fire);
    return () => {
      appointment.run = undefined;
    };
  }

  soon(run: () => void): void {
    this.#agenda.put(this.#nowMs(), run);
  }
}
