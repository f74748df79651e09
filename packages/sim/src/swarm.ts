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
  /** The wall clocks of nodes differ by up to so much. */
  readonly wallSkewMs: number;
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
  wallSkewMs: 0,
};

export function drawSwarm(random: Random): Swarm {
  const maybe = (probability: number, draw: () => number): number =>
    random.chance(probability) ? draw() : 0;
  return {
    busDelayMsMin: random.between(0, 0.5),
    busDelayMsMean: random.pick([0.05, 0.2, 1, 5, 20]),
    busLoss: maybe(0.6, () => random.pick([0.001, 0.01, 0.05, 0.2])),
    busRepeat: maybe(0.5, () => random.pick([0.001, 0.01, 0.1])),
    busReorder: random.chance(0.5),
    partitionEveryMs: maybe(0.4, () => random.pick([500, 2000, 5000])),
    partitionForMs: random.pick([50, 300, 1500]),
    syncDelayMsMean: random.pick([0.1, 0.5, 5, 30]),
    solverDelayMsMean: random.pick([0.1, 1, 10, 50]),
    serviceCrashEveryMs: maybe(0.6, () => random.pick([200, 1000, 4000])),
    nodeCrashEveryMs: maybe(0.5, () => random.pick([500, 2000, 6000])),
    downForMs: random.pick([1, 50, 500]),
    diskFullEveryMs: maybe(0.2, () => random.pick([2000, 5000])),
    diskFullForMs: random.pick([20, 200, 1000]),
    wallSkewMs: maybe(0.3, () => random.pick([1, 50, 2000])),
  };
}
