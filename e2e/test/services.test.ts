// Six services in six processes over a nats-server, under load: any of them is killed, the broker is killed, one is stopped for a
// while. What was acknowledged is there exactly once, and calls go on.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { findNatsServer, runNatsServer } from '@internode/bus/server';
import { encodeUnsignedLeb128 } from '@internode/encoding';
import { concatBytes } from '@internode/prelude';
import { afterEach, describe, expect, test } from 'vitest';
import { callsWhile, KILLED_CONNECTION } from '../runner/calls-while.ts';
import { currentClient, UPGRADE_KEEP } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, runInternode, scratchDir, startReplica } from '../runner/replica.ts';
import {
  descendants,
  isAlive,
  pidOfBroker,
  pidOfService,
  SERVICES,
  type ServiceName,
} from '../runner/services.ts';
import type { MarkStream } from '../runner/stream.ts';
import { wait } from '../runner/under-load.ts';

const KILLS_EACH = Number(process.env['SERVICE_KILLS'] ?? 5);
const BROKER_KILLS = 3;
const CALLERS = 8;

let replica: Replica | undefined;
afterEach(async () => {
  await replica?.stop();
  replica = undefined;
});

async function startApart(): Promise<Replica> {
  replica = await startReplica({ args: ['--placement', 'processes'] });
  return replica;
}

function underLoad(
  apart: Replica,
  faults: (stream: MarkStream, progress: () => Promise<void>) => Promise<void>,
): Promise<MarkStream> {
  return callsWhile(apart, { callers: CALLERS, expected: KILLED_CONNECTION }, faults);
}

async function kill(apart: Replica, service: ServiceName): Promise<void> {
  for (;;) {
    const pid = pidOfService(apart.pid, service);
    if (pid !== undefined) return void process.kill(pid, 'SIGKILL');
    await wait(10);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** With a custom section of so many bytes, which means nothing. */
function withPadding(module: Uint8Array, bytes: number): Uint8Array {
  const name = new TextEncoder().encode('padding');
  const size = encodeUnsignedLeb128(BigInt(1 + name.length + bytes));
  const head = Uint8Array.of(0, ...size, name.length, ...name);
  return concatBytes(module, head, randomBytes(bytes));
}

describe('services in processes', () => {
  test(`each of six is killed ${KILLS_EACH} times under load`, { timeout: 400_000 }, async () => {
    const apart = await startApart();
    const slowest: string[] = [];
    await underLoad(apart, async (stream, progress) => {
      for (const service of SERVICES) {
        const times: number[] = [];
        for (let round = 0; round < KILLS_EACH; round++) {
          const fromMs = performance.now();
          await kill(apart, service);
          await progress();
          times.push(stream.longestGapMs(fromMs, performance.now()));
          await wait(Math.random() * 200);
        }
        slowest.push(`${service} ${times.map((ms) => ms.toFixed(0)).join(' ')}`);
        console.log(`standstill after a kill, ms: ${slowest.at(-1)}`);
      }
    });
  });

  test(`the broker is killed ${BROKER_KILLS} times under load`, { timeout: 200_000 }, async () => {
    const apart = await startApart();
    await underLoad(apart, async (stream, progress) => {
      for (let round = 0; round < BROKER_KILLS; round++) {
        const fromMs = performance.now();
        process.kill(pidOfBroker(apart.pid) ?? 0, 'SIGKILL');
        await progress();
        console.log(`broker: ${stream.longestGapMs(fromMs, performance.now()).toFixed(0)} ms`);
      }
    });
  });

  test('each of six stands still for a second under load', { timeout: 200_000 }, async () => {
    const apart = await startApart();
    await underLoad(apart, async (_stream, progress) => {
      for (const service of SERVICES) {
        const pid = pidOfService(apart.pid, service) ?? 0;
        process.kill(pid, 'SIGSTOP');
        await wait(1_000);
        process.kill(pid, 'SIGCONT');
        await progress();
        expect(pidOfService(apart.pid, service)).toBe(pid);
      }
    });
  });

  test('a call larger than what the broker takes in one piece, and its module after kills', async () => {
    const apart = await startApart();
    const client = await currentClient.open(apart);
    const module = withPadding(motokoModule('counter.mo'), 1_500_000);
    const { id, actor } = await client.deploy(counterInterface, module);
    expect(await actor['inc']?.()).toBe(1n);
    for (const service of ['execution', 'state'] as const) await kill(apart, service);
    expect(await actor['inc']?.()).toBe(2n);
    await client.install(id, module, { mode: UPGRADE_KEEP });
    expect(await actor['get']?.()).toBe(2n);
  });

  test('a broker of others: the start says how to let it in, and works once that is done', async () => {
    const dataDir = scratchDir();
    const port = await freePort();
    const bus = `nats://127.0.0.1:${port}`;
    const args = ['start', '--placement', 'processes', '--bus', bus, '--data-dir', dataDir];
    const refused = await runInternode([...args, '--port', '0']);
    expect(refused.code).toBe(1);
    const config = join(dataDir, 'bus', 'nats.conf');
    expect(refused.stderr).toContain(`nats-server -c ${config}`);
    const binary = findNatsServer(() => {});
    const server = await runNatsServer({ binary, args: ['-c', config], port });
    try {
      replica = await startReplica({ dataDir, args: ['--placement', 'processes', '--bus', bus] });
      expect(pidOfBroker(replica.pid)).toBeUndefined();
      const client = await currentClient.open(replica);
      const { actor } = await client.deploy(counterInterface, motokoModule('counter.mo'));
      expect(await actor['inc']?.()).toBe(1n);
      await replica.stop();
    } finally {
      await server.stop();
    }
  });

  test('SIGTERM, and the death of the supervisor, leave no process behind', async () => {
    const first = await startApart();
    const pids = descendants(first.pid).map(({ pid }) => pid);
    expect(pids.length).toBeGreaterThanOrEqual(SERVICES.length + 1);
    expect(await first.stop()).toBeLessThan(2000);
    expect(first.process.exitCode).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);

    const second = await startApart();
    const others = descendants(second.pid).map(({ pid }) => pid);
    await second.kill();
    while (others.some(isAlive)) await wait(10);
    replica = undefined;
  });
});
