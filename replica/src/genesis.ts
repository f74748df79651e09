// The keys of a development network: one process deals all of them and therefore knows them all. Real subnets are born in a
// ceremony; this one is for a single operator's machine. What is kept is one seed, from which everything is derived.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dealSubnet, type SubnetDealing } from '@internode/beacon';
import type { BlsEngine } from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import { canisterIdFromIndex } from '@internode/encoding';
import { fromHex, isHex } from '@internode/prelude';
import { writeDurably } from './data-dir.ts';
import { StartFault } from './start-fault.ts';

/** What canisters of this subnet may be called: the first 2^20 ids, as on mainnet's first subnet. */
export const CANISTER_RANGES: readonly (readonly [Uint8Array, Uint8Array])[] = [
  [canisterIdFromIndex(0n), canisterIdFromIndex(2n ** 20n - 1n)],
];

const FILE = 'keys.json';
const SEED_BYTES = 32;

interface StoredKeys {
  readonly note: string;
  readonly seed: string;
}

/** The keys of a data directory's only node; made at the first call. */
export function developmentKeys(dataDir: string, bls: BlsEngine): SubnetDealing {
  const file = join(dataDir, FILE);
  if (!existsSync(file)) {
    const note = 'The secret of a development network. Whoever has it is the subnet.';
    const stored: StoredKeys = { note, seed: randomBytes(SEED_BYTES).toString('hex') };
    writeDurably(file, `${JSON.stringify(stored, null, 2)}\n`, 0o600);
  }
  return dealSubnet({ nodes: 1, entropy: readSeed(file), bls, signatures: nodeSignatures });
}

function readSeed(file: string): Uint8Array {
  try {
    const { seed } = JSON.parse(readFileSync(file, 'utf8')) as StoredKeys;
    if (!isHex(seed) || seed.length !== SEED_BYTES * 2) throw new Error('the seed is malformed');
    return fromHex(seed);
  } catch (fault) {
    throw new StartFault(
      `the keys in ${file} cannot be read: ${(fault as Error).message}`,
      'restore the file from a backup, or start afresh with --clean (canisters and the root key are lost)',
    );
  }
}
