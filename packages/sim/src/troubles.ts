// What goes wrong in the safety phase, each kind at times drawn from the seed.
import type { Links } from './links.ts';
import type { Network } from './network.ts';
import type { Node, Part } from './node.ts';
import type { Random } from './random.ts';
import type { Swarm } from './swarm.ts';

/** A killed process leaves what the system already took; a power cut only what was synced, and some of the rest. */
export type Death = 'kill' | 'power cut';

/** Of the world: whom trouble hits, and how. */
export interface Victims {
  readonly nodes: readonly Node[];
  readonly links: Links;
  readonly network: Network;
  /** Identities that run twice. */
  readonly twins: readonly string[];
  readonly nowMs: () => number;
  at(atMs: number, act: () => void): void;
  start(part: Part): void;
  stop(part: Part, death: Death): void;
  setFull(part: Part, full: boolean): void;
  observe(node: Node, event: CutOff): void;
}

/** A node loses others: it does not reach them, is not reached by them, or both. */
export interface CutOff {
  readonly kind: 'CutOff';
  readonly ways: 'out' | 'in' | 'both';
  readonly forMs: number;
}

/** A way that flaps is cut for so long, and open for as long, until its time is over. */
const FLAP_MS = 120;

export class Troubles {
  readonly #victims: Victims;
  readonly #random: Random;
  readonly #between: Random;
  readonly #bus: Random;
  #swarm: Swarm | undefined;

  constructor(
    victims: Victims,
    random: { readonly inside: Random; readonly between: Random; readonly bus: Random },
  ) {
    this.#victims = victims;
    this.#random = random.inside;
    this.#between = random.between;
    this.#bus = random.bus;
  }

  /** Until the next call, or `end`. */
  begin(swarm: Swarm): void {
    this.#swarm = swarm;
    const { nodes } = this.#victims;
    const inside = this.#random;
    this.#every(inside, swarm.partitionEveryMs, () => this.#partition(swarm));
    this.#every(inside, swarm.serviceCrashEveryMs, () =>
      this.#crash([inside.pick(nodes.flatMap(({ parts }) => parts))], 'kill', swarm),
    );
    this.#every(inside, swarm.nodeCrashEveryMs, () =>
      this.#crash(inside.pick(nodes).parts, 'power cut', swarm),
    );
    this.#every(inside, swarm.diskFullEveryMs, () => this.#fillDisk(swarm));
    this.#every(this.#bus, swarm.busOutEveryMs, () => this.#loseBus(swarm));
    this.#every(this.#bus, swarm.stallEveryMs, () => this.#stall(swarm));
    if (nodes.length === 1) return;
    const between = this.#between;
    this.#every(between, swarm.linkBreakEveryMs, () => this.#victims.network.breakOne(between));
    this.#every(between, swarm.splitEveryMs, () => this.#split(swarm));
    const { twins, network } = this.#victims;
    if (twins.length === 0) return;
    this.#every(between, swarm.twinSwapEveryMs, () =>
      network.swapTwins(between.pick(twins), between),
    );
  }

  end(): void {
    this.#swarm = undefined;
  }

  #every(random: Random, meanMs: number, act: () => void): void {
    if (meanMs === 0) return;
    const swarm = this.#swarm;
    const next = (): void => {
      const delayMs = random.exponential(meanMs);
      if (random.exhausted) return;
      this.#later(delayMs, () => {
        if (this.#swarm !== swarm) return;
        act();
        next();
      });
    };
    next();
  }

  #later(delayMs: number, act: () => void): void {
    this.#victims.at(this.#victims.nowMs() + delayMs, act);
  }

  #crash(parts: readonly Part[], death: Death, { downForMs }: Swarm): void {
    for (const part of parts) this.#victims.stop(part, death);
    this.#later(this.#random.exponential(downForMs), () => {
      for (const part of parts) this.#victims.start(part);
    });
  }

  #partition({ partitionForMs }: Swarm): void {
    const random = this.#random;
    const { parts } = random.pick(this.#victims.nodes);
    // A node may be there in name only.
    if (parts.length === 0) return;
    const [from, to] = [random.pick(parts), random.pick(parts)];
    this.#victims.links.cut(from.id, to.id, random.exponential(partitionForMs));
  }

  /** A broker that is killed and started again: nothing is heard meanwhile. */
  #loseBus({ busOutForMs }: Swarm): void {
    const { parts } = this.#bus.pick(this.#victims.nodes);
    const forMs = this.#bus.exponential(busOutForMs);
    for (const from of parts)
      for (const to of parts) this.#victims.links.cut(from.id, to.id, forMs);
  }

  /** A slow consumer: its broker keeps what it has not heard, or cuts it off. */
  #stall({ stallForMs }: Swarm): void {
    const { parts } = this.#bus.pick(this.#victims.nodes);
    if (parts.length === 0) return;
    const forMs = this.#bus.exponential(stallForMs);
    this.#victims.links.stall(this.#bus.pick(parts).id, forMs, this.#bus.chance(0.5));
  }

  #fillDisk({ diskFullForMs }: Swarm): void {
    const { parts } = this.#random.pick(this.#victims.nodes);
    for (const part of parts) this.#victims.setFull(part, true);
    this.#later(this.#random.exponential(diskFullForMs), () => {
      for (const part of parts) this.#victims.setFull(part, false);
    });
  }

  /** Some nodes lose the others: one of them, or any part; one way or both; steadily, or on and off. */
  #split({ splitForMs }: Swarm): void {
    const random = this.#between;
    const { nodes } = this.#victims;
    const names = nodes.map(({ place }) => place.node);
    const alone = random.chance(0.4) ? random.pick(names) : undefined;
    const side = new Set(
      names.filter((name) => (alone === undefined ? random.chance(0.5) : name === alone)),
    );
    const [away, back] = random.pick([
      [true, true],
      [true, false],
      [false, true],
    ]);
    const cut = (forMs: number): void => {
      for (const here of side) {
        for (const there of names) {
          if (side.has(there)) continue;
          if (away) this.#victims.network.cut(here, there, forMs);
          if (back) this.#victims.network.cut(there, here, forMs);
        }
      }
    };
    const forMs = random.exponential(splitForMs);
    const ways = away && back ? 'both' : away ? 'out' : 'in';
    for (const node of nodes) {
      if (side.has(node.place.node)) this.#victims.observe(node, { kind: 'CutOff', ways, forMs });
    }
    if (!random.chance(0.3)) return cut(forMs);
    const swarm = this.#swarm;
    for (let ms = 0; ms < forMs; ms += 2 * FLAP_MS) {
      this.#later(ms, () => {
        if (this.#swarm === swarm) cut(FLAP_MS);
      });
    }
  }
}
