// One replica of containers with a second gateway and a follower of execution (deploy/compose.scale.yml).
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callsWhile } from '../runner/calls-while.ts';
import { type AnyActor, currentClient } from '../runner/clients.ts';
import { PROJECT_PREFIX } from '../runner/contained.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { totalOf } from '../runner/metrics.ts';
import { motokoModule } from '../runner/modules.ts';
import { freePorts } from '../runner/ports.ts';
import type { ReplicaConfig } from '../runner/replica.ts';
import { docker, Stack } from '../runner/stack.ts';

const TIMEOUT_MS = 300_000;
const ROUNDS = 10n;

let stack: Stack;
let first: ReplicaConfig;
let second: ReplicaConfig;
beforeAll(async () => {
  const [port = 0, other = 0] = await freePorts(2);
  stack = new Stack({
    project: `${PROJECT_PREFIX}scale`,
    ports: [port],
    overlay: 'deploy/compose.scale.yml',
  });
  Object.assign(stack.environment, { INTERNODE_PORT_2ND: String(other) });
  await stack.up();
  first = await stack.ready();
  second = { ...first, gatewayUrl: `http://127.0.0.1:${other}` };
}, TIMEOUT_MS);
afterAll(async () => {
  await stack?.down('--volumes');
});

const queriesOf = (service: string): Promise<number> =>
  totalOf(first, `internode_${service}_queries_total`);

test('what one gateway has acknowledged the other shows, and both executions answer', {
  timeout: TIMEOUT_MS,
}, async () => {
  const [one, two] = [await currentClient.open(first), await currentClient.open(second)];
  const { actor, id } = await one.deploy(counterInterface, motokoModule('counter.mo'));
  const other: AnyActor = two.actor(counterInterface, id);
  for (let round = 1n; round <= ROUNDS; round++) {
    const [calls, asks] = round % 2n === 0n ? [actor, other] : [other, actor];
    expect(await calls['inc']?.()).toBe(round);
    const seen = await Promise.all(Array.from({ length: 4 }, () => calls['get']?.()));
    expect(seen).toEqual(new Array(4).fill(round));
    await expect.poll(() => asks['get']?.()).toBe(round);
  }
  for (const service of ['execution', 'follower'])
    expect(await queriesOf(service), service).toBeGreaterThan(5);
});

test('without its follower a replica answers on, and the follower comes back', {
  timeout: TIMEOUT_MS,
}, async () => {
  await callsWhile(second, { callers: 4 }, async (_stream, progress) => {
    await docker(['kill', `${stack.project}-execution-2nd-1`]);
    await progress();
    await docker(['start', `${stack.project}-execution-2nd-1`]);
    await progress();
  });
  const before = await queriesOf('follower');
  const client = await currentClient.open(second);
  const { actor } = await client.deploy(counterInterface, motokoModule('counter.mo'));
  await expect
    .poll(
      async () => {
        await Promise.all(Array.from({ length: 8 }, () => actor['get']?.()));
        return (await queriesOf('follower')) !== before;
      },
      { timeout: 60_000, interval: 500 },
    )
    .toBe(true);
});
