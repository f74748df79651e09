// Thirteen replicas in thirteen processes, four of which fail at once: the most that thirteen bear.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { certifiedHeight, type Network, reached, startNetwork } from '../runner/network.ts';
import { MarkStream } from '../runner/stream.ts';

const REPLICAS = 13;
const KILLED = [9, 10];
const PAUSED = [11, 12];
const TIMEOUT_MS = 600_000;

let network: Network;
beforeAll(async () => {
  network = await startNetwork({ replicas: REPLICAS });
  console.log(`network of ${REPLICAS}: Ready after ${network.readyMs.toFixed(0)} ms`);
}, TIMEOUT_MS);
afterAll(async () => {
  await network?.stop();
}, TIMEOUT_MS);

test('four of thirteen killed or paused: calls go on; all come back', {
  timeout: TIMEOUT_MS,
}, async () => {
  const door = (index: number) => ({ ...network, gatewayUrl: network.replica(index).gatewayUrl });
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const stream = await MarkStream.open(door(0));
  const broken: unknown[] = [];
  const runs = [0, 1, 2, 3].map((index) =>
    stream.run(door(index).gatewayUrl, (reason) => broken.push(reason)),
  );
  await wait(5_000);
  const failedMs = performance.now();
  for (const index of KILLED) network.kill(index);
  for (const index of PAUSED) network.pause(index);
  await wait(30_000);
  const gapMs = stream.longestGapMs(failedMs, performance.now());
  console.log(`four of thirteen: ${stream.acknowledged} calls, longest gap ${gapMs.toFixed(0)} ms`);
  for (const index of PAUSED) network.resume(index);
  for (const index of KILLED) await network.restart(index);
  stream.stop();
  await Promise.all(runs);
  expect(broken).toEqual([]);
  const target = await certifiedHeight(door(0).gatewayUrl);
  for (const index of network.replicas.keys()) {
    await reached(door(index).gatewayUrl, target, TIMEOUT_MS / 2);
    expect(await stream.wrongAt(door(index))).toEqual([]);
  }
});
