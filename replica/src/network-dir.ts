// The base directory of a development network:
//
//   network.json    how many replicas, and the ports of their peers' door
//   ceremony-key.json   may change who the members are (`internode subnet`)
//   replica.json    what `--config-out` writes
//   replica-0/ …    a member's data directory each (member.ts)
//   identities/ compile-cache/
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { loadFastBls } from '@internode/crypto/fast';
import { principalToText } from '@internode/encoding';
import { freePorts } from '@internode/host';
import { CEREMONY_KEY, writeCeremonyKey } from './ceremony/key.ts';
import { writeDurably } from './data-dir.ts';
import { controllerSecretOf, dealMembers, EPOCH_LENGTH } from './genesis.ts';
import { type Member, writeGenesis, writeNodeSecrets, writePeerPlaces } from './member.ts';
import { StartFault } from './start-fault.ts';

const FILE = 'network.json';
const OWN_ENTRIES = [
  FILE,
  CEREMONY_KEY,
  'replica.json',
  'canisters.json',
  'identities',
  'compile-cache',
];
const REPLICA_DIR = /^replica-\d+$/;
const LOOPBACK = '127.0.0.1';

interface StoredNetwork {
  readonly note: string;
  /** Node ids in the order of the folders. */
  readonly nodeIds: readonly string[];
  readonly peerPorts: readonly number[];
}

export interface NetworkPlan {
  readonly dataDir: string;
  readonly replicas: number | undefined;
  readonly clean: boolean;
  readonly epochLength?: number | undefined;
}

export function replicaDir(base: string, index: number): string {
  return join(base, `replica-${index}`);
}

/** Makes the network in its directory, or finds it there; answers how many replicas it has. */
export async function prepareNetwork(plan: NetworkPlan, defaultReplicas: number): Promise<number> {
  const { dataDir, clean, replicas } = plan;
  if (existsSync(join(dataDir, 'keys.json'))) {
    throw new StartFault(
      `${dataDir} is the data directory of a single replica`,
      'choose another one for the network: --data-dir DIR',
    );
  }
  if (clean) forget(dataDir);
  const stored = readStored(dataDir);
  if (stored === undefined) {
    forget(dataDir);
    await deal(plan, replicas ?? defaultReplicas);
    return replicas ?? defaultReplicas;
  }
  const count = stored.nodeIds.length;
  if (replicas !== undefined && replicas !== count) {
    throw new StartFault(
      `the network in ${dataDir} has ${count} replicas, not ${replicas}`,
      'leave out --replicas, choose another --data-dir, or start afresh with --clean (canisters and the root key are lost)',
    );
  }
  const ports = await freePorts(stored.peerPorts);
  if (ports.some((port, index) => port !== stored.peerPorts[index]))
    settle(dataDir, stored.nodeIds, ports);
  return count;
}

function forget(dataDir: string): void {
  if (!existsSync(dataDir)) return;
  const replicas = readdirSync(dataDir).filter((name) => REPLICA_DIR.test(name));
  for (const entry of [...OWN_ENTRIES, ...replicas])
    rmSync(join(dataDir, entry), { recursive: true, force: true });
}

function readStored(dataDir: string): StoredNetwork | undefined {
  const file = join(dataDir, FILE);
  if (!existsSync(file)) return undefined;
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as StoredNetwork;
    if (stored.nodeIds.length !== stored.peerPorts.length) throw new Error('its lists differ');
    return stored;
  } catch (fault) {
    throw new StartFault(
      `${file} cannot be read: ${(fault as Error).message}`,
      'restore the file, or start afresh with --clean (canisters and the root key are lost)',
    );
  }
}

async function deal(
  { dataDir, epochLength = EPOCH_LENGTH }: NetworkPlan,
  count: number,
): Promise<void> {
  const [bls, ports] = await Promise.all([loadFastBls(), freePorts(Array.from({ length: count }))]);
  const addresses = ports.map((port) => `${LOOPBACK}:${port}`);
  const entropy = new Uint8Array(randomBytes(32));
  const members = dealMembers({ addresses, entropy, bls, epochLength });
  mkdirSync(dataDir, { recursive: true });
  writeCeremonyKey(join(dataDir, CEREMONY_KEY), controllerSecretOf(entropy));
  for (const [index, member] of members.entries()) writeMember(replicaDir(dataDir, index), member);
  settle(
    dataDir,
    members.map(({ nodeId }) => principalToText(nodeId)),
    ports,
  );
}

function writeMember(dir: string, { secrets, summary, shares }: Member): void {
  mkdirSync(dir, { recursive: true });
  writeNodeSecrets(dir, secrets);
  writeGenesis(dir, summary, shares);
}

/** Everybody is told the ports; the network's own file comes last: without it, all of this is made again. */
function settle(dataDir: string, nodeIds: readonly string[], ports: readonly number[]): void {
  const at = (index: number): string => `${LOOPBACK}:${ports[index]}`;
  const addresses = Object.fromEntries(nodeIds.map((nodeId, index) => [nodeId, at(index)]));
  for (const index of nodeIds.keys())
    writePeerPlaces(replicaDir(dataDir, index), { listen: at(index), addresses });
  const note = 'A development network: one process dealt the keys of all replicas.';
  const stored: StoredNetwork = { note, nodeIds, peerPorts: ports };
  writeDurably(join(dataDir, FILE), `${JSON.stringify(stored, null, 2)}\n`);
}
