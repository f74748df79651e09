// A file system without space, filled while the replica runs: calls wait or are refused, /readyz says why, and once there is space nothing that
// was acknowledged is missing. A real small file system where this machine lets us mount one, a limit on the size of files elsewhere.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { endOf } from '../runner/calls.ts';
import { currentClient } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, scratchDir, startReplica } from '../runner/replica.ts';
import { get } from '../runner/wire.ts';

interface Disk {
  readonly path: string;
  fill(replica: Replica): void;
  free(replica: Replica): void;
  close(): void;
}

function openDisk(): Disk {
  const path = scratchDir();
  const remove = (): void => rmSync(path, { recursive: true, force: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    const limit = ({ pid }: Replica, bytes: string): void =>
      void execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
    return {
      path,
      fill: (replica) => limit(replica, '4096'),
      free: (replica) => limit(replica, 'unlimited'),
      close: remove,
    };
  }
  const ballast = join(path, 'ballast');
  return {
    path,
    fill: () => fillWith(ballast),
    free: () => rmSync(ballast),
    close: () => {
      execFileSync('umount', ['--lazy', path]);
      remove();
    },
  };
}

/** Writes until the file system takes not one byte more. */
function fillWith(file: string): void {
  const handle = openSync(file, 'a');
  let written = 0;
  for (let bytes = 1 << 20; bytes >= 1; ) {
    try {
      writeSync(handle, new Uint8Array(bytes));
      written += bytes;
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code !== 'ENOSPC') throw fault;
      bytes >>= 4;
    }
  }
  closeSync(handle);
  expect(written).toBeGreaterThan(0);
}

const disk = openDisk();
let replica: Replica | undefined;
afterAll(async () => {
  await replica?.kill();
  disk.close();
});

test('a full file system', async () => {
  const first = await startReplica({ dataDir: disk.path });
  replica = first;
  const client = await currentClient.open(first);
  const counter = await client.deploy(counterInterface, motokoModule('counter.mo'));
  let acknowledged = 0;
  const inc = async () => {
    const { code } = await endOf(first, counter.id, 'inc');
    if (code === 'replied') acknowledged += 1;
    return code;
  };
  for (let i = 0; i < 20; i++) expect(await inc()).toBe('replied');

  disk.fill(first);
  // What was reserved before may carry some more; then there is an end to it.
  const ends: string[] = [];
  const endMs = performance.now() + 60_000;
  while (performance.now() < endMs && (ends.at(-1) ?? 'replied') === 'replied')
    ends.push(await inc());
  expect(['202', '503', 'IC0201', 'rejected']).toContain(ends.at(-1));
  await expect
    .poll(async () => (await get(`${first.gatewayUrl}/readyz`)).text, { timeout: 20_000 })
    .toMatch(/space|full/i);
  expect((await get(`${first.gatewayUrl}/readyz`)).status).toBe(503);
  expect(first.process.exitCode).toBeNull();
  const known = (await counter.actor['get']?.()) as bigint;
  expect(known).toBeGreaterThanOrEqual(BigInt(acknowledged));

  disk.free(first);
  await expect.poll(inc, { timeout: 60_000 }).toBe('replied');
  await expect
    .poll(async () => (await get(`${first.gatewayUrl}/readyz`)).status, { timeout: 20_000 })
    .toBe(200);

  await first.kill();
  replica = await startReplica({ dataDir: disk.path });
  const after = (await currentClient.open(replica)).actor(counterInterface, counter.id);
  expect((await after['get']?.()) as bigint).toBeGreaterThanOrEqual(BigInt(acknowledged));
}, 240_000);
