// Four replicas of containers, each on a network of its own, founded by a ceremony; one of them at a time fails under load.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { currentClient } from '../runner/clients.ts';
import { PROJECT_PREFIX } from '../runner/contained.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { certifiedHeight, reached } from '../runner/network.ts';
import { freePorts } from '../runner/ports.ts';
import { SERVICES } from '../runner/services.ts';
import { docker, Stack } from '../runner/stack.ts';
import type { MarkStream } from '../runner/stream.ts';
import { callsDuring, type Doors, doorOf, standstillMs, wait } from '../runner/under-load.ts';

const REPLICAS = 4;
const TIMEOUT_MS = 600_000;
const CATCH_UP_MS_MAX = 180_000;
const FAULT_MS = 8_000;

let stack: Stack;
let network: Doors;
beforeAll(async () => {
  stack = new Stack({ project: `${PROJECT_PREFIX}network`, ports: await freePorts(REPLICAS) });
  const tookMs = await stack.up();
  console.log(`docker compose --profile network up --wait: ${(tookMs / 1000).toFixed(1)} s`);
  const configs = await Promise.all([...Array(REPLICAS).keys()].map((index) => stack.ready(index)));
  const replicas = configs.map(({ nodeId, gatewayUrl }) => ({
    ...{ nodeId, gatewayUrl, pid: 0, dataDir: '' },
  }));
  const replica = (index: number) => {
    const found = replicas[index];
    if (found === undefined) throw new Error(`there is no replica ${index}`);
    return found;
  };
  const [first] = configs;
  if (first === undefined) throw new Error('no replica');
  for (const { rootKey } of configs) expect(rootKey).toBe(first.rootKey);
  network = { ...first, replicas, replica };
}, TIMEOUT_MS);
afterAll(async () => {
  await stack?.down('--volumes');
});

describe('four replicas of containers', { timeout: TIMEOUT_MS }, () => {
  test('the official client works at each of them, under one root key', async () => {
    const client = await currentClient.open(doorOf(network, 0));
    const { id } = await client.deploy(counterInterface, motokoModule('counter.mo'));
    const height = await certifiedHeight(network.replica(0).gatewayUrl);
    for (const index of network.replicas.keys()) {
      await reached(network.replica(index).gatewayUrl, height, CATCH_UP_MS_MAX);
      const there = (await currentClient.open(doorOf(network, index))).actor(counterInterface, id);
      expect(await there['inc']?.()).toBe(BigInt(index + 1));
    }
  });

  test('they have nothing in common but the network of peers', async () => {
    for (const [index, service] of [...network.replicas.keys()].flatMap((replica) =>
      SERVICES.map((name) => [replica, name] as const),
    )) {
      const format = '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}';
      const text = await docker(['inspect', '--format', format, stack.idOf(service, index)]);
      const suffix = index === 0 ? '' : `-${index}`;
      const own = [`${stack.project}_replica${suffix}`];
      if (service === 'p2p') own.unshift(`${stack.project}_peers`);
      if (service === 'gateway') own.unshift(`${stack.project}_edge${suffix}`);
      expect(text.trim().split(' ').sort()).toEqual(own);
    }
  });

  const during = (failing: number, fault: (stream: MarkStream) => Promise<void>): Promise<void> =>
    callsDuring(
      network,
      { failing: [failing], callersEach: 1, catchUpMsMax: CATCH_UP_MS_MAX },
      fault,
    );

  test('a replica is paused: calls go on through the others, and it catches up', async () => {
    await during(3, async (stream) => {
      await stack.pause(3);
      const gapMs = await standstillMs(stream, () => wait(FAULT_MS));
      console.log(`paused: ${gapMs.toFixed(0)} ms without an acknowledged call`);
      await stack.resume(3);
    });
  });

  test('a replica is cut off from its peers and heals: the same', async () => {
    await during(2, async (stream) => {
      await stack.cut(2);
      const gapMs = await standstillMs(stream, () => wait(FAULT_MS));
      console.log(`cut off: ${gapMs.toFixed(0)} ms without an acknowledged call`);
      await stack.heal(2);
    });
  });

  test('all containers of a replica are killed and started again: the same', async () => {
    await during(1, async () => {
      await stack.killAll(1);
      await wait(FAULT_MS);
      await stack.startAll(1);
      await stack.ready(1);
    });
  });
});
