// One simulated life of a replica, as a function of its seed.
import type { BlsEngine, SignatureEngine } from '@internode/crypto';
import { type Report, type Swarm, World } from '@internode/sim';
import { agreement, oneRoot } from './checkers/agreement.ts';
import { exactlyOnce } from './checkers/calls.ts';
import { certifiedHeight } from './checkers/certified-height.ts';
import { replicaOf } from './roles/replica.ts';

export interface LifeOptions {
  readonly seed: string;
  readonly bls: BlsEngine;
  readonly signatures: SignatureEngine;
  readonly wasm: Uint8Array;
  readonly swarm?: Partial<Swarm>;
  readonly drawsMax?: number;
  readonly command: string;
}

const CALLS = 20;
const PAUSE_MS = 150;
const SAFETY_MS = 6_000;
const LIVENESS_MS = 12_000;

export function live(options: LifeOptions): Report {
  const { seed, swarm, drawsMax, command } = options;
  const world = new World({
    seed,
    nodes: [replicaOf({ ...options, calls: CALLS, pauseMs: PAUSE_MS })],
    checkers: [agreement(), oneRoot(), certifiedHeight(), exactlyOnce(CALLS)],
    command,
    ...(swarm !== undefined && { swarm }),
    ...(drawsMax !== undefined && { drawsMax }),
  });
  return world.run({ safetyMs: SAFETY_MS, livenessMs: LIVENESS_MS });
}
