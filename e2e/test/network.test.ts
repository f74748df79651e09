// Four replicas in four processes: any of them serves any client, one root key, and one of four may fail in every way.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callOf } from '../runner/calls.ts';
import { currentClient, previousClient } from '../runner/clients.ts';
import { DeafPort } from '../runner/deaf.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { certifiedHeight, type Network, reached, startNetwork } from '../runner/network.ts';
import { runInternode, spawnReplica } from '../runner/replica.ts';
import type { MarkStream } from '../runner/stream.ts';
import { listOf, traceOf, wholeTraceOf } from '../runner/traces.ts';
import { dialling } from '../runner/twin.ts';
import {
  callsDuring,
  doorOf as door,
  STANDSTILL_MS_MAX,
  standstillMs,
  wait,
} from '../runner/under-load.ts';

const REPLICAS = 4;
const STOP_MS_MAX = 5_000;
const CATCH_UP_MS_MAX = 60_000;
const TIMEOUT_MS = 180_000;

let network: Network;
beforeAll(async () => {
  // Keys change every so many heights, whatever fails meanwhile.
  network = await startNetwork({ replicas: REPLICAS, args: ['--epoch-length', '40'] });
  console.log(`network of ${REPLICAS}: Ready after ${network.readyMs.toFixed(0)} ms`);
});
afterAll(async () => {
  await network?.stop();
});

const doorOf = (index: number) => door(network, index);

describe('four replicas', () => {
  test('the banner names the mode and every gateway, and ends with Ready', () => {
    const text = network.output();
    expect(text).toContain('for DEVELOPMENT');
    for (const { gatewayUrl, nodeId } of network.replicas) {
      expect(text).toContain(gatewayUrl);
      expect(text).toContain(nodeId);
    }
    expect(text).toMatch(/\nReady in \d+ ms\n/);
    expect(new Set(network.replicas.map(({ nodeId }) => nodeId)).size).toBe(REPLICAS);
    expect(network.nodeIds).toHaveLength(REPLICAS);
  });

  test('a traced call is seen on its way to peers, and members put a block into one trace', async () => {
    const client = await currentClient.open(doorOf(0));
    const { id } = await client.deploy(counterInterface, motokoModule('counter.mo'));
    const { body, requestId } = await callOf(id, 'inc');
    const traceId = Buffer.from(requestId.subarray(0, 16)).toString('hex');
    const headers = {
      'content-type': 'application/cbor',
      traceparent: `00-${traceId}-${'5'.repeat(16)}-01`,
    };
    const url = `${doorOf(0).gatewayUrl}/api/v4/canister/${id}/call`;
    const answer = await fetch(url, { method: 'POST', headers, body: Uint8Array.from(body) });
    expect(answer.status).toBe(200);
    const own = await wholeTraceOf(doorOf(0), traceId);
    expect([own.orphans, own.dropped]).toEqual([0, 0]);
    expect(own.rows.some(({ name }) => name === 'gossip to peers')).toBe(true);
    // Nobody answers traced frames with traced frames for ever.
    expect(own.rows.length).toBeLessThan(60);
    for (const index of [1, 2, 3]) {
      const there = await traceOf(doorOf(index), traceId);
      const rows = there?.rows.map(({ service, name }) => `${service} ${name}`) ?? [];
      expect(rows).toContain('p2p FrameReceived');
      expect(rows).toContain('consensus IngressReceived');
      expect(rows.length).toBeLessThan(60);
      expect(there?.orphans).toBe(0);
    }
    const blocksAt = async (index: number): Promise<Map<number | null, string>> => {
      const { traces } = await listOf(doorOf(index), 'kind=block&limit=500');
      return new Map(traces.map((trace) => [trace.height, trace.traceId]));
    };
    // Some blocks are traced by all, whatever is in them.
    const shared = async (): Promise<(readonly [string | undefined, string])[]> => {
      const [here, elsewhere] = [await blocksAt(0), await blocksAt(1)];
      const both = [...here].filter(([height]) => elsewhere.has(height));
      return both.map(([height, name]) => [elsewhere.get(height), name] as const);
    };
    await expect.poll(async () => (await shared()).length, { timeout: 60_000 }).toBeGreaterThan(0);
    for (const [there, name] of await shared()) expect(there).toBe(name);
  });

  test('a second supervisor is refused and names the first', async () => {
    const second = await runInternode(['network', '--port', '0', '--data-dir', network.dataDir]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`in use by process ${network.process.pid}`);
  });

  test('every replica tells the same root key', async () => {
    for (const index of network.replicas.keys()) {
      const client = await fetch(`${doorOf(index).gatewayUrl}/api/v2/status`);
      const text = Buffer.from(await client.arrayBuffer()).toString('hex');
      expect(text).toContain(network.rootKey);
    }
  });

  test.each([currentClient, previousClient])('$name works at each of them', async (library) => {
    const first = await library.open(doorOf(0));
    const { id } = await first.deploy(counterInterface, motokoModule('counter.mo'));
    for (const index of network.replicas.keys()) {
      const client = await library.open(doorOf(index));
      const actor = client.actor(counterInterface, id);
      expect(await actor['inc']?.()).toBe(BigInt(index + 1));
      expect(await actor['get']?.()).toBe(BigInt(index + 1));
      await expect(actor['incThenTrap']?.()).rejects.toThrow(/by order/);
    }
    // Written through the last, read through all: each query is answered by a state at least as new as the caller's own.
    const target = await certifiedHeight(doorOf(REPLICAS - 1).gatewayUrl);
    for (const index of network.replicas.keys()) {
      await reached(doorOf(index).gatewayUrl, target, CATCH_UP_MS_MAX);
      const client = await library.open(doorOf(index));
      expect(await client.actor(counterInterface, id)['get']?.()).toBe(BigInt(REPLICAS));
    }
  });
});

describe('one of four fails in a stream of acknowledged calls', { timeout: TIMEOUT_MS }, () => {
  const during = (failing: number, fault: (stream: MarkStream) => Promise<void>): Promise<void> =>
    callsDuring(network, { failing: [failing], catchUpMsMax: CATCH_UP_MS_MAX }, fault);

  test('killed: calls go on within two seconds; started again, it catches up by itself', async () => {
    await during(3, async (stream) => {
      const gapMs = await standstillMs(stream, () => {
        network.kill(3);
        return wait(6_000);
      });
      console.log(`killed: ${stream.acknowledged} calls, longest gap ${gapMs.toFixed(0)} ms`);
      expect(gapMs).toBeLessThan(STANDSTILL_MS_MAX);
      await network.restart(3);
    });
    expect(network.output()).toMatch(/replica 3 ended with signal SIGKILL; the others go on/);
  });

  test('paused for a while: the same', async () => {
    await during(2, async (stream) => {
      const gapMs = await standstillMs(stream, () => {
        network.pause(2);
        return wait(8_000);
      });
      network.resume(2);
      console.log(`paused: ${stream.acknowledged} calls, longest gap ${gapMs.toFixed(0)} ms`);
      expect(gapMs).toBeLessThan(STANDSTILL_MS_MAX);
    });
  });

  test('killed and started again with an empty disk: it fetches what it lacks, and votes again', async () => {
    await during(1, async () => {
      network.kill(1);
      await wait(1_000);
      await network.restart(1, { emptyDisk: true });
    });
    // Until the chain is past everything that it may have signed in its lost life, it counts as the faulty one
    // (docs/spec/vote-lock.md). After that, no quorum is left without it when another one is gone.
    const { gatewayUrl } = doorOf(1);
    await reached(gatewayUrl, (await certifiedHeight(gatewayUrl)) + 6, CATCH_UP_MS_MAX);
    network.kill(0);
    await reached(gatewayUrl, (await certifiedHeight(gatewayUrl)) + 3, CATCH_UP_MS_MAX);
    await network.restart(0);
  });
});

test('SIGTERM stops all of them cleanly, and a second start continues', async () => {
  const height = await certifiedHeight(doorOf(0).gatewayUrl);
  const stopMs = await network.stop();
  console.log(`stopped in ${stopMs.toFixed(0)} ms`);
  expect(network.output()).not.toContain('killed after');
  expect(network.process.exitCode).toBe(0);
  const { rootKey, dataDir } = network;
  network = await startNetwork({ dataDir });
  expect(network.rootKey).toBe(rootKey);
  expect(await certifiedHeight(doorOf(0).gatewayUrl)).toBeGreaterThanOrEqual(height);
});

test('a replica whose peers are switched off stops all the same', async () => {
  using deaf = await DeafPort.open();
  const [index] = dialling(network, 1);
  const { dataDir } = network.replica(index as number);
  await network.stop();
  const file = join(dataDir, 'peers.json');
  const places = JSON.parse(readFileSync(file, 'utf8')) as { addresses: Record<string, string> };
  const addresses = Object.keys(places.addresses).map((id) => [id, deaf.address]);
  writeFileSync(file, JSON.stringify({ ...places, addresses: Object.fromEntries(addresses) }));
  const lonely = spawnReplica({ dataDir });
  while (!lonely.output().includes('tip restored')) await wait(50);
  // It dials by then.
  await wait(500);
  expect(await lonely.stop()).toBeLessThan(STOP_MS_MAX);
  expect(lonely.output()).toContain('closed');
});
