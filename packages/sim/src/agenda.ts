/** What is to happen, by time and then by order of being put: a binary heap. */
export class Agenda {
  readonly #heap: Appointment[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** The time of the next appointment, or infinity. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  put(atMs: number, run: () => void): Appointment {
    const appointment: Appointment = { atMs, order: this.#order++, run };
    this.#rise(appointment);
    return appointment;
  }

  take(): Appointment | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first !== last && last !== undefined) this.#sink(last);
    return first;
  }

  #rise(appointment: Appointment): void {
    const heap = this.#heap;
    let at = heap.push(appointment) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent] as Appointment;
      if (isBefore(above, appointment)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = appointment;
  }

  #sink(appointment: Appointment): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Appointment)) child += 1;
      if (isBefore(appointment, heap[child] as Appointment)) break;
      heap[at] = heap[child] as Appointment;
      at = child;
    }
    heap[at] = appointment;
  }
}

export interface Appointment {
  readonly atMs: number;
  readonly order: number;
  /** Undefined once cancelled. */
  run: (() => void) | undefined;
}

function isBefore(left: Appointment, right: Appointment): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}
