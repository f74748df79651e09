// All nodes, all services, one thread, virtual time. Everything that could differ between two runs comes from the seed.
import type { Bus, Cancel, Envelope } from '@internode/actor';
import {
  CONTRACTS,
  type Contract,
  type Message,
  type Place,
  subjectOf,
} from '@internode/contracts';
import { assert } from '@internode/prelude';
import { MemoryJournal, MemoryStore } from '@internode/storage/memory';
import { Agenda } from './agenda.ts';
import type { Checker } from './checker.ts';
import { Links } from './links.ts';
import { type Node, NodeClock, type Part } from './node.ts';
import { Random } from './random.ts';
import type { Report } from './report.ts';
import type { Role } from './role.ts';
import { CALM, drawSwarm, type Swarm } from './swarm.ts';
import { Trace } from './trace.ts';

export interface NodeSetup {
  readonly place: Place;
  /** Started in this order. */
  readonly roles: readonly Role[];
}

export interface WorldOptions {
  readonly seed: string;
  readonly nodes: readonly NodeSetup[];
  readonly checkers?: readonly Checker[];
  /** Replaces what the seed draws. */
  readonly swarm?: Partial<Swarm>;
  /** Shrinking: randomness ends after so many draws of each stream. */
  readonly drawsMax?: number;
  /** So many of the last events are told as lines (200). */
  readonly linesMax?: number;
  /** The command that repeats this run, for the report. */
  readonly command?: string;
}

export interface Phases {
  readonly safetyMs: number;
  readonly livenessMs: number;
  /** So long after every checker is content the liveness phase is over. Without it, it lasts `livenessMs`. */
  readonly restMs?: number;
}

/** No two events happen at the same time. */
const TICK_MS = 1e-6;

/** A killed process leaves what the system already took; a power cut only what was synced, and some of the rest. */
type Death = 'kill' | 'power cut';

export class World {
  readonly links: Links;
  /** The weather of the safety phase. */
  readonly swarm: Swarm;
  readonly trace: Trace;
  readonly #options: WorldOptions;
  readonly #agenda = new Agenda();
  readonly #nodes: Node[] = [];
  readonly #hearing = new Map<string, Set<Part>>();
  readonly #random: Record<'disk' | 'solver' | 'trouble', Random>;
  readonly #root: Random;
  #now: Swarm = CALM;
  #nowMs = 0;
  #events = 0;
  #violation: string | undefined;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.trace = new Trace(options.linesMax);
    this.#root = new Random(options.seed, options.drawsMax);
    const fork = (name: string): Random => this.#root.fork(name);
    this.#random = { disk: fork('disk'), solver: fork('solver'), trouble: fork('trouble') };
    this.swarm = { ...drawSwarm(fork('swarm')), ...options.swarm };
    this.links = new Links(
      fork('links'),
      () => this.#nowMs,
      (atMs, run) => this.#agenda.put(atMs, run),
    );
    for (const setup of options.nodes) this.#addNode(setup, fork(`skew/${setup.place.node}`));
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How a property was violated, once one was. */
  get violation(): string | undefined {
    return this.#violation;
  }

  /** Both phases: trouble while safety is watched, then calm until everything must have happened. */
  run(phases: Phases): Report {
    const steps = this.steps(phases);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  }

  /** The same, with a pause after each event: for worlds with an edge whose promises must settle in between. */
  *steps({ safetyMs, livenessMs, restMs }: Phases): Generator<undefined, Report> {
    this.startAll();
    this.storm();
    yield* this.#through(this.#nowMs + safetyMs);
    this.calm();
    const isOver = restMs === undefined ? undefined : () => this.#areContent();
    const endMs = this.#nowMs + livenessMs;
    yield* this.#through(endMs, isOver);
    if (restMs !== undefined) yield* this.#through(Math.min(endMs, this.#nowMs + restMs));
    for (const checker of this.#options.checkers ?? []) {
      if (this.#violation !== undefined) break;
      const text = checker.atEnd();
      if (text !== undefined) this.#violate(`${checker.name}: ${text}`);
    }
    return this.report();
  }

  report(): Report {
    const { seed, command } = this.#options;
    return {
      seed,
      swarm: this.swarm,
      command: command ?? '',
      violation: this.#violation,
      events: this.#events,
      virtualMs: this.#nowMs,
      traceHash: this.trace.hash,
      lines: this.trace.lines(),
    };
  }

  /** Runs what the agenda holds for the next `ms`, or until a violation. */
  runFor(ms: number): void {
    const steps = this.#through(this.#nowMs + ms);
    while (!steps.next().done);
  }

  #areContent(): boolean {
    return (this.#options.checkers ?? []).every((checker) => checker.isContent?.() ?? true);
  }

  *#through(endMs: number, isOver?: () => boolean): Generator<undefined, void> {
    while (this.#violation === undefined && this.#agenda.nextMs <= endMs) {
      if (isOver?.()) return;
      const appointment = this.#agenda.take();
      if (appointment?.run === undefined) continue;
      this.#nowMs = Math.max(appointment.atMs, this.#nowMs + TICK_MS);
      this.#events += 1;
      appointment.run();
      yield;
    }
    if (this.#violation === undefined) this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  /** Runs `act` at a time of this world. */
  at(atMs: number, act: () => void): void {
    this.#agenda.put(Math.max(atMs, this.#nowMs), act);
  }

  startAll(): void {
    for (const node of this.#nodes) for (const part of node.parts) this.#start(part);
  }

  /** The weather of `swarm` begins. */
  storm(): void {
    this.#setWeather(this.swarm);
    const { partitionEveryMs, serviceCrashEveryMs, nodeCrashEveryMs, diskFullEveryMs } = this.swarm;
    this.#every(partitionEveryMs, () => this.#partition());
    this.#every(serviceCrashEveryMs, () =>
      this.#crash([this.#random.trouble.pick(this.#parts())], 'kill'),
    );
    this.#every(nodeCrashEveryMs, () =>
      this.#crash(this.#random.trouble.pick(this.#nodes).parts, 'power cut'),
    );
    this.#every(diskFullEveryMs, () => this.#fillDisk());
  }

  /** No more trouble; everyone who is down starts again. */
  calm(): void {
    this.#setWeather(CALM);
    this.links.heal();
    for (const part of this.#parts()) this.#setFull(part, false);
    this.startAll();
  }

  /** Cuts the power of a node; it stays down until `startAll`. */
  crashNode(node: string): void {
    const found = this.#nodes.find(({ place }) => place.node === node);
    assert(found !== undefined, `no node ${node}`);
    for (const part of found.parts) this.#stop(part, 'power cut');
  }

  /** Kills one service; it stays down until `startAll`. */
  crashService(node: string, service: string): void {
    const found = this.#parts().find(({ id }) => id === `${node}/${service}`);
    assert(found !== undefined, `no service ${node}/${service}`);
    this.#stop(found, 'kill');
  }

  /** Says something on a node's bus from outside, as the gateway's edge would. */
  say(place: Place, message: Message, sender = 'world'): void {
    const contract = CONTRACTS[message.kind] as Contract<Message>;
    const body = contract.encode(message);
    const subject = subjectOf(place, message.kind);
    const id = this.#events.toString(16).padStart(16, '0');
    this.#publish(`${place.node}/${sender}`, {
      id,
      cause: '',
      sender,
      subject,
      traceparent: '',
      body,
    });
  }

  #addNode({ place, roles }: NodeSetup, random: Random): void {
    const { wallSkewMs } = this.swarm;
    const skewNanos = BigInt(Math.round(random.between(-wallSkewMs, wallSkewMs) * 1e6));
    const parts: Part[] = [];
    const node: Node = { place, skewNanos, parts };
    for (const role of roles) {
      const later = (sync: () => void): void => {
        const delayMs = this.#random.disk.exponential(this.#now.syncDelayMsMean);
        this.#agenda.put(this.#nowMs + delayMs, sync);
      };
      parts.push({
        id: `${place.node}/${role.name}`,
        node,
        role,
        journal: new MemoryJournal(later),
        store: new MemoryStore(),
        subscriptions: new Map(),
        life: 0,
        running: false,
      });
    }
    this.#nodes.push(node);
  }

  #parts(): Part[] {
    return this.#nodes.flatMap(({ parts }) => parts);
  }

  #start(part: Part): void {
    if (part.running || this.#violation !== undefined) return;
    part.running = true;
    part.life += 1;
    const { life, node, role, journal, store } = part;
    const entropy = this.#root.fork(`entropy/${part.id}/${life}`);
    const failed = (fault: unknown): void => {
      const text = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
      this.#violate(`${part.id} failed: ${text}`);
    };
    try {
      role.start(
        {
          place: node.place,
          bus: this.#busOf(part),
          clock: new NodeClock(node.skewNanos, () => this.#nowMs, this.#agenda),
          entropy,
          journal,
          store,
          solve: (work, answer) => {
            const result = work();
            const delayMs = this.#random.solver.exponential(this.#now.solverDelayMsMean);
            this.#agenda.put(this.#nowMs + delayMs, () => {
              if (part.life === life) answer(result);
            });
          },
          observe: (service, event) => this.#observe(node, service, event as { kind: string }),
        },
        failed,
      );
    } catch (fault) {
      failed(fault);
    }
  }

  /** At once, losing what was not on the disk yet. */
  #stop(part: Part, death: Death): void {
    if (!part.running) return;
    part.running = false;
    part.life += 1;
    part.role.stop();
    const { disk } = this.#random;
    part.journal.crash(disk.below(part.journal.unsyncedCount + 1));
    // A store hands each batch to the system at once, so that only a power cut loses it.
    const written = part.store.unsyncedCount;
    part.store.crash(death === 'kill' ? written : disk.below(written + 1));
    this.trace.mixText(part.id);
    this.trace.mixMs(this.#nowMs);
  }

  #busOf(part: Part): Bus {
    return {
      publish: (envelope) => this.#publish(part.id, envelope),
      subscribe: (subject, deliver) => this.#subscribe(part, subject, deliver),
    };
  }

  #subscribe(part: Part, subject: string, deliver: (envelope: Envelope) => void): Cancel {
    const delivers = part.subscriptions.get(subject) ?? new Set();
    part.subscriptions.set(subject, delivers.add(deliver));
    const parts = this.#hearing.get(subject) ?? new Set();
    this.#hearing.set(subject, parts.add(part));
    return () => {
      part.subscriptions.get(subject)?.delete(deliver);
    };
  }

  #publish(from: string, envelope: Envelope): void {
    for (const part of this.#hearing.get(envelope.subject) ?? []) {
      const body = new Uint8Array(envelope.body);
      this.links.send(from, part.id, () => {
        this.trace.mixMs(this.#nowMs);
        this.trace.mixBytes(body);
        for (const deliver of [...(part.subscriptions.get(envelope.subject) ?? [])]) {
          deliver({ ...envelope, body: body.slice() });
        }
      });
    }
  }

  #observe(node: Node, service: string, event: { readonly kind: string }): void {
    const observed = { ms: this.#nowMs, node: node.place.node, service, event };
    this.trace.add(observed);
    for (const checker of this.#options.checkers ?? []) {
      const text = checker.onEvent(observed);
      if (text !== undefined) this.#violate(`${checker.name}: ${text}`);
    }
  }

  #violate(text: string): void {
    this.#violation ??= text;
  }

  #setWeather(swarm: Swarm): void {
    this.#now = swarm;
    this.links.setSwarm(swarm);
  }

  /** Until the weather changes. */
  #every(meanMs: number, act: () => void): void {
    if (meanMs === 0) return;
    const weather = this.#now;
    const { trouble } = this.#random;
    const next = (): void => {
      const delayMs = trouble.exponential(meanMs);
      if (trouble.exhausted) return;
      this.at(this.#nowMs + delayMs, () => {
        if (this.#now !== weather) return;
        act();
        next();
      });
    };
    next();
  }

  #crash(parts: readonly Part[], death: Death): void {
    for (const part of parts) this.#stop(part, death);
    const delayMs = this.#random.trouble.exponential(this.#now.downForMs);
    this.at(this.#nowMs + delayMs, () => {
      for (const part of parts) this.#start(part);
    });
  }

  #partition(): void {
    const parts = this.#random.trouble.pick(this.#nodes).parts;
    const [from, to] = [this.#random.trouble.pick(parts), this.#random.trouble.pick(parts)];
    const forMs = this.#random.trouble.exponential(this.#now.partitionForMs);
    this.links.cut(from.id, to.id, forMs);
  }

  #fillDisk(): void {
    const { parts } = this.#random.trouble.pick(this.#nodes);
    for (const part of parts) this.#setFull(part, true);
    this.at(this.#nowMs + this.#random.trouble.exponential(this.#now.diskFullForMs), () => {
      for (const part of parts) this.#setFull(part, false);
    });
  }

  #setFull(part: Part, full: boolean): void {
    part.journal.setFull(full);
    part.store.setFull(full);
  }
}
