// Keeps the services of a node running when they are apart: all are started together, one that ends is started again, all are
// stopped in order. One that keeps failing by its own fault stops the node.
import { CALM_MS, FAILURES_MAX } from '@internode/actor';
import { type Ended, SERVICE_NAMES, type ServiceName, type StartUnit, type Unit } from './unit.ts';

export interface SupervisionOptions {
  readonly start: StartUnit;
  /** Told of every end that nobody asked for. */
  readonly onEnded: (service: ServiceName, ended: Ended, delayMs: number) => void;
  /** Told what a service said whenever it begins. */
  readonly onRunning: (service: ServiceName, news: unknown) => void;
  readonly onGivenUp: (fault: Error) => void;
  /** Told of one that did not stop when it was asked. */
  readonly onKilled: (service: ServiceName) => void;
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
  readonly service: ServiceName;
  readonly code: string | undefined;

  constructor(service: ServiceName, { how, code }: Ended) {
    super(how);
    this.service = service;
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
  readonly #watched = new Map<ServiceName, Watched>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopping = false;

  constructor(options: SupervisionOptions) {
    this.#options = options;
  }

  /** Settles when all run. Rejects with a `UnitFault` when one ends before; the others are left for `stop`. */
  async begin(): Promise<void> {
    const units = await Promise.all(SERVICE_NAMES.map((service) => this.#first(service)));
    for (const [index, service] of SERVICE_NAMES.entries())
      this.#restartWhenEnded(service, units[index] as Unit);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const service of SERVICE_NAMES.toReversed())
      if ((await this.#watched.get(service)?.unit.stop()) === false)
        this.#options.onKilled(service);
  }

  /** One that runs. What services of a supervisor that was killed just now still hold is waited for. */
  async #first(service: ServiceName): Promise<Unit> {
    const startedMs = performance.now();
    for (;;) {
      const unit = this.#options.start(service);
      this.#keep(service, unit);
      const ended = await Promise.race([unit.running.then(() => undefined), unit.ended]);
      if (ended === undefined) return unit;
      const isHeld = HELD_CODES.has(ended.code ?? '');
      if (!isHeld || this.#stopping || performance.now() - startedMs > HELD_MS_MAX)
        throw new UnitFault(service, ended);
      await new Promise((resolve) => setTimeout(resolve, HELD_POLL_MS));
    }
  }

  #keep(service: ServiceName, unit: Unit): void {
    const watched = this.#watched.get(service) ?? {
      unit,
      startedMs: 0,
      failuresInRow: 0,
      endsInRow: 0,
    };
    watched.unit = unit;
    watched.startedMs = performance.now();
    this.#watched.set(service, watched);
    void unit.running.then((news) => this.#options.onRunning(service, news));
  }

  #restartWhenEnded(service: ServiceName, unit: Unit): void {
    void unit.ended.then((ended) => {
      if (!this.#stopping) this.#restart(service, ended);
    });
  }

  #restart(service: ServiceName, ended: Ended): void {
    const watched = this.#watched.get(service);
    if (watched === undefined) return;
    if (performance.now() - watched.startedMs >= CALM_MS) {
      watched.failuresInRow = 0;
      watched.endsInRow = 0;
    }
    watched.endsInRow += 1;
    if (ended.failed) watched.failuresInRow += 1;
    if (watched.failuresInRow >= FAILURES_MAX) {
      return this.#options.onGivenUp(
        new Error(`${service} keeps failing, so the node stops`, { cause: new Error(ended.how) }),
      );
    }
    const delayMs = Math.min(RESTART_MS * 2 ** (watched.endsInRow - 1), RESTART_MS_MAX);
    this.#options.onEnded(service, ended, delayMs);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const unit = this.#options.start(service);
      this.#keep(service, unit);
      this.#restartWhenEnded(service, unit);
    }, delayMs);
    this.#timers.add(timer);
  }
}
