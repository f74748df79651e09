// The keys of a development network: one process deals all of them and therefore knows them all. Real subnets are born in a
// ceremony; this one is for a single operator's machine. Keys are made once and kept with the data.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BlsEngine, blsPublicKeyToDer, dealShares } from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import { canisterIdFromIndex, selfAuthenticating } from '@internode/encoding';
import { fromHex, isHex, toHex } from '@internode/prelude';
import { writeDurably } from './data-dir.ts';
import { StartFault } from './start-fault.ts';

/** One node's share of a threshold key. */
export interface KeyShare {
  readonly secret: Uint8Array;
  /** Of all nodes, in the order of members. */
  readonly publicShares: readonly Uint8Array[];
  readonly groupPublicKey: Uint8Array;
}

export interface NodeKeys {
  /** Ed25519 secret, 32 bytes. */
  readonly nodeSecret: Uint8Array;
  /** DER, 44 bytes. */
  readonly nodePublicKey: Uint8Array;
  readonly nodeId: Uint8Array;
  /** Beacon and tape: f + 1 shares sign. */
  readonly low: KeyShare;
  /** Certification: 2f + 1 shares sign. Its group key is the subnet's for ever. */
  readonly high: KeyShare;
  /** DER of the subnet's key, 133 bytes; the root key of a network of one subnet. */
  readonly rootKey: Uint8Array;
  readonly subnetId: Uint8Array;
}

/** What canisters of this subnet may be called: the first 2^20 ids, as on mainnet's first subnet. */
export const CANISTER_RANGES: readonly (readonly [Uint8Array, Uint8Array])[] = [
  [canisterIdFromIndex(0n), canisterIdFromIndex(2n ** 20n - 1n)],
];

const FILE = 'keys.json';
const SECRET_BYTES = 32;

/** Reads the keys of a data directory, or deals and stores new ones. */
export function developmentKeys(dataDir: string, bls: BlsEngine): NodeKeys {
  const file = join(dataDir, FILE);
  if (!existsSync(file)) writeDurably(file, `${JSON.stringify(deal(bls), null, 2)}\n`, 0o600);
  return derive(parse(file), bls);
}

interface StoredKeys {
  readonly note: string;
  readonly nodeSecret: string;
  readonly lowSecret: string;
  readonly highSecret: string;
}

function deal(bls: BlsEngine): StoredKeys {
  const share = (): string => {
    const dealing = dealShares(bls, { threshold: 1, count: 1, entropy: randomBytes(64) });
    return toHex(dealing.shares[0]?.secretKey ?? new Uint8Array());
  };
  return {
    note: 'Secret keys of a development network. Whoever has them is the subnet.',
    nodeSecret: randomBytes(SECRET_BYTES).toString('hex'),
    lowSecret: share(),
    highSecret: share(),
  };
}

function parse(file: string): StoredKeys {
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as StoredKeys;
    for (const secret of [stored.nodeSecret, stored.lowSecret, stored.highSecret]) {
      if (!isHex(secret) || secret.length !== SECRET_BYTES * 2)
        throw new Error('a key is missing or malformed');
    }
    return stored;
  } catch (fault) {
    throw new StartFault(
      `the keys in ${file} cannot be read: ${(fault as Error).message}`,
      'restore the file from a backup, or start afresh with --clean (canisters and the root key are lost)',
    );
  }
}

function derive(stored: StoredKeys, bls: BlsEngine): NodeKeys {
  const nodeSecret = fromHex(stored.nodeSecret);
  const nodePublicKey = nodeSignatures.ed25519PublicKey(nodeSecret);
  const high = aloneShare(fromHex(stored.highSecret), bls);
  const rootKey = blsPublicKeyToDer(high.groupPublicKey);
  return {
    nodeSecret,
    nodePublicKey,
    nodeId: selfAuthenticating(nodePublicKey),
    low: aloneShare(fromHex(stored.lowSecret), bls),
    high,
    rootKey,
    subnetId: selfAuthenticating(rootKey),
  };
}

/** With one node and threshold one, the share is the key. */
function aloneShare(secret: Uint8Array, bls: BlsEngine): KeyShare {
  const publicKey = bls.publicKey(secret);
  return { secret, publicShares: [publicKey], groupPublicKey: publicKey };
}
