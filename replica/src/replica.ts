// A replica that runs, whatever the placement of its services.
import { join } from 'node:path';
import { Caller } from '@internode/actor';
import type { DealtSubnet } from '@internode/beacon';
import type { BlsEngine } from '@internode/crypto';
import { principalToText } from '@internode/encoding';
import type { GatewayConfig } from '@internode/gateway';
import type { Host } from '@internode/host';
import { developmentMember } from './genesis.ts';
import {
  endFirstLife,
  isFirstLife,
  isMemberDir,
  type Member,
  nodeIdOf,
  readMember,
  readNodeSecrets,
  subnetOf,
} from './member.ts';
import type { SettingsOptions } from './settings.ts';
import { type Line, Standing } from './standing.ts';
import { StartFault } from './start-fault.ts';

export interface ReplicaOptions {
  readonly dataDir: string;
  readonly clean: boolean;
  readonly host: string;
  readonly port: number;
  readonly logFormat: 'pretty' | 'json';
  readonly quiet: boolean;
  readonly version: string;
  /** Where instrumented modules are kept, when not in the data directory. */
  readonly compileCache?: string | undefined;
  /** Who may look at traces. */
  readonly debugTo?: GatewayConfig['debugTo'];
}

export interface Replica extends AsyncDisposable {
  readonly subnet: DealtSubnet;
  readonly nodeId: Uint8Array;
  readonly gatewayUrl: string;
  readonly isReady: boolean;
  /** Settles when the certified state is where it was before the last stop, or further. */
  ready(): Promise<void>;
  /** Settles on SIGTERM or SIGINT; rejects when a service cannot go on. */
  stopped(): Promise<void>;
  close(): Promise<void>;
}

/** What a placement knows of a replica that it runs. */
export interface Placed {
  readonly member: Member;
  readonly dataDir: string;
  readonly gatewayUrl: string;
  readonly isReady: () => boolean;
  /** Until it is worth looking again whether it is ready. */
  readonly pause: () => Promise<void>;
  readonly stopped: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export function replicaOf(placed: Placed): Replica {
  const { member, dataDir, gatewayUrl, isReady, pause, stopped } = placed;
  let closed = false;
  const close = (): Promise<void> => {
    closed = true;
    return placed.close();
  };
  return {
    subnet: subnetOf(member.summary),
    nodeId: member.nodeId,
    gatewayUrl,
    get isReady() {
      return isReady();
    },
    ready: async () => {
      while (!isReady() && !closed) await pause();
      if (isReady()) endFirstLife(dataDir);
    },
    stopped,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The first group of a principal's text. */
const NAME_LENGTH = 5;

/** Where services of this data directory stand on their bus. The node's short name also stands in its log. */
export function placeOf({ dataDir, clean }: Pick<ReplicaOptions, 'dataDir' | 'clean'>): {
  subnet: string;
  node: string;
} {
  if (!isMemberDir(dataDir)) return { subnet: 'local', node: 'node' };
  if (clean) {
    throw new StartFault(
      `--clean would lose the keys of a member of a network in ${dataDir}`,
      `to forget its state only, delete ${join(dataDir, 'journal')} and ${join(dataDir, 'store')}`,
    );
  }
  const id = principalToText(nodeIdOf(readNodeSecrets(dataDir)));
  return { subnet: 'local', node: id.slice(0, NAME_LENGTH) };
}

export function logOf(options: ReplicaOptions): {
  readonly format: 'pretty' | 'json';
  readonly level: 'warn' | 'info';
} {
  return { format: options.logFormat, level: options.quiet ? 'warn' : 'info' };
}

export function memberOf(dataDir: string, bls: BlsEngine): Member {
  return isMemberDir(dataDir) ? readMember(dataDir, bls) : developmentMember(dataDir, bls);
}

/** What settings follow from the data directory and the command line alone. */
export function settingsOptionsOf(
  options: ReplicaOptions,
): Omit<SettingsOptions, 'checksCertifications'> {
  const { dataDir, host, port, version, compileCache, debugTo } = options;
  // A member of a network may be the only one today.
  const alone = !isMemberDir(dataDir);
  return {
    host,
    port,
    version,
    compileCache,
    debugTo,
    alone,
    firstLife: alone || isFirstLife(dataDir),
  };
}

/** Says what becomes of the node's membership. To be called before consensus speaks of it. */
export function sayStanding(host: Host, { nodeId, joined }: Member, version: string): void {
  const standing = new Standing(nodeId, version, joined?.version);
  const say = (lines: readonly Line[]): void => {
    for (const { level, text, fields } of lines)
      host.telemetry.log.line('replica', level, text, fields);
  };
  const ears = new Caller({ name: 'standing', ports: host, keyOf: {}, pendingMax: 1 });
  ears.listen('EpochBegan', (message) => say(standing.began(message)));
  ears.listen('BlockFinalized', ({ height }) => say(standing.finalized(height)));
  host.defer(() => ears.close());
}

/** Of a peers' door that could not be opened. */
export function doorFault(listen: string, fault: unknown): StartFault {
  return new StartFault(
    `cannot listen for peers on ${listen}: ${(fault as Error).message}`,
    'free that address, or say another one in peers.json ("listen") and in the subnet record',
  );
}
