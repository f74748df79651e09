// One simulated life of a subnet of n replicas, of which up to f are not honest, as a function of its seed.
import { type Checker, type NodeSetup, type Report, type Swarm, World } from '@internode/sim';
import { drawFaults, type Faults } from './adversaries/index.ts';
import { accusations } from './checkers/accusations.ts';
import { agreement, oneCheckpoint, oneRoot, uniqueRandomness } from './checkers/agreement.ts';
import { exactlyOnce } from './checkers/calls.ts';
import { certificatesHold, quorumOf } from './checkers/certificates.ts';
import { certifiedHeight } from './checkers/certified-height.ts';
import { onePrefix } from './checkers/chain.ts';
import { risingContext } from './checkers/context.ts';
import { among } from './checkers/honest.ts';
import { liveness } from './checkers/liveness.ts';
import { mailboxes } from './checkers/mailboxes.ts';
import { releases } from './checkers/releases.ts';
import { honestVotes } from './checkers/votes.ts';
import type { Crypto } from './crypto.ts';
import { drawHazards, type Hazards, hazardsText, keepBlocks } from './hazards.ts';
import { promisesSettled } from './life.ts';
import { Turns } from './roles/door.ts';
import { faultsText } from './shape.ts';
import { connected, nameOf, type Subnet, subnetOf } from './subnet.ts';

export interface NetworkOptions {
  readonly seed: string;
  readonly nodes: number;
  readonly crypto: Crypto;
  readonly wasm: Uint8Array;
  readonly command: string;
  readonly swarm?: Partial<Swarm>;
  readonly drawsMax?: number;
  readonly linesMax?: number;
  /** Changes each honest node before it lives: to plant a bug. */
  readonly disturb?: (setup: NodeSetup) => NodeSetup;
  /** Instead of what the seed draws. */
  readonly hazards?: Partial<Hazards>;
  /** How long a life goes on when everything is answered. */
  readonly restMs?: number;
  /** Instead of those that the seed draws. */
  readonly faults?: Faults;
  /** How long trouble lasts. */
  readonly safetyMs?: number;
  /** Watches too, and judges nothing. */
  readonly onlooker?: Checker;
}

const MARKS = 12;
const PAUSE_MS = 100;
const LIVENESS_MS = 40_000;
const REST_MS = 500;

/** How long trouble lasts: each millisecond costs a network with the square of its size. */
function safetyMsOf(nodes: number): number {
  return nodes <= 13 ? 4_000 : 2_000;
}

export async function liveTogether(options: NetworkOptions): Promise<Report> {
  const { seed, swarm, drawsMax, linesMax, command, disturb } = options;
  const safetyMs = options.safetyMs ?? safetyMsOf(options.nodes);
  const restMs = options.restMs ?? REST_MS;
  const phases = { safetyMs, livenessMs: Math.max(LIVENESS_MS, 2 * restMs), restMs };
  const turns = new Turns();
  const faults = options.faults ?? drawFaults(seed, options.nodes, drawsMax);
  const hazards = drawHazards(options, faults, options.hazards ?? {});
  const { epochLength, lostDisk, blocksKept } = hazards;
  keepBlocks(blocksKept);
  const subnet = subnetOf({
    ...options,
    epochLength,
    faults,
    marks: MARKS,
    pauseMs: PAUSE_MS,
    turns,
  });
  const world = new World({
    seed,
    nodes: subnet.setups.map((setup) =>
      connected(subnet.honest.has(setup.place.node) ? (disturb?.(setup) ?? setup) : setup),
    ),
    checkers: checkersOf(subnet, options, { calmMs: phases.safetyMs, faults }),
    notes: [`faults     ${faultsText(faults)}`, `hazards    ${hazardsText(hazards)}`],
    command,
    ...(swarm !== undefined && { swarm }),
    ...(drawsMax !== undefined && { drawsMax }),
    ...(linesMax !== undefined && { linesMax }),
  });
  if (lostDisk !== 'none') {
    world.at(phases.safetyMs / 2, () => {
      world.crashNode(nameOf(lostDisk));
      world.loseDisk(nameOf(lostDisk));
    });
  }
  try {
    const steps = world.steps(phases);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      if (turns.take()) await promisesSettled();
    }
  } finally {
    keepBlocks(0);
  }
}

function checkersOf(
  { dealing, honest, figures }: Subnet,
  { crypto, onlooker }: NetworkOptions,
  { calmMs, faults }: { readonly calmMs: number; readonly faults: Faults },
): readonly Checker[] {
  const { subnet } = dealing;
  const nodeIds = new Map(subnet.members.map(({ nodeId }, number) => [nameOf(number), nodeId]));
  const n = subnet.members.length;
  // A vote counts for its signer before it is on the disk, and leaves after: one may be under way.
  const enough = Math.max(1, quorumOf(n) - (n - honest.size) - 1);
  const checkers = [
    agreement(),
    oneRoot(),
    oneCheckpoint(),
    ...uniqueRandomness(),
    onePrefix(),
    risingContext(),
    honestVotes(nodeIds),
    certificatesHold({ subnet, crypto }),
    releases(enough),
    certifiedHeight(),
    accusations([...nodeIds].flatMap(([name, id]) => (honest.has(name) ? [id] : []))),
    exactlyOnce(MARKS),
    liveness(honest, calmMs),
  ].map((checker) => among(honest, checker));
  return [
    ...checkers,
    mailboxes(figures, faults.size === 0 ? 'honest' : 'flooding'),
    ...(onlooker === undefined ? [] : [onlooker]),
  ];
}
