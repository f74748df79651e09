// All nodes, all services, one thread, virtual time. Everything that could differ between two runs comes from the seed.
import type { Bus, Cancel, Envelope } from '@internode/actor';
import { encodeMessage, type Message, type Place, subjectOf } from '@internode/contracts';
import { assert } from '@internode/prelude';
import { MemoryJournal, MemoryStore } from '@internode/storage/memory';
import { Agenda } from './agenda.ts';
import { NodeCpu } from './cpu.ts';
import { Links } from './links.ts';
import { Network } from './network.ts';
import { type Node, NodeClock, type Part, partOf } from './node.ts';
import { Random } from './random.ts';
import type { Report } from './report.ts';
import {
  clockFaultOf,
  type NodeSetup,
  type Phases,
  slownessOf,
  twinsOf,
  type WorldOptions,
  weatherOf,
} from './setup.ts';
import { CALM, type Swarm } from './swarm.ts';
import { Trace } from './trace.ts';
import { type Death, Troubles } from './troubles.ts';

/** No two events happen at the same time. */
const TICK_MS = 1e-6;

export class World {
  readonly links: Links;
  readonly network: Network;
  /** The weather of the safety phase. */
  readonly swarm: Swarm;
  readonly trace: Trace;
  readonly #options: WorldOptions;
  readonly #agenda = new Agenda();
  readonly #nodes: Node[] = [];
  readonly #hearing = new Map<string, Set<Part>>();
  readonly #random: Record<'disk' | 'solver', Random>;
  readonly #root: Random;
  readonly #troubles: Troubles;
  #now: Swarm = CALM;
  #clocksSetRight = false;
  #nowMs = 0;
  readonly #time = { nowMs: () => this.#nowMs, isSetRight: () => this.#clocksSetRight };
  #events = 0;
  #violation: string | undefined;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.trace = new Trace(options.linesMax);
    this.#root = new Random(options.seed, options.drawsMax);
    const fork = (name: string): Random => this.#root.fork(name);
    this.#random = { disk: fork('disk'), solver: fork('solver') };
    const nowMs = (): number => this.#nowMs;
    const put: Agenda['put'] = (atMs, run) => this.#agenda.put(atMs, run);
    const { seed, swarm, drawsMax } = options;
    this.swarm = weatherOf(seed, { several: options.nodes.length > 1, swarm, drawsMax });
    this.links = new Links(fork('links'), nowMs, put);
    this.network = new Network({
      random: fork('network'),
      nowMs,
      put,
      onFrame: (to, frame) => {
        this.trace.mixMs(this.#nowMs);
        this.trace.mixText(to);
        this.trace.mixBytes(frame);
      },
    });
    for (const setup of options.nodes) this.#addNode(setup);
    this.#troubles = new Troubles(
      {
        nodes: this.#nodes,
        links: this.links,
        network: this.network,
        twins: twinsOf(options.nodes),
        nowMs,
        at: (atMs, act) => this.at(atMs, act),
        start: (part) => this.#start(part),
        stop: (part, death) => this.#stop(part, death),
        setFull: (part, full) => this.#setFull(part, full),
        observe: (node, event) => this.#observe(node, 'world', event),
      },
      {
        inside: fork('trouble'),
        between: fork('troubles between'),
        bus: fork('troubles of the bus'),
      },
    );
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
    const endMs = this.#nowMs + livenessMs;
    yield* this.#through(endMs, restMs === undefined ? undefined : () => this.#areContent());
    if (restMs !== undefined) yield* this.#through(Math.min(endMs, this.#nowMs + restMs));
    for (const checker of this.#options.checkers ?? []) {
      if (this.#violation !== undefined) break;
      const text = checker.atEnd(this.#nowMs);
      if (text !== undefined) this.#violate(`${checker.name}: ${text}`);
    }
    return this.report();
  }

  report(): Report {
    const { seed, command, notes } = this.#options;
    return {
      seed,
      swarm: this.swarm,
      command: command ?? '',
      notes: notes ?? [],
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
    this.#clocksSetRight = false;
    this.#setWeather(this.swarm);
    this.#troubles.begin(this.swarm);
  }

  /** No more trouble; everyone who is down starts again, wall clocks are right. What is far away stays far away. */
  calm(): void {
    this.#clocksSetRight = true;
    const { distance } = this.swarm;
    this.#setWeather({ ...CALM, distance });
    this.#troubles.end();
    this.links.heal();
    this.network.heal();
    for (const part of this.#parts()) this.#setFull(part, false);
    this.startAll();
  }

  /** Cuts the power of a node; it stays down until `startAll`. */
  crashNode(node: string): void {
    const found = this.#nodes.find(({ place }) => place.node === node);
    assert(found !== undefined, `no node ${node}`);
    for (const part of found.parts) this.#stop(part, 'power cut');
  }

  /**
   * The node's disks are gone, with everything that was on them, and with what was under way on its bus: a message of the old
   * machine would tell the new one of heights that it never had. It has to be down.
   */
  loseDisk(node: string): void {
    for (const part of this.#parts().filter(({ node: { place } }) => place.node === node)) {
      assert(!part.running, `${part.id} runs`);
      part.journal = this.#newJournal(node);
      part.store = new MemoryStore();
    }
    const found = this.#nodes.find(({ place }) => place.node === node);
    if (found === undefined) return;
    found.machine += 1;
    this.#observe(found, 'world', { kind: 'DiskLost' });
  }

  startNode(name: string): void {
    for (const part of this.#parts()) if (part.node.place.node === name) this.#start(part);
  }

  /** Processor time that a node was charged. */
  cpuMs(name: string): number {
    return this.#nodes.find((node) => node.place.node === name)?.cpu?.usedMs ?? 0;
  }

  /** Kills one service; it stays down until `startAll`. */
  crashService(node: string, service: string): void {
    const found = this.#parts().find(({ id }) => id === `${node}/${service}`);
    assert(found !== undefined, `no service ${node}/${service}`);
    this.#stop(found, 'kill');
  }

  /** Says something on a node's bus from outside, as the gateway's edge would. */
  say(place: Place, message: Message, sender = 'world'): void {
    const body = encodeMessage(message);
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

  #addNode({ place, roles, peer }: NodeSetup): void {
    const { cpu } = this.#options;
    const parts: Part[] = [];
    const clock = clockFaultOf(place, this.swarm, this.#root);
    const node: Node = { place, clock, parts, cpu: cpu && new NodeCpu(cpu.cores), machine: 0 };
    if (peer !== undefined) this.network.add(place.node, peer.identity, peer.city);
    for (const role of roles) parts.push(partOf(node, role, this.#newJournal(place.node)));
    this.#nodes.push(node);
  }

  #newJournal(node: string): MemoryJournal {
    const slowness = slownessOf(node, this.swarm, this.#root);
    return new MemoryJournal((sync) => {
      const delayMs = this.#random.disk.exponential(this.#now.syncDelayMsMean) * slowness;
      this.#agenda.put(this.#nowMs + delayMs, sync);
    });
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
          clock: new NodeClock(node.clock, this.#time, this.#agenda),
          entropy,
          journal,
          store,
          solve: (work, answer) => {
            const result = work();
            this.#agenda.put(this.#doneMs(node), () => {
              if (part.life === life) answer(result);
            });
          },
          openLine: (ears) => {
            part.onLine = true;
            return this.network.open(node.place.node, ears);
          },
          observe: (service, event) => this.#observe(node, service, event as { kind: string }),
        },
        failed,
      );
    } catch (fault) {
      failed(fault);
    }
  }

  /** When the work that was just done counts as done. */
  #doneMs({ cpu }: Node): number {
    const charged = this.#options.cpu?.charged();
    if (cpu !== undefined && charged !== undefined) return cpu.work(this.#nowMs, charged);
    return this.#nowMs + this.#random.solver.exponential(this.#now.solverDelayMsMean);
  }

  /** At once, losing what was not on the disk yet. */
  #stop(part: Part, death: Death): void {
    if (!part.running) return;
    part.running = false;
    part.life += 1;
    part.role.stop();
    if (part.onLine) this.network.close(part.node.place.node, death === 'power cut');
    part.onLine = false;
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
      const { machine } = part.node;
      this.links.send(from, part.id, () => {
        const { cpu } = part.node;
        if (part.node.machine !== machine) return;
        if (cpu === undefined) return this.#deliver(part, envelope);
        const atMs = cpu.step(this.#nowMs, this.#options.cpu?.deliveryMs ?? 0);
        this.#agenda.put(atMs, () => this.#deliver(part, envelope));
      });
    }
  }

  /** Bodies are not copied: who publishes never touches them again, and who hears decodes, which copies. */
  #deliver(part: Part, envelope: Envelope): void {
    this.trace.mixMs(this.#nowMs);
    this.trace.mixBytes(envelope.body);
    for (const deliver of [...(part.subscriptions.get(envelope.subject) ?? [])]) deliver(envelope);
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
    this.network.setSwarm(swarm);
  }

  #setFull(part: Part, full: boolean): void {
    part.journal.setFull(full);
    part.store.setFull(full);
  }
}
