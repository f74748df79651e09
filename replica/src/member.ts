// What a replica must know and hold to be a member of a subnet, and how its data directory keeps that:
//
//   node.json     0600  the node's own secrets; it makes them itself and nobody else ever sees them
//   genesis.json        the subnet's record and public keys of height 0, the same at all members
//   joined.json         instead of shares: the invitation of a node that was not there at genesis (joining.ts)
//   shares.json   0600  the node's shares of the threshold keys of height 0
//   peers.json          where it listens and finds the others on this machine, when not as the record says
//   unstarted           there until it was ready once: a member without it and without a journal has lost its votes
//
// A subnet of one has `keys.json` instead of all four (genesis.ts).
import { closeSync, existsSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DealtSubnet } from '@internode/beacon';
import type {
  NodeRecord,
  PeerAddress,
  SubnetRecord,
  Summary,
  Transcript,
} from '@internode/contracts';
import { type BlsEngine, blsPublicKeyToDer } from '@internode/crypto';
import { nodeSignatures } from '@internode/crypto/fast';
import { principalFromText, principalToText, selfAuthenticating } from '@internode/encoding';
import { bytesEqual, toHex } from '@internode/prelude';
import { writeDurably } from './data-dir.ts';
import { SUMMARY } from './forms.ts';
import { invitedWith, isIn } from './joining.ts';
import { type Fields, hexOf, readJson, writeJson } from './json-file.ts';
import { StartFault } from './start-fault.ts';

const SECRET_BYTES = 32;
const SECRET_MODE = 0o600;
const UNSTARTED = 'unstarted';

/** What a node makes for itself: 32 bytes each. */
export interface NodeSecrets {
  /** Ed25519: identity, votes, the TLS certificate of the peer port. */
  readonly node: Uint8Array;
  /** BLS: multi-signatures of large subnets. */
  readonly vote: Uint8Array;
  /** Entropy of a ristretto255 key: shares of dealings are encrypted to it. */
  readonly receiver: Uint8Array;
}

export interface KeyShares {
  readonly low: Uint8Array;
  readonly high: Uint8Array;
}

/** Addresses of this machine, `host:port`, where they differ from the record's. */
export interface PeerPlaces {
  readonly listen: string;
  /** By node id in text. */
  readonly addresses: Readonly<Record<string, string>>;
}

export interface Member {
  /** Of height 0. */
  readonly summary: Summary;
  readonly nodeId: Uint8Array;
  readonly secrets: NodeSecrets;
  /** Of the keys of height 0; none when the node was not there then. */
  readonly shares?: KeyShares;
  /** The record that it was invited with, when it was not there at genesis. */
  readonly joined?: SubnetRecord;
  readonly places?: PeerPlaces;
}

/** Whether this directory belongs to a member of a network, ready to start or not yet. */
export function isMemberDir(dataDir: string): boolean {
  return existsSync(join(dataDir, 'node.json'));
}

export function nodeIdOf(secrets: Pick<NodeSecrets, 'node'>): Uint8Array {
  return selfAuthenticating(nodeSignatures.ed25519PublicKey(secrets.node));
}

/** The subnet as services know it. */
export function subnetOf({ current }: Pick<Summary, 'current'>): DealtSubnet {
  const { record, low, high } = current;
  const publicKeyDer = blsPublicKeyToDer(high.groupKey);
  return {
    subnetId: selfAuthenticating(publicKeyDer),
    publicKeyDer,
    registryVersion: record.version,
    members: record.nodes.map(({ nodeId, publicKey }) => ({ nodeId, publicKey })),
    low: thresholdKeyOf(low),
    high: thresholdKeyOf(high),
  };
}

function thresholdKeyOf({ threshold, groupKey, shareKeys }: Transcript): DealtSubnet['low'] {
  return { threshold, groupPublicKey: groupKey, sharePublicKeys: shareKeys };
}

/** Position in the sorted list of members; -1 for a stranger. */
export function indexOf(summary: Summary, nodeId: Uint8Array): number {
  return summary.current.record.nodes.findIndex((node) => bytesEqual(node.nodeId, nodeId));
}

/** Where to listen and where to find everybody. */
export function placesOf({ summary, nodeId, places, joined }: Member): PeerPlaces {
  const { nodes } = joined ?? summary.current.record;
  const addresses = Object.fromEntries(nodes.map((node) => [nameOf(node), node.address]));
  const own = principalToText(nodeId);
  return {
    listen: places?.listen ?? addresses[own] ?? '',
    addresses: { ...addresses, ...places?.addresses },
  };
}

/** The other members, and where this machine finds them. */
export function peersOf(member: Member): {
  readonly peers: readonly PeerAddress[];
  readonly peersVersion: number;
  readonly places: ReadonlyMap<string, string>;
} {
  const { nodes, version } = member.joined ?? member.summary.current.record;
  const addresses = member.places?.addresses ?? {};
  // Also of nodes that join later.
  const places = Object.entries(addresses).map(([text, address]) => {
    const nodeId = principalFromText(text);
    if (nodeId.kind !== 'valid') throw new StartFault(`peers.json: ${text} is not a node id`);
    return [toHex(nodeId.value), address] as const;
  });
  const others = nodes.filter(({ nodeId }) => !bytesEqual(nodeId, member.nodeId));
  const peers = others.map(({ nodeId, publicKey, address }) => ({ nodeId, publicKey, address }));
  return { peers, peersVersion: version, places: new Map(places) };
}

/** `host:port`, `[::1]:port`. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(.*):(\d+)$/.exec(address) ?? [];
  if (host === undefined || port === undefined || Number(port) > 65_535)
    throw new StartFault(`${address} is not host:port`, 'see peers.json and genesis.json');
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

const nameOf = ({ nodeId }: NodeRecord): string => principalToText(nodeId);

export function writeNodeSecrets(dataDir: string, secrets: NodeSecrets): void {
  const { node, vote, receiver } = secrets;
  writeJson(join(dataDir, 'node.json'), SECRET_MODE, {
    note: 'The secrets of one node. Whoever has them can act as it: never copy them to another machine that runs.',
    node: toHex(node),
    vote: toHex(vote),
    receiver: toHex(receiver),
  });
}

export function readNodeSecrets(dataDir: string): NodeSecrets {
  return readJson(join(dataDir, 'node.json'), (fields) => ({
    node: secretOf(fields, 'node'),
    vote: secretOf(fields, 'vote'),
    receiver: secretOf(fields, 'receiver'),
  }));
}

export function writePeerPlaces(dataDir: string, places: PeerPlaces): void {
  writeJson(join(dataDir, 'peers.json'), 0o644, places);
}

export function readPeerPlaces(dataDir: string): PeerPlaces | undefined {
  const file = join(dataDir, 'peers.json');
  if (!existsSync(file)) return undefined;
  return readJson(file, (fields) => {
    const { listen, addresses } = fields;
    const good = typeof addresses === 'object' && addresses !== null && typeof listen === 'string';
    if (!good || Object.values(addresses).some((address) => typeof address !== 'string'))
      throw new Error('it needs "listen" and "addresses"');
    return { listen, addresses: addresses as PeerPlaces['addresses'] };
  });
}

/** Public file and secret shares, if there are any; the node's own secrets are there already. */
export function writeGenesis(dataDir: string, summary: Summary, shares?: KeyShares): void {
  const { subnetId, publicKeyDer } = subnetOf(summary);
  if (shares !== undefined)
    writeJson(join(dataDir, 'shares.json'), SECRET_MODE, {
      note: 'Shares of the threshold keys of height 0. Enough of them together are the subnet.',
      low: toHex(shares.low),
      high: toHex(shares.high),
    });
  writeJson(join(dataDir, 'genesis.json'), 0o644, {
    subnetId: principalToText(subnetId),
    rootKey: toHex(publicKeyDer),
    members: summary.current.record.nodes.map((node) => `${nameOf(node)} ${node.address}`),
    summary: toHex(SUMMARY.encode(summary)),
  });
  writeDurably(
    join(dataDir, UNSTARTED),
    'Never copy this file: it says that this node has not signed anything yet.\n',
  );
}

/**
 * Whether this member has never been ready before. Then an empty journal means that it has never signed anything, else that its
 * votes are lost (docs/spec/vote-lock.md). Not gone before it is ready: a start that fails on its way is no life.
 */
export function isFirstLife(dataDir: string): boolean {
  return existsSync(join(dataDir, UNSTARTED));
}

/** From here on an empty journal is a lost one. Gone from the disk when this returns. */
export function endFirstLife(dataDir: string): void {
  if (!isFirstLife(dataDir)) return;
  rmSync(join(dataDir, UNSTARTED));
  const folder = openSync(dataDir, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

export function readGenesis(dataDir: string): Summary {
  return readJson(join(dataDir, 'genesis.json'), (fields) => {
    const summary = SUMMARY.decode(hexOf(fields, 'summary'));
    if (summary.kind !== 'valid') throw new Error(summary.reason);
    return summary.value;
  });
}

/** The member whose directory this is. Everything is checked against the public keys, so that no damage shows up later. */
export function readMember(dataDir: string, bls: BlsEngine): Member {
  const secrets = readNodeSecrets(dataDir);
  if (!existsSync(join(dataDir, 'genesis.json'))) {
    throw new StartFault(
      `${dataDir} has a node's keys but no genesis: the ceremony is not finished`,
      'see `internode genesis --help` for the steps that are left',
    );
  }
  const summary = readGenesis(dataDir);
  const nodeId = nodeIdOf(secrets);
  const joined = invitedWith(dataDir);
  const places = readPeerPlaces(dataDir);
  const member = { summary, nodeId, secrets, ...(places !== undefined && { places }) };
  if (joined !== undefined && isIn(joined, nodeId)) return { ...member, joined };
  const index = indexOf(summary, nodeId);
  if (index < 0) {
    throw new StartFault(
      `the node ${principalToText(nodeId)} of ${dataDir} is no member of the subnet in its genesis.json`,
      'a node that was not there at genesis needs an invitation: see `internode node --help`',
    );
  }
  return { ...member, shares: sharesOf(dataDir, { summary, index, bls }) };
}

function sharesOf(
  dataDir: string,
  {
    summary,
    index,
    bls,
  }: { readonly summary: Summary; readonly index: number; readonly bls: BlsEngine },
): KeyShares {
  const shares = readJson(join(dataDir, 'shares.json'), (fields) => ({
    low: secretOf(fields, 'low'),
    high: secretOf(fields, 'high'),
  }));
  for (const key of ['low', 'high'] as const) {
    const expected = summary.current[key].shareKeys[index];
    if (expected !== undefined && bytesEqual(bls.publicKey(shares[key]), expected)) continue;
    throw new StartFault(
      `the ${key} share in ${join(dataDir, 'shares.json')} does not belong to the subnet in genesis.json`,
      'restore both files from the same backup',
    );
  }
  return shares;
}

function secretOf(fields: Fields, name: string): Uint8Array {
  const bytes = hexOf(fields, name);
  if (bytes.length !== SECRET_BYTES) throw new Error(`"${name}" is not ${SECRET_BYTES} bytes`);
  return bytes;
}
