// `internode profile` on replicas that run: their stages in one process, and each in its own.
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runInternode, scratchDir, startReplica } from '../runner/replica.ts';

interface Profiled {
  readonly busySeconds: number;
  readonly rooms: readonly { readonly room: string; readonly ms: number }[];
  readonly page: string;
  readonly profiles: readonly string[];
}

/** Queries of the status page keep the gateway busy meanwhile. */
async function profiled(url: string, args: readonly string[]): Promise<Profiled> {
  const out = mkdtempSync(join(tmpdir(), 'internode-e2e-'));
  const taking = runInternode(['profile', ...args, '--seconds', '2', '--out', out, '--json']);
  let isOver = false;
  void taking.finally(() => {
    isOver = true;
  });
  while (!isOver) await fetch(`${url}/api/v2/status`).then((response) => response.arrayBuffer());
  const { code, stdout, stderr } = await taking;
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Profiled;
}

test.each(['embedded', 'processes'])(
  'a stage of a replica whose services are %s',
  async (placement) => {
    const replica = await startReplica({ args: ['--placement', placement] });
    onTestFinished(async () => {
      await replica.stop();
    });
    const { dataDir, gatewayUrl } = replica;
    const one = await profiled(gatewayUrl, ['gateway', '--data-dir', dataDir]);
    expect(one.busySeconds).toBeGreaterThan(0);
    expect(one.rooms.map(({ room }) => room)).toContain('services/gateway');
    expect(readFileSync(one.page, 'utf8')).toContain('services/gateway');
    for (const path of one.profiles)
      expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')))).toContain('timeDeltas');
    const all = await profiled(gatewayUrl, ['--data-dir', dataDir]);
    const names = all.profiles.join('\n');
    for (const unit of placement === 'embedded'
      ? ['replica.main']
      : ['replica.main', 'state.main', 'gateway.main'])
      expect(names).toContain(`.${unit}.cpuprofile`);
    expect(readdirSync(join(dataDir, 'profile'))).toEqual([]);
  },
);

test('no replica, no such service, no such time, and a process that would not survive the signal: each says what to do', async () => {
  const dataDir = scratchDir();
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await runInternode(['profile', '--data-dir', dataDir, ...args]);
    expect(code).toBe(1);
    return stderr;
  };
  expect(await refused()).toContain('no replica runs');
  expect(await refused('gatway')).toContain('gateway, ');
  expect(await refused('--seconds', '1e9')).toContain('0.1 to 120');
  // This process holds the lock, as a replica of an older version would, and does not know the signal.
  const started = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')[19];
  writeFileSync(join(dataDir, 'lock'), `${process.pid} ${started}`);
  expect(await refused()).toContain('takes no profiles');
  expect(existsSync(join(dataDir, 'profile'))).toBe(false);
});
