// Members come and go in a network of real processes, while calls are made: 4 → 7 → 5, and 1 → 4.
import { afterEach, expect, test } from 'vitest';
import { currentClient } from '../runner/clients.ts';
import { marksInterface } from '../runner/interfaces.ts';
import { type Added, addNodes, membersAt, removeNodes } from '../runner/members.ts';
import { certifiedHeight, type Network, reached, startNetwork } from '../runner/network.ts';
import type { Replica } from '../runner/replica.ts';
import { MarkStream } from '../runner/stream.ts';

const TIMEOUT_MS = 300_000;
const STEP_MS = 150_000;
/** Longer than any pause between blocks. */
const STANDSTILL_MS = 6_000;

let network: Network | undefined;
let joined: readonly Replica[] = [];
let added: Added | undefined;
afterEach(async () => {
  added?.stop();
  added = undefined;
  await network?.stop();
  network = undefined;
  joined = [];
});

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A query of a replica, its signature checked by the client against the members that the subnet certifies. */
async function queryAt(replica: Replica, canisterId: string): Promise<void> {
  const client = await currentClient.open(replica);
  expect(await client.actor(marksInterface, canisterId)['sum']?.()).toBeGreaterThan(0n);
}

test('4 → 7 → 5 under load: one root key, new members are believed, removed ones are not heard', {
  timeout: TIMEOUT_MS,
}, async () => {
  const startedMs = performance.now();
  const four = await startNetwork({ replicas: 4, args: ['--epoch-length', '30'] });
  network = four;
  const doorOf = (gatewayUrl: string) => ({ ...four, gatewayUrl });
  const [first, second, third, fourth] = four.replicas;
  if (!first || !second || !third || !fourth) throw new Error('no network of four');
  const stream = await MarkStream.open(doorOf(first.gatewayUrl));
  const opened = await certifiedHeight(first.gatewayUrl);
  await reached(second.gatewayUrl, opened, STEP_MS);
  const broken: unknown[] = [];
  const run = (url: string) => stream.run(url, (fault) => broken.push(fault));
  const runs = [run(first.gatewayUrl), run(second.gatewayUrl)];
  try {
    added = await addNodes(four, 3);
    joined = await added.ready;
    const seven = [...four.replicas.map(({ nodeId }) => nodeId), ...added.nodeIds].sort();
    for (const replica of [first, ...joined]) {
      const members = await membersAt({ ...replica, dataDir: four.dataDir }, 7, STEP_MS);
      expect(members.toSorted()).toEqual(seven);
    }
    for (const replica of joined) {
      expect(replica.rootKey).toBe(four.rootKey);
      await queryAt(replica, stream.canisterId);
      expect(replica.output()).toContain('this node is a member of its subnet');
    }
    const [fifth] = joined;
    if (fifth === undefined) throw new Error('nobody joined');
    runs.push(run(fifth.gatewayUrl));

    await removeNodes(four, [third.nodeId, fourth.nodeId]);
    await membersAt({ ...first, dataDir: four.dataDir }, 5, STEP_MS);
    const five = [first, second, ...joined];
    const height = await certifiedHeight(first.gatewayUrl);
    for (const { gatewayUrl } of five) await reached(gatewayUrl, height, STEP_MS);
    stream.stop();
    await Promise.all(runs);
    expect(broken).toEqual([]);
    for (const { gatewayUrl } of five) expect(await stream.wrongAt(doorOf(gatewayUrl))).toEqual([]);
    const took = (performance.now() - startedMs) / 1_000;
    console.log(`4 → 7 → 5: ${stream.acknowledged} calls, height ${height}, ${took.toFixed(0)} s`);

    // Three of five stand still: with the votes of the two that were removed there would be enough.
    const left = await certifiedHeight(third.gatewayUrl);
    expect(left).toBeLessThan(height);
    expect(four.output()).toMatch(/[23] .*this node is no member of its subnet from height/);
    const paused = joined.map(({ pid }) => pid);
    for (const pid of paused) process.kill(pid, 'SIGSTOP');
    await wait(STANDSTILL_MS / 3);
    const before = await certifiedHeight(first.gatewayUrl);
    await wait(STANDSTILL_MS);
    const after = await certifiedHeight(first.gatewayUrl);
    for (const pid of paused) process.kill(pid, 'SIGCONT');
    expect(after).toBe(before);
    await reached(first.gatewayUrl, after + 2, STEP_MS);
    expect(await certifiedHeight(third.gatewayUrl)).toBe(left);
  } finally {
    stream.stop();
  }
});

test('1 → 4: a network grows from its first member, under the root key that this one began with', {
  timeout: TIMEOUT_MS,
}, async () => {
  const startedMs = performance.now();
  const one = await startNetwork({ replicas: 1, args: ['--epoch-length', '100'] });
  network = one;
  const stream = await MarkStream.open(one);
  const broken: unknown[] = [];
  const running = stream.run(one.gatewayUrl, (fault) => broken.push(fault));
  try {
    added = await addNodes(one, 3);
    joined = await added.ready;
    for (const replica of joined) {
      await membersAt({ ...replica, dataDir: one.dataDir }, 4, STEP_MS);
      expect(replica.rootKey).toBe(one.rootKey);
      await queryAt(replica, stream.canisterId);
    }
    stream.stop();
    await running;
    expect(broken).toEqual([]);
    for (const { gatewayUrl } of joined)
      expect(await stream.wrongAt({ ...one, gatewayUrl })).toEqual([]);
    const height = await certifiedHeight(one.gatewayUrl);
    const took = (performance.now() - startedMs) / 1_000;
    console.log(`1 → 4: ${stream.acknowledged} calls, height ${height}, ${took.toFixed(0)} s`);
    // The first is one of four now: the others go on without it.
    one.kill(0);
    const [next] = joined;
    if (next === undefined) throw new Error('nobody joined');
    await reached(next.gatewayUrl, (await certifiedHeight(next.gatewayUrl)) + 3, STEP_MS);
  } finally {
    stream.stop();
  }
});
