// Keeps the services of a node running when they are apart: all are started together, one that ends is started again, all are
// stopped in order. One that keeps failing by its own fault stops the node.
import { CALM_MS, FAILURES_MAX } from '@internode/actor';
import type { Ended, StartUnit, Unit, UnitName } from './unit.ts';

export interface SupervisionOptions {
  /** In the order in which they are named; stopped the other way round. */
  readonly units: readonly UnitName[];
  readonly start: StartUnit;
  /** Told of every end that nobody asked for. */
  readonly onEnded: (name: UnitName, ended: Ended, delayMs: number) => void;
  /** Told what a service said whenever it begins. */
  readonly onRunning: (name: UnitName, news: unknown) => void;
  readonly onGivenUp: (fault: Error) => void;
  /** Told of one that did not stop when it was asked. */
  readonly onKilled: (name: UnitName) => void;
}

/** Somebody may kill as often as he likes; whoever does it without pause is answered more slowly. */
const RESTART_MS = 20;
const RESTART_MS_MAX = 250;

/** A lock or a port that somebody holds. */
const HELD_CODES: ReadonlySet<string> = new Set(['locked', 'EADDRINUSE']);
const HELD_MS_MAX = 2_000;
const HELD_POLL_MS = 50;

/** A service that ended before it ran. */
export class UnitFault extends Error {
  readonly unit: UnitName;
  readonly code: string | undefined;

  constructor(name: UnitName, { how, code }: Ended) {
    super(how);
    this.unit = name;
    this.code = code;
  }
}

interface Watched {
  unit: Unit;
  startedMs: number;
  failuresInRow: number;
  endsInRow: number;
}

export class Supervision {
  readonly #options: SupervisionOptions;
  readonly #watched = new Map<UnitName, Watched>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopping = false;

  constructor(options: SupervisionOptions) {
    this.#options = options;
  }

  /** Settles when all run. Rejects with a `UnitFault` when one ends before; the others are left for `stop`. */
  async begin(): Promise<void> {
    const units = await Promise.all(this.#options.units.map((name) => this.#first(name)));
    for (const [index, name] of this.#options.units.entries())
      this.#restartWhenEnded(name, units[index] as Unit);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const name of this.#options.units.toReversed())
      if ((await this.#watched.get(name)?.unit.stop()) === false) this.#options.onKilled(name);
  }

  /** One that runs. What services of a supervisor that was killed just now still hold is waited for. */
  async #first(name: UnitName): Promise<Unit> {
    const startedMs = performance.now();
    for (;;) {
      const unit = this.#options.start(name);
      this.#keep(name, unit);
      const ended = await Promise.race([unit.running.then(() => undefined), unit.ended]);
      if (ended === undefined) return unit;
      const isHeld = HELD_CODES.has(ended.code ?? '');
      if (!isHeld || this.#stopping || performance.now() - startedMs > HELD_MS_MAX)
        throw new UnitFault(name, ended);
      await new Promise((resolve) => setTimeout(resolve, HELD_POLL_MS));
    }
  }

  #keep(name: UnitName, unit: Unit): void {
    const watched = this.#watched.get(name) ?? {
      unit,
      startedMs: 0,
      failuresInRow: 0,
      endsInRow: 0,
    };
    watched.unit = unit;
    watched.startedMs = performance.now();
    this.#watched.set(name, watched);
    void unit.running.then((news) => this.#options.onRunning(name, news));
  }

  #restartWhenEnded(name: UnitName, unit: Unit): void {
    void unit.ended.then((ended) => {
      if (!this.#stopping) this.#restart(name, ended);
    });
  }

  #restart(name: UnitName, ended: Ended): void {
    const watched = this.#watched.get(name);
    if (watched === undefined) return;
    if (performance.now() - watched.startedMs >= CALM_MS) {
      watched.failuresInRow = 0;
      watched.endsInRow = 0;
    }
    watched.endsInRow += 1;
    if (ended.failed) watched.failuresInRow += 1;
    if (watched.failuresInRow >= FAILURES_MAX) {
      return this.#options.onGivenUp(
        new Error(`${name} keeps failing, so the node stops`, { cause: new Error(ended.how) }),
      );
    }
    const delayMs = Math.min(RESTART_MS * 2 ** (watched.endsInRow - 1), RESTART_MS_MAX);
    this.#options.onEnded(name, ended, delayMs);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const unit = this.#options.start(name);
      this.#keep(name, unit);
      this.#restartWhenEnded(name, unit);
    }, delayMs);
    this.#timers.add(timer);
  }
}
