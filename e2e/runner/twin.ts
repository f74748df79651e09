// A second process with the keys and the past of a replica: both speak in its name, and neither knows of the other.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { principalFromText } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import type { Network } from './network.ts';
import { freePorts } from './ports.ts';
import { type Started, scratchDir, spawnReplica } from './replica.ts';

/**
 * Starts it from a copy of the directory, whose own process must not be running meanwhile. Nobody waits until it is ready: between
 * two that take each other's connections it may never be.
 */
export async function startTwin(dataDir: string): Promise<Started> {
  const twinDir = join(scratchDir(), 'twin');
  cpSync(dataDir, twinDir, { recursive: true });
  rmSync(join(twinDir, 'lock'), { force: true });
  const [port] = await freePorts(1);
  const file = join(twinDir, 'peers.json');
  const places = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...places, listen: `127.0.0.1:${port}` }));
  return spawnReplica({ dataDir: twinDir });
}

/** So many whose node ids are the lowest: they dial the others, so that the others hear their twins too. */
export function dialling(network: Network, count: number): number[] {
  const ids = network.replicas.map(({ nodeId }, index) => {
    const id = principalFromText(nodeId);
    if (id.kind !== 'valid') throw new Error(id.reason);
    return { index, id: toHex(id.value) };
  });
  ids.sort((left, right) => (left.id < right.id ? -1 : 1));
  return ids.slice(0, count).map(({ index }) => index);
}
