import type { Cancel, Clock, Envelope, Instant } from '@internode/actor';
import type { Place } from '@internode/contracts';
import { type MemoryJournal, MemoryStore } from '@internode/storage/memory';
import type { Agenda } from './agenda.ts';
import type { NodeCpu } from './cpu.ts';
import type { Role } from './role.ts';

/** Where unix time begins in every world: some day in 2026. */
const EPOCH_NANOS = 1_790_000_000_000_000_000n;

export interface Node {
  readonly place: Place;
  readonly clock: ClockFault;
  readonly parts: readonly Part[];
  readonly cpu: NodeCpu | undefined;
  /** Grows when its disks are lost: what the bus of the machine before carried is not heard any more. */
  machine: number;
}

/** How a node's clocks are wrong. */
export interface ClockFault {
  /** Of the wall clock, as long as nobody sets it right. */
  readonly skewNanos: bigint;
  /** Both clocks run so many times as fast as the world's. */
  readonly rate: number;
}

/** One service of one node, with its disk. */
export interface Part {
  readonly id: string;
  readonly node: Node;
  readonly role: Role;
  journal: MemoryJournal;
  store: MemoryStore;
  readonly subscriptions: Map<string, Set<(envelope: Envelope) => void>>;
  /** Grows with each start and stop; what an older life asked for is not answered. */
  life: number;
  running: boolean;
  /** This life has a way to the node's peers. */
  onLine: boolean;
}

/** A service that never ran, on empty disks. */
export function partOf(node: Node, role: Role, journal: MemoryJournal): Part {
  return {
    id: `${node.place.node}/${role.name}`,
    node,
    role,
    journal,
    store: new MemoryStore(),
    subscriptions: new Map(),
    life: 0,
    running: false,
    onLine: false,
  };
}

/** What clocks go by. */
export interface TimeOfWorld {
  readonly nowMs: () => number;
  /**
   * Wall clocks are being set by a better one: they are right, whatever they were before. While they are apart, a round may take
   * as long as they are, because a block from the future waits.
   */
  readonly isSetRight: () => boolean;
}

/** The clocks of one node: the world's time, wrong by a constant share, and a wall clock that is off by more. */
export class NodeClock implements Clock {
  readonly #fault: ClockFault;
  readonly #time: TimeOfWorld;
  readonly #agenda: Agenda;
  #lastMs = -1;
  #last: Instant = { ms: -1, unixNanos: 0n };

  constructor(fault: ClockFault, time: TimeOfWorld, agenda: Agenda) {
    this.#fault = fault;
    this.#time = time;
    this.#agenda = agenda;
  }

  now(): Instant {
    const worldMs = this.#time.nowMs();
    if (this.#lastMs !== worldMs) {
      const ms = worldMs * this.#fault.rate;
      const unixNanos = this.#time.isSetRight()
        ? EPOCH_NANOS + BigInt(Math.round(worldMs * 1e6))
        : EPOCH_NANOS + BigInt(Math.round(ms * 1e6)) + this.#fault.skewNanos;
      this.#lastMs = worldMs;
      this.#last = { ms, unixNanos };
    }
    return this.#last;
  }

  after(delayMs: number, fire: () => void): Cancel {
    const worldMs = Math.max(0, delayMs) / this.#fault.rate;
    const appointment = this.#agenda.put(this.#time.nowMs() + worldMs, fire);
    return () => {
      appointment.run = undefined;
    };
  }

  soon(run: () => void): void {
    this.#agenda.put(this.#time.nowMs(), run);
  }
}
