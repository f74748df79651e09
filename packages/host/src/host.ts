// One process of a node: opens the world's adapters, runs services in it, stops them in reverse order.
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import {
  type Bus,
  type Clock,
  type Describe,
  type Entropy,
  type Journal,
  type LogLevel,
  type Ports,
  type Service,
  type Solver,
  Supervisor,
  scopedBus,
} from '@internode/actor';
import { MemoryBus } from '@internode/bus/memory';
import { InvariantBroken } from '@internode/prelude';
import { FileJournal, type StorageFault } from '@internode/storage';
import { MemoryJournal } from '@internode/storage/memory';
import { openTelemetry, type Telemetry } from '@internode/telemetry';
import { SystemClock } from './clock.ts';
import { lockDataDir } from './data-dir.ts';

export interface HostOptions {
  readonly place: Ports['place'];
  /** Where journals and stores live; without it nothing survives. Locked while the host is open. */
  readonly dataDir?: string;
  /** `memory:` (services of this process only) or `nats://host:port`. */
  readonly bus?: string;
  readonly log?: {
    readonly format?: 'pretty' | 'json';
    readonly level?: LogLevel;
    readonly write?: (line: string) => void;
  };
  readonly otlpEndpoint?: string;
}

export interface Running<Task, Answer, Event> {
  readonly solver?: Solver<Task, Answer>;
  readonly describe?: Describe<Event>;
}

export interface Host extends AsyncDisposable {
  readonly place: Ports['place'];
  readonly bus: Bus;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly telemetry: Telemetry;
  /** `<dataDir>/<name>`, or undefined when nothing survives. */
  pathOf(name: string): string | undefined;
  /** Starts a service and keeps it running. */
  run<Task, Answer, Event>(
    service: Service<Task, Answer, Event>,
    options?: Running<Task, Answer, Event>,
  ): void;
  /** To be closed with the host, the last first, before services started earlier stop. */
  defer(close: () => Promise<void> | void): void;
  /** Why journals cannot be written at present: a full disk. Undefined when they can, or nothing was to be written. */
  readonly trouble: string | undefined;
  /** Settles on SIGTERM or SIGINT; rejects when a service or the disk is beyond repair. */
  stopped(): Promise<void>;
  close(): Promise<void>;
}

/** Throws a `StorageFault` when the data directory cannot be used. */
export async function openHost(options: HostOptions): Promise<Host> {
  await using opening = new AsyncDisposableStack();
  const { place, dataDir } = options;
  if (dataDir !== undefined) opening.defer(lockDataDir(dataDir));
  const telemetry = await openTelemetry({
    format: options.log?.format ?? 'pretty',
    level: options.log?.level ?? 'info',
    write: options.log?.write ?? ((line) => process.stderr.write(line)),
    node: place.node,
    unixMs: () => Date.now(),
    ...(options.otlpEndpoint !== undefined && { otlpEndpoint: options.otlpEndpoint }),
  });
  opening.defer(() => telemetry.close());
  const bus = scopedBus(await openBus(options.bus ?? 'memory:', opening), place);
  return new OpenHost({ place, dataDir, bus, telemetry, stack: opening.move() });
}

async function openBus(url: string, stack: AsyncDisposableStack): Promise<Bus> {
  if (url === 'memory:') return new MemoryBus({ copies: false });
  const { NatsBus } = await import('@internode/bus/nats');
  const bus = await NatsBus.connect({ url });
  stack.defer(() => bus.close());
  return bus;
}

interface Opened {
  readonly place: Ports['place'];
  readonly dataDir: string | undefined;
  readonly bus: Bus;
  readonly telemetry: Telemetry;
  readonly stack: AsyncDisposableStack;
}

const systemEntropy: Entropy = { fill: (bytes) => randomFillSync(bytes) };

const noSolver: Solver<never, never> = {
  solve: () => {
    throw new InvariantBroken('this service was started without a solver');
  },
};

/** A journal on a full disk says so every second. */
const TROUBLE_MS = 3_000;

class OpenHost implements Host {
  readonly place: Ports['place'];
  readonly bus: Bus;
  readonly clock = new SystemClock();
  readonly entropy = systemEntropy;
  readonly telemetry: Telemetry;
  readonly #opened: Opened;
  readonly #stopped = Promise.withResolvers<void>();
  #fullAtMs = Number.NEGATIVE_INFINITY;

  constructor(opened: Opened) {
    this.place = opened.place;
    this.bus = opened.bus;
    this.telemetry = opened.telemetry;
    this.#opened = opened;
    this.#stopped.promise.catch(() => {});
    const stop = (): void => this.#stopped.resolve();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, stop);
      opened.stack.defer(() => {
        process.off(signal, stop);
      });
    }
  }

  pathOf(name: string): string | undefined {
    const { dataDir } = this.#opened;
    return dataDir === undefined ? undefined : join(dataDir, name);
  }

  run<Task, Answer, Event>(
    service: Service<Task, Answer, Event>,
    { solver, describe }: Running<Task, Answer, Event> = {},
  ): void {
    const { telemetry, clock, entropy, bus, place } = this;
    if (describe !== undefined) telemetry.describe(service.name, describe);
    telemetry.watch(service.name, () => service.figures());
    const ports: Ports<Task, Answer> = {
      place,
      bus,
      clock,
      entropy,
      journal: this.#openJournal(service.name),
      solver: solver ?? noSolver,
      observe: telemetry.observe,
      ...(telemetry.tracer !== undefined && { tracer: telemetry.tracer }),
    };
    const supervisor = new Supervisor({
      clock,
      observe: telemetry.observe,
      onGivenUp: (name, fault) => {
        const error = new Error(`${name} keeps failing, so the node stops`, { cause: fault });
        this.#stopped.reject(error);
      },
    });
    this.defer(() => supervisor.stop());
    supervisor.watch(service, () => ports);
  }

  get trouble(): string | undefined {
    const isFull = this.clock.now().ms - this.#fullAtMs < TROUBLE_MS;
    return isFull ? 'no space left on the disk: calls wait until there is some' : undefined;
  }

  defer(close: () => Promise<void> | void): void {
    this.#opened.stack.defer(close);
  }

  stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  close(): Promise<void> {
    this.#stopped.resolve();
    return this.#opened.stack.disposeAsync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #openJournal(service: string): Journal {
    const path = this.pathOf(join('journal', service));
    if (path === undefined) return new MemoryJournal();
    const onFault = (fault: StorageFault): void => {
      this.telemetry.log.line(service, 'error', 'journal', { fault: fault.message });
      if (fault.code !== 'full') return this.#stopped.reject(fault);
      this.#fullAtMs = this.clock.now().ms;
    };
    const journal = FileJournal.open({ path: `${path}.journal`, onFault });
    this.defer(() => journal.close());
    return journal;
  }
}
