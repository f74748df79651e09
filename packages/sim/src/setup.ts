// How a world is set up, and what its seed makes of each node.
import type { Place } from '@internode/contracts';
import type { Checker } from './checker.ts';
import type { Cpu } from './cpu.ts';
import type { ClockFault } from './node.ts';
import { Random } from './random.ts';
import type { Role } from './role.ts';
import { CALM, drawBetweenNodes, drawOfBus, drawSwarm, type Swarm } from './swarm.ts';

export interface NodeSetup {
  readonly place: Place;
  /** Started in this order. */
  readonly roles: readonly Role[];
  /** Its place among its peers, when it has some. Two nodes with one identity are twins. */
  readonly peer?: {
    /** Hexadecimal node id. */
    readonly identity: string;
    /** Position in `CITIES`. */
    readonly city: number;
  };
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
  /** Said in the report beside the weather. */
  readonly notes?: readonly string[];
  /** What work costs; without it, it takes a drawn delay. */
  readonly cpu?: Cpu;
}

export interface Phases {
  readonly safetyMs: number;
  readonly livenessMs: number;
  /** So long after every checker is content the liveness phase is over. Without it, it lasts `livenessMs`. */
  readonly restMs?: number;
}

/** The weather of the safety phase: what the seed draws, but for what is said otherwise. */
export function weatherOf(seed: string, { several, swarm, drawsMax }: Weather): Swarm {
  const root = new Random(seed, drawsMax);
  return {
    ...CALM,
    ...(several ? drawTogether(root) : drawInside(root)),
    ...swarm,
  };
}

function drawInside(root: Random): Partial<Swarm> {
  return { ...drawSwarm(root.fork('swarm')), ...drawOfBus(root.fork('of the bus')) };
}

/** Trouble among several is short, since its time is dear, and its events come twice as often. */
function drawTogether(root: Random): Partial<Swarm> {
  const swarm = { ...drawInside(root), ...drawBetweenNodes(root.fork('between')) };
  const often = Object.entries(swarm)
    .filter(([name]) => name.endsWith('EveryMs'))
    .map(([name, ms]) => [name, Number(ms) / 2]);
  return { ...swarm, ...Object.fromEntries(often) };
}

interface Weather {
  /** Nodes of the world. */
  readonly several: boolean;
  readonly swarm?: Partial<Swarm> | undefined;
  readonly drawsMax?: number | undefined;
}

export function clockFaultOf({ node }: Place, swarm: Swarm, root: Random): ClockFault {
  const { wallSkewMs, clockDrift } = swarm;
  const skewMs = root.fork(`skew/${node}`).between(-wallSkewMs, wallSkewMs);
  const drift = root.fork(`drift/${node}`).between(-clockDrift, clockDrift);
  return { skewNanos: BigInt(Math.round(skewMs * 1e6)), rate: 1 + drift };
}

/** How many times slower than the others' the disks of a node are. */
export function slownessOf(node: string, { diskSpread }: Swarm, root: Random): number {
  return root.fork(`disk/${node}`).between(1, diskSpread);
}

/** Identities that more than one node has. */
export function twinsOf(setups: readonly NodeSetup[]): string[] {
  const identities = setups.flatMap(({ peer }) => (peer === undefined ? [] : [peer.identity]));
  return identities.filter((identity, index) => identities.indexOf(identity) !== index);
}
