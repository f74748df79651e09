// One simulated life of a replica, as a function of its seed.
import { type Checker, type NodeSetup, type Report, type Swarm, World } from '@internode/sim';
import { agreement, oneRoot } from './checkers/agreement.ts';
import { exactlyOnce } from './checkers/calls.ts';
import { certifiedHeight } from './checkers/certified-height.ts';
import { mailboxes } from './checkers/mailboxes.ts';
import type { Crypto } from './crypto.ts';
import { Turns } from './roles/door.ts';
import { subnetOf } from './subnet.ts';

export interface LifeOptions {
  readonly seed: string;
  readonly crypto: Crypto;
  readonly wasm: Uint8Array;
  readonly command: string;
  readonly swarm?: Partial<Swarm>;
  readonly drawsMax?: number;
  readonly linesMax?: number;
  /** How long trouble lasts. */
  readonly safetyMs?: number;
  /** Watches too, and judges nothing. */
  readonly onlooker?: Checker;
  /** Changes the node before it lives: to plant a bug. */
  readonly disturb?: (setup: NodeSetup) => NodeSetup;
}

const MARKS = 20;
const PAUSE_MS = 150;
const PHASES = { safetyMs: 6_000, livenessMs: 14_000, restMs: 1_000 };

export async function live(options: LifeOptions): Promise<Report> {
  const { seed, swarm, drawsMax, linesMax, command, disturb, onlooker, safetyMs } = options;
  const turns = new Turns();
  const subnet = subnetOf({ ...options, nodes: 1, marks: MARKS, pauseMs: PAUSE_MS, turns });
  const world = new World({
    seed,
    nodes: subnet.setups.map((setup) => disturb?.(setup) ?? setup),
    checkers: [
      agreement(),
      oneRoot(),
      certifiedHeight(),
      exactlyOnce(MARKS),
      mailboxes(subnet.figures),
      ...(onlooker === undefined ? [] : [onlooker]),
    ],
    command,
    ...(swarm !== undefined && { swarm }),
    ...(drawsMax !== undefined && { drawsMax }),
    ...(linesMax !== undefined && { linesMax }),
  });
  const steps = world.steps({ ...PHASES, ...(safetyMs !== undefined && { safetyMs }) });
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (turns.take()) await promisesSettled();
  }
}

/** By then every promise that depends on nothing but promises has run its course. */
export function promisesSettled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
