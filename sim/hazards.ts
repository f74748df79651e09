// What a network meets besides weather and members that are not honest: epochs of few heights, and disks that are lost.
import { CONSENSUS_LIMITS } from '@internode/consensus';
import { Random } from '@internode/sim';
import type { Faults } from './adversaries/index.ts';

export interface Hazards {
  /** Heights from summary to summary; 0: no epochs. */
  readonly epochLength: number;
  /** The member whose disks are lost in the middle of trouble; it is down until calm or the end of some crash. */
  readonly lostDisk: number | 'none';
  /** Finished heights whose blocks a replica keeps; 0: as many as in production. */
  readonly blocksKept: number;
}

const EPOCHS_CHANCE = 0.4;
/** Shorter ones than `internode` takes; half of them are for complaints, and fewer than four would be none for makers of blocks ahead. */
const EPOCH_LENGTHS = [8, 12, 16];
const LOST_DISK_CHANCE = 0.5;
/** Peers that forget early lead nobody back by blocks: who is behind fetches the state. */
const FORGETFUL_CHANCE = 0.5;
const BLOCKS_KEPT = 4;

/** `wanted` instead of what the seed draws. A member that loses its disks counts among those that may fail. */
export function drawHazards(
  { seed, nodes, drawsMax }: Drawn,
  faults: Faults,
  wanted: Partial<Hazards>,
): Hazards {
  const random = new Random(`${seed}/hazards`, drawsMax);
  const hasEpochs = random.chance(EPOCHS_CHANCE);
  const length = random.pick(EPOCH_LENGTHS);
  const isForgetful = random.chance(FORGETFUL_CHANCE);
  const mayLose = faults.size < Math.floor((nodes - 1) / 3);
  const loses = random.chance(LOST_DISK_CHANCE) && mayLose;
  const number = random.below(nodes);
  const epochLength = wanted.epochLength ?? (hasEpochs ? length : 0);
  return {
    epochLength,
    lostDisk: wanted.lostDisk ?? (loses && !faults.has(number) ? number : 'none'),
    blocksKept: wanted.blocksKept ?? (epochLength > 0 && isForgetful ? BLOCKS_KEPT : 0),
  };
}

interface Drawn {
  readonly seed: string;
  readonly nodes: number;
  readonly drawsMax?: number | undefined;
}

export function hazardsText({ epochLength, lostDisk, blocksKept }: Hazards): string {
  const epochs = epochLength === 0 ? 'no epochs' : `epochs of ${epochLength}`;
  const forgets = blocksKept === 0 ? '' : `, blocks of ${blocksKept} heights kept`;
  return `${epochs}${forgets}, ${lostDisk === 'none' ? 'no disk lost' : `n${lostDisk} loses its disk`}`;
}

const { journalHeightsKept, compactHeights, chainKept } = CONSENSUS_LIMITS;

/** For all lives of this thread from now on: they are lived one after the other. */
export function keepBlocks(heights: number): void {
  const kept =
    heights === 0
      ? { journalHeightsKept, compactHeights, chainKept }
      : { journalHeightsKept: heights + 2, compactHeights: heights, chainKept: heights };
  Object.assign(CONSENSUS_LIMITS, kept);
}
