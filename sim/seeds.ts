// From the number of a seed to its life.
import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { type Checker, Random, type Report } from '@internode/sim';
import { marksWasm } from './canisters/marks.ts';
import { type Crypto, standIn } from './crypto.ts';
import { live } from './life.ts';
import { liveTogether } from './network.ts';
import { calmed, commandOf, type Shape } from './shape.ts';

export const CRYPTO_KINDS = ['mixed', 'real', 'stand-in'] as const;

/** Of the nodes of a life. `small`: mixed, without those that take long. */
export type NodesWanted = number | 'mixed' | 'small';

export interface Seeds {
  /** The first seed; the others are this text, a slash and their number. */
  readonly base: string;
  readonly nodes: NodesWanted;
  readonly crypto: (typeof CRYPTO_KINDS)[number];
  /** What all lives have in common. */
  readonly shape: Omit<Shape, 'nodes' | 'crypto'>;
  readonly lines: number | undefined;
}

export interface Lives {
  shapeOf(index: number): Shape;
  seedOf(index: number): string;
  live(seed: string, shape: Shape, onlooker?: Checker): Promise<Report>;
}

const REAL_EVERY = 50;
/** Real curves cost more with each node. */
const REAL_NODES_MAX = 7;

/** Loads what all lives need. */
export async function openLives(seeds: Seeds): Promise<Lives> {
  setHashEngine(nodeHashEngine);
  const bls = await loadFastBls();
  const kinds: { readonly [kind in Shape['crypto']]: Crypto } = {
    real: { bls, signatures: nodeSignatures, dealsEachLife: true },
    'stand-in': standIn({ bls, signatures: nodeSignatures }),
  };
  const wasm = await marksWasm();
  const seedOf = (index: number): string => (index === 0 ? seeds.base : `${seeds.base}/${index}`);
  return {
    seedOf,
    shapeOf: (index) => {
      const { nodes: wanted } = seeds;
      const nodes = typeof wanted === 'number' ? wanted : nodesOf(seedOf(index), wanted);
      const isReal = index % REAL_EVERY === REAL_EVERY - 1 && nodes <= REAL_NODES_MAX;
      const crypto = seeds.crypto !== 'mixed' ? seeds.crypto : isReal ? 'real' : 'stand-in';
      return { ...seeds.shape, nodes, crypto };
    },
    live: (seed, shape, onlooker) => {
      const { nodes, crypto, faults, hazards, draws, safetyMs } = shape;
      const options = {
        seed,
        nodes,
        wasm,
        crypto: kinds[crypto],
        command: commandOf(seed, shape),
        swarm: calmed(shape),
        ...(draws !== undefined && { drawsMax: draws }),
        ...(seeds.lines !== undefined && { linesMax: seeds.lines }),
        ...(safetyMs !== undefined && { safetyMs }),
        ...(faults !== undefined && { faults }),
        ...(hazards !== undefined && { hazards }),
        ...(onlooker !== undefined && { onlooker }),
      };
      return nodes === 1 ? live(options) : liveTogether(options);
    },
  };
}

/** Most lives are small: what goes wrong among 40 mostly goes wrong among 4, a hundred times as fast. */
function nodesOf(seed: string, wanted: 'mixed' | 'small'): number {
  const draw = new Random(`${seed}/nodes`).unit();
  if (draw < 0.3) return 1;
  if (draw < 0.8 || (wanted === 'small' && draw < 0.9)) return 4;
  if (draw < 0.95 || (wanted === 'small' && draw < 0.99)) return 7;
  return draw < 0.998 || wanted === 'small' ? 13 : 40;
}
