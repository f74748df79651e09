// Several that do the work of one service: gateways behind one port, and followers of execution that answer queries. Each works, the
// load spreads, and one that is killed takes nothing acknowledged with it. In threads and in processes.
import { afterEach, describe, expect, test } from 'vitest';
import { callsWhile, KILLED_CONNECTION } from '../runner/calls-while.ts';
import { currentClient } from '../runner/clients.ts';
import { counterInterface, marksInterface } from '../runner/interfaces.ts';
import { metricsOf, totalOf } from '../runner/metrics.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, startReplica } from '../runner/replica.ts';
import { pidOfService } from '../runner/services.ts';

const CALLERS = 16;
const KILLS = 4;

let replica: Replica | undefined;
afterEach(async () => {
  await replica?.stop();
  replica = undefined;
});

async function startScaled(placement: string): Promise<Replica> {
  const scale = ['--scale', 'gateway=2', '--scale', 'execution=2'];
  replica = await startReplica({ args: ['--placement', placement, ...scale] });
  return replica;
}

/** Of a counter, by who counts: '' is the first of its service. */
async function countsOf(scaled: Replica, name: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const metric of await metricsOf(scaled)) {
    if (metric.name !== name) continue;
    const instance = /instance="([^"]*)"/.exec(metric.labels)?.[1] ?? '';
    counts.set(instance, (counts.get(instance) ?? 0) + metric.value);
  }
  return counts;
}

/** Updates, after each a query that has to see it: unverified and in haste. */
async function seesItsOwn(scaled: Replica, rounds: number): Promise<void> {
  const client = await currentClient.open(scaled);
  const { actor } = await client.deploy(counterInterface, motokoModule('counter.mo'));
  for (let round = 1n; round <= rounds; round++) {
    expect(await actor['inc']?.()).toBe(round);
    const seen = await Promise.all(Array.from({ length: 8 }, () => actor['get']?.()));
    expect(seen).toEqual(new Array(8).fill(round));
  }
}

describe.each(['threads', 'processes'])('in %s', (placement) => {
  test('two gateways on one port share the calls', async () => {
    const scaled = await startScaled(placement);
    await callsWhile(scaled, { callers: CALLERS }, async (_stream, progress) => {
      await progress();
      await progress();
    });
    const counts = await countsOf(scaled, 'internode_gateway_call_wait_seconds_count');
    expect([...counts.values()].filter((count) => count > 0)).toHaveLength(2);
  });

  test('queries go to execution and its follower, and see what their caller has done', async () => {
    const scaled = await startScaled(placement);
    await seesItsOwn(scaled, 20);
    for (const service of ['execution', 'follower']) {
      expect(await totalOf(scaled, `internode_${service}_queries_total`)).toBeGreaterThan(10);
    }
  });
});

test('followers and execution are killed again and again: queries see what was certified, calls and queries go on', async () => {
  const scaled = await startScaled('processes');
  const options = { callers: CALLERS, expected: KILLED_CONNECTION };
  await callsWhile(scaled, options, async (stream, progress) => {
    const client = await currentClient.open(scaled);
    const sum = client.actor(marksInterface, stream.canisterId)['sum'];
    let queried = 0;
    let stopping = false;
    const asking = Array.from({ length: 4 }, async () => {
      while (!stopping) {
        const before = BigInt(stream.acknowledged);
        // Each mark adds one: what is acknowledged is in the state that answers.
        expect((await sum?.()) as bigint).toBeGreaterThanOrEqual(before);
        queried += 1;
      }
    });
    for (let kill = 0; kill < KILLS; kill++) {
      const pid = pidOfService(scaled.pid, kill % 4 === 3 ? 'execution' : 'execution-2');
      process.kill(pid ?? 0, 'SIGKILL');
      await progress();
    }
    stopping = true;
    await Promise.all(asking);
    expect(queried).toBeGreaterThan(KILLS);
  });
});

test('a gateway of two is killed again and again under load: nothing acknowledged is lost', async () => {
  const scaled = await startScaled('processes');
  const options = { callers: CALLERS, expected: KILLED_CONNECTION };
  await callsWhile(scaled, options, async (_stream, progress) => {
    for (let kill = 0; kill < KILLS; kill++) {
      const pid = pidOfService(scaled.pid, kill % 2 === 0 ? 'gateway' : 'gateway-2');
      process.kill(pid ?? 0, 'SIGKILL');
      await progress();
    }
  });
});
