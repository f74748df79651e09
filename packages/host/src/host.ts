// One process of a node: opens the world's adapters, runs services in it, stops them in reverse order.
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
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
import type { NatsOptions } from '@internode/bus/nats';
import { assert, InvariantBroken } from '@internode/prelude';
import { FileJournal, type StorageFault } from '@internode/storage';
import { MemoryJournal } from '@internode/storage/memory';
import { openTelemetry, type Telemetry, type TracesOptions } from '@internode/telemetry';
import { SystemClock } from './clock.ts';
import { lockDataDir, lockFolder } from './data-dir.ts';
import { watchProcess } from './process-metrics.ts';
import { answerProfiles } from './profiling.ts';

export interface HostOptions {
  readonly place: Ports['place'];
  /** Where journals and stores live; without it nothing survives. Locked while the host is open. */
  readonly dataDir?: string;
  /**
   * Of what others are kept out: of the whole directory (the default), of the journals that are opened here (another process of
   * the node has locked the directory), or of nothing (another thread of this process has).
   */
  readonly locks?: 'directory' | 'journals' | 'nothing';
  /** One that is open already (the caller closes it), `memory:` (services of this process only) or a broker. */
  readonly bus?: CarriedBus | 'memory:' | NatsOptions;
  readonly log?: {
    readonly format?: 'pretty' | 'json';
    readonly level?: LogLevel;
    readonly write?: (line: string) => void;
  };
  /** What this process runs, for the figures of the whole process. Threads say nothing: their process does. */
  readonly unit?: string;
  /** Absent: nothing is traced. */
  readonly traces?: TracesOptions;
}

/** A bus that says when its subscriptions are in force. */
export interface CarriedBus extends Bus {
  ready(): Promise<void>;
}

/** Begins what was opened; what it answers is told to a supervisor. */
export type Start<News = void> = () => News | Promise<News>;

/** Opens a service's adapters in a host; the same in every placement. */
export type Open<Settings, News = void> = (host: Host, settings: Settings) => Promise<Start<News>>;

export interface Running<Task, Answer, Event> {
  readonly solver?: Solver<Task, Answer>;
  readonly describe?: Describe<Event>;
  /** 'none' for a service that keeps nothing: then there is no file, and no lock. */
  readonly journal?: 'file' | 'none';
}

export interface Host extends AsyncDisposable {
  readonly place: Ports['place'];
  readonly bus: Bus;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly telemetry: Telemetry;
  /** `<dataDir>/<name>`. */
  pathOf(name: string): string;
  /** Settles when whatever was subscribed to until now is heard. */
  hears(): Promise<void>;
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
  /** Makes `stopped` reject: the node cannot go on. */
  readonly fail: (fault: unknown) => void;
  close(): Promise<void>;
}

/** As the environment says in OpenTelemetry's own variables. */
export function tracesFromEnvironment(subnet = ''): Pick<HostOptions, 'traces'> {
  return { traces: { environment: process.env, subnet } };
}

/** Throws a `StorageFault` when the data directory cannot be used. */
export async function openHost(options: HostOptions): Promise<Host> {
  await using opening = new AsyncDisposableStack();
  const { place, dataDir } = options;
  const { locks = 'directory' } = options;
  if (dataDir !== undefined && locks === 'directory') {
    opening.defer(answerProfiles(dataDir));
    opening.defer(lockDataDir(dataDir));
  }
  const telemetry = await openTelemetry({
    format: options.log?.format ?? 'pretty',
    level: options.log?.level ?? 'info',
    write: options.log?.write ?? ((line) => process.stderr.write(line)),
    node: place.node,
    unixMs: () => Date.now(),
    ...(options.traces !== undefined && { traces: options.traces }),
  });
  opening.defer(() => telemetry.close());
  const { bus: wanted = 'memory:', unit = 'replica' } = options;
  if (isMainThread) watchProcess(telemetry, unit);
  const carried = await openBus(wanted, opening, { telemetry, unit });
  const bus = scopedBus(carried, place);
  const hears = async (): Promise<void> => ('ready' in carried ? carried.ready() : undefined);
  const locksJournals = locks !== 'nothing';
  return new OpenHost({
    place,
    dataDir,
    locksJournals,
    bus,
    hears,
    telemetry,
    stack: opening.move(),
  });
}

async function openBus(
  bus: CarriedBus | 'memory:' | NatsOptions,
  stack: AsyncDisposableStack,
  { telemetry, unit }: { readonly telemetry: Telemetry; readonly unit: string },
): Promise<Bus | CarriedBus> {
  if (bus === 'memory:') return new MemoryBus({ handsOver: true });
  if ('publish' in bus) return bus;
  const { NatsBus } = await import('@internode/bus/nats');
  const onTrouble = (text: string): void => telemetry.log.line('bus', 'warn', text, {});
  const connected = await NatsBus.connect({ onTrouble, ...bus });
  stack.defer(() => connected.close());
  const { metrics } = telemetry;
  metrics.collect(() => {
    const { messagesIn, messagesOut, bytesIn, bytesOut } = connected.traffic;
    const counts = [
      ['messages_strange_total', connected.strange],
      ['messages_received_total', messagesIn],
      ['messages_sent_total', messagesOut],
      ['bytes_received_total', bytesIn],
      ['bytes_sent_total', bytesOut],
    ] as const;
    for (const [name, count] of counts) metrics.setCount('bus', name, count, { unit });
  });
  return connected;
}

interface Opened {
  readonly place: Ports['place'];
  readonly dataDir: string | undefined;
  readonly locksJournals: boolean;
  readonly bus: Bus;
  readonly hears: () => Promise<void>;
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

  pathOf(name: string): string {
    const { dataDir } = this.#opened;
    assert(dataDir !== undefined, 'host: nothing survives here, so nothing has a path');
    return join(dataDir, name);
  }

  hears(): Promise<void> {
    return this.#opened.hears();
  }

  run<Task, Answer, Event>(
    service: Service<Task, Answer, Event>,
    { solver, describe, journal = 'file' }: Running<Task, Answer, Event> = {},
  ): void {
    const { telemetry, clock, entropy, bus, place } = this;
    if (describe !== undefined) telemetry.describe(service.name, describe);
    telemetry.watch(service.name, () => service.figures());
    const ports: Ports<Task, Answer> = {
      place,
      bus,
      clock,
      entropy,
      journal: journal === 'none' ? new MemoryJournal() : this.#openJournal(service.name),
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

  readonly fail = (fault: unknown): void => this.#stopped.reject(fault);

  #openJournal(service: string): Journal {
    const { dataDir, locksJournals } = this.#opened;
    if (dataDir === undefined) return new MemoryJournal();
    const folder = this.pathOf('journal');
    if (locksJournals) this.defer(lockFolder(folder, `${service}.lock`));
    const path = join(folder, service);
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
