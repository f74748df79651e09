// The keys of a development network: one process deals all of them and therefore knows them all. Real subnets are born in a
// ceremony (`internode genesis`); these are for a single operator's machine.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dealSubnet, genesisSummary, type NodeKeys } from '@internode/beacon';
import type { NodeRecord, SubnetRecord } from '@internode/contracts';
import {
  type BlsEngine,
  generateBlsKey,
  generateReceiverKey,
  provePossession,
} from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import { canisterIdFromIndex, selfAuthenticating, separator, sha256 } from '@internode/encoding';
import { concatBytes, fromHex, isHex } from '@internode/prelude';
import { writeDurably } from './data-dir.ts';
import type { Member, NodeSecrets } from './member.ts';
import { StartFault } from './start-fault.ts';

/** What canisters of this subnet may be called: the first 2^20 ids, as on mainnet's first subnet. */
export const CANISTER_RANGES: readonly (readonly [Uint8Array, Uint8Array])[] = [
  [canisterIdFromIndex(0n), canisterIdFromIndex(2n ** 20n - 1n)],
];

/** Heights from summary to summary in a network; a replica of its own keeps its keys for ever and has no epochs. */
export const EPOCH_LENGTH = 500;

const FILE = 'keys.json';
const SEED_BYTES = 32;

interface StoredKeys {
  readonly note: string;
  readonly seed: string;
}

/** The only member of a data directory's own subnet; its keys are made at the first call. */
export function developmentMember(dataDir: string, bls: BlsEngine): Member {
  const file = join(dataDir, FILE);
  if (!existsSync(file)) {
    const note = 'The secret of a development network. Whoever has it is the subnet.';
    const stored: StoredKeys = { note, seed: randomBytes(SEED_BYTES).toString('hex') };
    writeDurably(file, `${JSON.stringify(stored, null, 2)}\n`, 0o600);
  }
  const [member] = dealMembers({ addresses: [''], entropy: readSeed(file), bls });
  if (member === undefined) throw new Error('a subnet has a member');
  return member;
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

/** Deals a subnet with one member for each address, as a function of `entropy`. The caller forgets what it deals. */
export function dealMembers(options: {
  readonly addresses: readonly string[];
  readonly entropy: Uint8Array;
  readonly bls: BlsEngine;
  readonly epochLength?: number | undefined;
}): Member[] {
  const { addresses, entropy, bls } = options;
  // Alone for ever, unless said otherwise.
  const { epochLength = addresses.length === 1 ? 0 : EPOCH_LENGTH } = options;
  const dealing = dealSubnet({
    nodes: addresses.length,
    entropy,
    bls,
    signatures: nodeSignatures,
  });
  const secrets = dealing.nodes.map(secretsOf);
  const record: SubnetRecord = {
    version: dealing.subnet.registryVersion,
    nodes: secrets.map((own, index) => nodeRecordOf(own, addresses[index] ?? '', bls)),
    controller: selfAuthenticating(nodeSignatures.ed25519PublicKey(controllerSecretOf(entropy))),
    // Whoever develops starts whichever version there is.
    replicaVersion: '',
    halted: false,
    epochLength,
  };
  const summary = genesisSummary(dealing.subnet, record);
  return dealing.nodes.map(({ nodeId, lowShare, highShare }, index) => ({
    summary,
    nodeId,
    secrets: secrets[index] as NodeSecrets,
    shares: { low: lowShare, high: highShare },
  }));
}

/** The public half of a node: what its operator publishes, and what the subnet's record holds. */
export function nodeRecordOf(secrets: NodeSecrets, address: string, bls: BlsEngine): NodeRecord {
  const publicKey = nodeSignatures.ed25519PublicKey(secrets.node);
  return {
    nodeId: selfAuthenticating(publicKey),
    publicKey,
    voteKey: bls.publicKey(secrets.vote),
    voteKeyProof: provePossession(bls, secrets.vote),
    receiverKey: generateReceiverKey(secrets.receiver).publicKey,
    address,
  };
}

/** Secret of whoever may change the record of a development network: it follows from the network's seed. */
export function controllerSecretOf(entropy: Uint8Array): Uint8Array {
  return derive('controller', entropy);
}

function secretsOf({ nodeSecret, voteSecret, receiverSecret }: NodeKeys): NodeSecrets {
  return { node: nodeSecret, vote: voteSecret, receiver: receiverSecret };
}

/** New secrets of a node, each from randomness of its own. */
export function makeNodeSecrets(bls: BlsEngine): NodeSecrets {
  return {
    node: new Uint8Array(randomBytes(SEED_BYTES)),
    vote: generateBlsKey(bls, randomBytes(SEED_BYTES)).secretKey,
    receiver: new Uint8Array(randomBytes(SEED_BYTES)),
  };
}

function derive(label: string, entropy: Uint8Array): Uint8Array {
  return sha256(concatBytes(separator('internode-development'), separator(label), entropy));
}
