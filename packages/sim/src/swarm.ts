// How bad the world is. Each run draws its own weather from its seed, and leaves each kind of trouble out now and then:
// bugs that need calm in one place and a storm in another are found this way.
import type { Random } from './random.ts';

export interface Swarm {
  /** Messages take from `busDelayMsMin` to about `busDelayMsMean` more. */
  readonly busDelayMsMin: number;
  readonly busDelayMsMean: number;
  readonly busLoss: number;
  readonly busRepeat: number;
  /** False keeps what one service says to another in order. */
  readonly busReorder: boolean;
  /** Every so often two services stop hearing each other (one way), for so long. 0 = never. */
  readonly partitionEveryMs: number;
  readonly partitionForMs: number;
  readonly syncDelayMsMean: number;
  readonly solverDelayMsMean: number;
  readonly serviceCrashEveryMs: number;
  readonly nodeCrashEveryMs: number;
  readonly downForMs: number;
  readonly diskFullEveryMs: number;
  readonly diskFullForMs: number;
  /** Every so often a broker is away: whatever services of a node say to each other is lost, for so long. */
  readonly busOutEveryMs: number;
  readonly busOutForMs: number;
  /** Every so often a service stands still: it hears late what is said meanwhile, or never, and is heard late. */
  readonly stallEveryMs: number;
  readonly stallForMs: number;
  /** The wall clocks of nodes differ by up to so much. */
  readonly wallSkewMs: number;
  // What follows is between nodes: drawn only when there are several.
  /** Times are those of the cities' round trips times this: 1 = the world, 0.01 = one building. */
  readonly distance: number;
  readonly jitterMsMean: number;
  /** Of each node, each way; what is over it waits in line. 0 = no limit. */
  readonly bandwidthMbit: number;
  readonly linkBreakEveryMs: number;
  /** Every so often some nodes stop reaching others, for so long: one way or both, steadily or on and off. */
  readonly splitEveryMs: number;
  readonly splitForMs: number;
  /** Clocks of nodes run faster or slower by up to this share. */
  readonly clockDrift: number;
  /** Disks of nodes are up to so many times slower. */
  readonly diskSpread: number;
  /** Every so often the nodes that meet one twin meet the other. */
  readonly twinSwapEveryMs: number;
}

/** A world without trouble, as in the liveness phase. */
export const CALM: Swarm = {
  busDelayMsMin: 0.05,
  busDelayMsMean: 0.2,
  busLoss: 0,
  busRepeat: 0,
  busReorder: false,
  partitionEveryMs: 0,
  partitionForMs: 0,
  syncDelayMsMean: 0.5,
  solverDelayMsMean: 1,
  serviceCrashEveryMs: 0,
  nodeCrashEveryMs: 0,
  downForMs: 0,
  diskFullEveryMs: 0,
  diskFullForMs: 0,
  busOutEveryMs: 0,
  busOutForMs: 0,
  stallEveryMs: 0,
  stallForMs: 0,
  wallSkewMs: 0,
  distance: 0.1,
  jitterMsMean: 0.1,
  bandwidthMbit: 0,
  linkBreakEveryMs: 0,
  splitEveryMs: 0,
  splitForMs: 0,
  clockDrift: 0,
  diskSpread: 1,
  twinSwapEveryMs: 0,
};

type BetweenNodes = Pick<
  Swarm,
  | 'distance'
  | 'jitterMsMean'
  | 'bandwidthMbit'
  | 'linkBreakEveryMs'
  | 'splitEveryMs'
  | 'splitForMs'
  | 'clockDrift'
  | 'diskSpread'
  | 'twinSwapEveryMs'
>;

function maybe(random: Random, probability: number, draw: () => number): number {
  return random.chance(probability) ? draw() : 0;
}

/** Of several nodes, from a stream of its own. */
export function drawBetweenNodes(random: Random): BetweenNodes {
  return {
    distance: random.pick([0.01, 0.1, 0.5, 1, 2]),
    jitterMsMean: random.pick([0.02, 0.5, 5, 40]),
    bandwidthMbit: maybe(random, 0.5, () => random.pick([1_000, 300, 50])),
    linkBreakEveryMs: maybe(random, 0.5, () => random.pick([200, 1000, 4000])),
    splitEveryMs: maybe(random, 0.6, () => random.pick([500, 2000, 4000])),
    splitForMs: random.pick([100, 800, 3000]),
    clockDrift: maybe(random, 0.4, () => random.pick([0.0001, 0.01, 0.05])),
    diskSpread: random.chance(0.5) ? random.pick([2, 10]) : 1,
    twinSwapEveryMs: random.pick([300, 1000, 3000]),
  };
}

type OfBus = Pick<Swarm, 'busOutEveryMs' | 'busOutForMs' | 'stallEveryMs' | 'stallForMs'>;

/** Of services apart, from a stream of its own. */
export function drawOfBus(random: Random): OfBus {
  return {
    busOutEveryMs: maybe(random, 0.3, () => random.pick([1000, 4000])),
    busOutForMs: random.pick([20, 200, 1000]),
    stallEveryMs: maybe(random, 0.4, () => random.pick([500, 2000])),
    stallForMs: random.pick([50, 500, 2000]),
  };
}

/** Of one node. */
export function drawSwarm(random: Random): Omit<Swarm, keyof BetweenNodes | keyof OfBus> {
  return {
    busDelayMsMin: random.between(0, 0.5),
    busDelayMsMean: random.pick([0.05, 0.2, 1, 5, 20]),
    busLoss: maybe(random, 0.6, () => random.pick([0.001, 0.01, 0.05, 0.2])),
    busRepeat: maybe(random, 0.5, () => random.pick([0.001, 0.01, 0.1])),
    busReorder: random.chance(0.5),
    partitionEveryMs: maybe(random, 0.4, () => random.pick([500, 2000, 5000])),
    partitionForMs: random.pick([50, 300, 1500]),
    syncDelayMsMean: random.pick([0.1, 0.5, 5, 30]),
    solverDelayMsMean: random.pick([0.1, 1, 10, 50]),
    serviceCrashEveryMs: maybe(random, 0.6, () => random.pick([200, 1000, 4000])),
    nodeCrashEveryMs: maybe(random, 0.5, () => random.pick([500, 2000, 6000])),
    downForMs: random.pick([1, 50, 500]),
    diskFullEveryMs: maybe(random, 0.2, () => random.pick([2000, 5000])),
    diskFullForMs: random.pick([20, 200, 1000]),
    wallSkewMs: maybe(random, 0.3, () => random.pick([1, 50, 2000])),
  };
}
