import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from './data-dir.ts';

/** What `--config-out` writes: everything a client or a script needs to use the replica. */
export interface ReplicaConfig {
  readonly version: string;
  readonly gatewayUrl: string;
  /** DER, hex (266 digits). */
  readonly rootKey: string;
  readonly subnetId: string;
  /** Of this replica; of a network's first one. */
  readonly nodeId: string;
  /** Of all members. */
  readonly nodeIds: readonly string[];
  readonly defaultEffectiveCanisterId: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Of a network: each of its replicas. `gatewayUrl` and `pid` above are the first one's and the supervisor's. */
  readonly replicas?: readonly RunningReplica[];
}

export interface RunningReplica {
  readonly nodeId: string;
  readonly gatewayUrl: string;
  readonly pid: number;
  readonly dataDir: string;
}

const FILE = 'replica.json';

export function writeReplicaConfig(config: ReplicaConfig, configOut: string | undefined): void {
  const text = `${JSON.stringify(config, null, 2)}\n`;
  writeDurably(join(config.dataDir, FILE), text);
  if (configOut !== undefined) writeDurably(configOut, text);
}

/** The configuration of the replica that last ran on a data directory. */
export function readReplicaConfig(dataDir: string): ReplicaConfig | undefined {
  const file = join(dataDir, FILE);
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')) as ReplicaConfig;
}
