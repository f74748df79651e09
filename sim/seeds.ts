// From the number of a seed to its life.
import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import type { Report } from '@internode/sim';
import { marksWasm } from './canisters/marks.ts';
import { type Crypto, standIn } from './crypto.ts';
import { live } from './life.ts';

export const CRYPTO_KINDS = ['mixed', 'real', 'stand-in'] as const;

export interface Seeds {
  /** The first seed; the others are this text, a slash and their number. */
  readonly base: string;
  readonly crypto: (typeof CRYPTO_KINDS)[number];
  readonly draws: number | undefined;
  readonly lines: number | undefined;
}

const REAL_EVERY = 50;

/** Loads what all lives need; then each number is a life. */
export async function openSeeds(seeds: Seeds): Promise<(index: number) => Promise<Report>> {
  setHashEngine(nodeHashEngine);
  const bls = await loadFastBls();
  const kinds: { readonly [kind: string]: Crypto } = {
    real: { bls, signatures: nodeSignatures, dealsEachLife: true },
    'stand-in': standIn({ bls, signatures: nodeSignatures }),
  };
  const wasm = await marksWasm();
  const { base, draws, lines } = seeds;
  return (index) => {
    const seed = index === 0 ? base : `${base}/${index}`;
    const mixed = index % REAL_EVERY === REAL_EVERY - 1 ? 'real' : 'stand-in';
    const kind = seeds.crypto === 'mixed' ? mixed : seeds.crypto;
    const shrunk = draws === undefined ? '' : ` --draws ${draws}`;
    return live({
      seed,
      crypto: kinds[kind] as Crypto,
      wasm,
      command: `npm run sim -- --seed ${seed} --crypto ${kind}${shrunk}`,
      ...(draws !== undefined && { drawsMax: draws }),
      ...(lines !== undefined && { linesMax: lines }),
    });
  };
}
