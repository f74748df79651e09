// One replica of containers under load: the engine starts again what was killed, and one service after the other gets another image.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callsWhile, KILLED_CONNECTION } from '../runner/calls-while.ts';
import { currentClient } from '../runner/clients.ts';
import { PROJECT_PREFIX } from '../runner/contained.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { freePorts } from '../runner/ports.ts';
import { type ReplicaConfig, runProgram } from '../runner/replica.ts';
import { SERVICES } from '../runner/services.ts';
import { CONTAINERS, docker, Stack } from '../runner/stack.ts';

const NEXT_IMAGE = 'internode:e2e-next';
const TIMEOUT_MS = 600_000;
const LOAD = { callers: 8, expected: KILLED_CONNECTION };

let stack: Stack;
let replica: ReplicaConfig;
beforeAll(async () => {
  stack = new Stack({ project: `${PROJECT_PREFIX}services`, ports: await freePorts(1) });
  const tookMs = await stack.up();
  replica = await stack.ready();
  console.log(`docker compose up --wait: ${(tookMs / 1000).toFixed(1)} s`);
}, TIMEOUT_MS);
afterAll(async () => {
  await stack?.down('--volumes');
});

/** Of the container's first process, as the machine counts. */
const pidOf = async (id: string): Promise<number> =>
  Number(await docker(['inspect', '--format', '{{.State.Pid}}', id]));

describe('containers of one replica', { timeout: TIMEOUT_MS }, () => {
  test('the official client works', async () => {
    const client = await currentClient.open(replica);
    const { actor } = await client.deploy(counterInterface, motokoModule('counter.mo'));
    expect(await actor['inc']?.()).toBe(1n);
    expect(await actor['get']?.()).toBe(1n);
  });

  test('nobody in them is root, writes beside its volumes, or gets more rights', async () => {
    for (const name of CONTAINERS) {
      const format = '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}';
      const text = await docker(['inspect', '--format', format, stack.idOf(name)]);
      expect(text.trim(), name).toBe('1000:1000 true [ALL]');
    }
    const touch = ['exec', stack.idOf('state'), 'touch', '/app/x'];
    await expect(docker(touch)).rejects.toThrow(/Read-only file system/);
  });

  test('only the gateway can be reached, and only from this machine', async () => {
    const text = await stack.compose(['ps', '--format', '{{.Service}} {{.Ports}}']);
    const open = text.split('\n').filter((line) => line.includes('->'));
    expect(open).toHaveLength(1);
    expect(open[0]).toMatch(/^gateway 127\.0\.0\.1:\d+->8000/);
  });

  test('each is killed under load and started again by the engine', async () => {
    await callsWhile(replica, LOAD, async (stream, progress) => {
      for (const name of CONTAINERS) {
        const fromMs = performance.now();
        process.kill(await pidOf(stack.idOf(name)), 'SIGKILL');
        await progress();
        const gapMs = stream.longestGapMs(fromMs, performance.now());
        console.log(`${name} killed: ${gapMs.toFixed(0)} ms without an acknowledged call`);
      }
    });
  });

  test('one service after the other gets another image under load', async () => {
    const dockerfile = ['build', '--quiet', '--tag', NEXT_IMAGE, '-'];
    const built = await runProgram('docker', dockerfile, {
      input: 'FROM internode:dev\nLABEL next=yes\n',
    });
    expect(built.code, built.stderr).toBe(0);
    await callsWhile(replica, LOAD, async (stream, progress) => {
      for (const name of SERVICES) {
        const fromMs = performance.now();
        await stack.upgrade(name, 0, NEXT_IMAGE);
        await progress();
        const gapMs = stream.longestGapMs(fromMs, performance.now());
        console.log(`${name} upgraded: ${gapMs.toFixed(0)} ms without an acknowledged call`);
        const image = ['inspect', '--format', '{{.Config.Image}}', stack.idOf(name)];
        expect((await docker(image)).trim()).toBe(NEXT_IMAGE);
      }
    });
  });

  test('down and up again: the same subnet with what it held', async () => {
    const client = await currentClient.open(replica);
    const { id, actor } = await client.deploy(counterInterface, motokoModule('counter.mo'));
    await actor['inc']?.();
    await stack.down();
    await stack.up();
    const again = await stack.ready();
    expect(again.rootKey).toBe(replica.rootKey);
    const there = (await currentClient.open(again)).actor(counterInterface, id);
    expect(await there['get']?.()).toBe(1n);
    expect(await there['inc']?.()).toBe(2n);
  });
});
