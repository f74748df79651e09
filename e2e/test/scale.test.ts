// Several that do the work of one service: gateways behind one port. Each works, the load spreads, and one that is killed takes
// nothing acknowledged with it. In threads and in processes.
import { afterEach, describe, expect, test } from 'vitest';
import { callsWhile, KILLED_CONNECTION } from '../runner/calls-while.ts';
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
  const scale = ['--scale', 'gateway=2'];
  replica = await startReplica({ args: ['--placement', placement, ...scale] });
  return replica;
}

/** Of a counter, by who counts: '' is the first of its service. */
async function countsOf({ gatewayUrl }: Replica, name: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${gatewayUrl}/metrics`)).text();
  const counts = new Map<string, number>();
  for (const [, labels = '', value] of text.matchAll(
    new RegExp(`^${name}(?:{(.*)})? (\\d+)$`, 'gm'),
  )) {
    const instance = /instance="([^"]*)"/.exec(labels)?.[1] ?? '';
    counts.set(instance, (counts.get(instance) ?? 0) + Number(value));
  }
  return counts;
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
