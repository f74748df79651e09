import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { principalToText } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { banner } from '../banner.ts';
import type { ReadyNews } from '../children.ts';
import { parseStart, type StartOptions } from '../command-line.ts';
import { startEmbedded } from '../embedded.ts';
import { CANISTER_RANGES } from '../genesis.ts';
import { writeIdentities } from '../identities.ts';
import { isMemberDir } from '../member.ts';
import { describePortOwner } from '../port-owner.ts';
import type { Replica } from '../replica.ts';
import { type ReplicaConfig, writeReplicaConfig } from '../replica-config.ts';
import { StartFault } from '../start-fault.ts';
import { version } from '../version.ts';

export async function start(args: readonly string[]): Promise<void> {
  const parsed = parseStart(args, process.env);
  if (parsed.kind !== 'valid') throw new StartFault(parsed.reason);
  const options = parsed.value;
  const replica = await open(options);
  const stopped = Promise.race([replica.stopped(), abandoned()]);
  try {
    await Promise.race([replica.ready(), stopped]);
    if (replica.isReady) announce(options, replica);
    await stopped;
  } catch (fault) {
    throw explained(fault, options.dataDir);
  } finally {
    await replica.close();
    // The channel to a supervisor would keep the process alive.
    if (process.connected) process.disconnect();
  }
}

/** Settles when the supervisor that started this replica is gone, however it ended: nobody would stop this one then. */
function abandoned(): Promise<void> {
  return new Promise((resolve) => {
    if (process.send !== undefined) process.once('disconnect', resolve);
  });
}

/** A service that fails again and again does so because of what is stored: nothing else is the same each time. */
function explained(fault: unknown, dataDir: string): unknown {
  if (!(fault instanceof Error && fault.cause instanceof Error)) return fault;
  return new StartFault(
    `${fault.message}: ${fault.cause.message}`,
    `if this happens at every start, restore ${dataDir} from a backup, or start afresh with --clean (canisters and the root key are lost)`,
  );
}

async function open(options: StartOptions): Promise<Replica> {
  try {
    const all = { ...options, dataDir: resolve(options.dataDir), version };
    // Frames of peers and parts of states are arrays outside V8's heap. Counted beside its limit, each 64 MB of them began a
    // collection of everything, which was more than a third of what a replica that syncs did.
    if (isMemberDir(all.dataDir)) setFlagsFromString('--external-memory-accounted-in-global-limit');
    const { placement } = all;
    if (placement === 'embedded') return await startEmbedded(all);
    const { startApart } = await import('../apart/apart.ts');
    return await startApart({ ...all, placement });
  } catch (fault) {
    const { code } = fault as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      const owner = describePortOwner(options.port) ?? 'another process';
      throw new StartFault(
        `port ${options.port} is in use by ${owner}`,
        'stop it, or choose another port: --port N, or --port 0 for any free one',
      );
    }
    if (code === 'EADDRNOTAVAIL' || code === 'EACCES' || code === 'ENOTFOUND') {
      throw new StartFault(
        `cannot listen on ${options.host}:${options.port} (${code})`,
        'choose another --host or --port',
      );
    }
    throw fault;
  }
}

function announce(options: StartOptions, replica: Replica): void {
  const { gatewayUrl, subnet } = replica;
  const config: ReplicaConfig = {
    version,
    gatewayUrl,
    rootKey: toHex(subnet.publicKeyDer),
    subnetId: principalToText(subnet.subnetId),
    nodeId: principalToText(replica.nodeId),
    nodeIds: subnet.members.map(({ nodeId }) => principalToText(nodeId)),
    defaultEffectiveCanisterId: principalToText(CANISTER_RANGES[0]?.[0] ?? new Uint8Array()),
    dataDir: resolve(options.dataDir),
    pid: process.pid,
  };
  const identities = writeIdentities(config.dataDir);
  const supervised = process.send !== undefined;
  if (!options.quiet && !supervised)
    process.stdout.write(banner(config, identities, performance.now()));
  writeReplicaConfig(config, options.configOut);
  if (supervised) process.send?.({ kind: 'ready', config } satisfies ReadyNews);
}
