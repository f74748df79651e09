import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Replica, runInternode, scratchDir, startReplica } from '../runner/replica.ts';

const CANISTERS = fileURLToPath(new URL('../canisters/', import.meta.url));

describe('internode start', () => {
  let replica: Replica;
  beforeAll(async () => {
    replica = await startReplica();
  });
  afterAll(async () => {
    await replica?.stop();
  });

  test('the banner shows what a newcomer needs and ends with Ready', () => {
    const text = replica.output();
    for (const needed of [
      replica.gatewayUrl,
      replica.rootKey,
      'alice',
      'icp.yaml',
      'networks.json',
      'HttpAgent',
    ]) {
      expect(text).toContain(needed);
    }
    expect(text.trimEnd()).toMatch(/\nReady in \d+ ms$/);
  });

  test('--config-out has every field', () => {
    expect(replica.rootKey).toMatch(/^[0-9a-f]{266}$/);
    expect(replica.nodeIds).toHaveLength(1);
    expect(replica.pid).toBe(replica.process.pid);
    expect(replica.defaultEffectiveCanisterId).toBe('rwlgt-iiaaa-aaaaa-aaaaa-cai');
  });

  test('health, readiness and metrics', async () => {
    expect((await fetch(`${replica.gatewayUrl}/healthz`)).status).toBe(200);
    expect((await fetch(`${replica.gatewayUrl}/readyz`)).status).toBe(200);
    const metrics = await (await fetch(`${replica.gatewayUrl}/metrics`)).text();
    for (const service of ['gateway', 'p2p', 'beacon', 'consensus', 'execution', 'state']) {
      expect(metrics).toContain(`internode_${service}_`);
    }
  });

  test('a second start on the same data directory is refused and names the owner', async () => {
    const second = await runInternode(['start', '--port', '0', '--data-dir', replica.dataDir]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`in use by process ${replica.pid}`);
    expect(second.stderr).toContain('--data-dir');
  });

  test('a port in use names the culprit and the remedy', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const second = await runInternode([
      'start',
      '--port',
      String(port),
      '--data-dir',
      scratchDir(),
    ]);
    server.close();
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`port ${port}`);
    expect(second.stderr).toContain(`process ${process.pid}`);
    expect(second.stderr).toContain('--port 0');
  });

  test('SIGTERM stops it cleanly in less than two seconds, and its state is there afterwards', async () => {
    const other = await startReplica();
    expect(await other.stop()).toBeLessThan(2000);
    expect(other.process.exitCode).toBe(0);
    const again = await startReplica({ dataDir: other.dataDir });
    expect(again.rootKey).toBe(other.rootKey);
    await again.stop();
  });

  test('--log-format json --quiet prints JSON lines and nothing else', async () => {
    const other = await startReplica({ args: ['--log-format', 'json', '--quiet'] });
    await other.stop();
    for (const line of other.output().split('\n').filter(Boolean)) {
      expect(JSON.parse(line)).toHaveProperty('level');
    }
  });
});

describe('a first tour without any other tool', () => {
  let replica: Replica;
  beforeAll(async () => {
    replica = await startReplica();
  });
  afterAll(async () => {
    await replica?.stop();
  });

  async function run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runInternode([...args, '--data-dir', replica.dataDir]);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  test('deploy, call, status, logs, upgrade', async () => {
    expect(await run('deploy', join(CANISTERS, 'counter.mo'))).toMatch(
      /^Installed counter \(\d+ bytes\): [a-z0-9-]+-cai\n$/,
    );
    expect(await run('call', 'counter', 'inc')).toBe('(1)\n');
    expect(await run('call', 'counter', 'add', '(41)')).toBe('(42)\n');
    expect(await run('call', 'counter', 'get')).toBe('(42)\n');
    await run('call', 'counter', 'print', '("hello, operator")');
    expect(await run('canister', 'logs', 'counter')).toContain('hello, operator');
    expect(JSON.parse(await run('canister', 'status', 'counter', '--json'))).toMatchObject({
      status: 'running',
    });
    expect(await run('deploy', join(CANISTERS, 'counter.mo'))).toContain('Upgraded counter');
    expect(await run('call', 'counter', 'get')).toBe('(42)\n');
  });

  test('errors say what to do', async () => {
    await expect(run('call', 'nobody', 'inc')).rejects.toThrow(/no canister is called nobody/);
    await expect(run('call', 'counter', 'dec')).rejects.toThrow(/it has: .*inc/);
    await expect(run('call', 'counter', 'add', '("x")')).rejects.toThrow(/expected nat/);
    const folder = mkdtempSync(join(tmpdir(), 'internode-mo-'));
    writeFileSync(join(folder, 'broken.mo'), 'actor { let x = }');
    await expect(run('deploy', join(folder, 'broken.mo'))).rejects.toThrow(/does not compile/);
    const nowhere = await runInternode(['call', 'a', 'b', '--data-dir', folder]);
    expect(nowhere.stderr).toContain('npm start');
    expect(readFileSync(join(folder, 'broken.mo'), 'utf8')).toBeTruthy();
  });
});
