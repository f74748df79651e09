// A disk that is full and a disk that lies: nothing acknowledged is lost, nothing wrong is served, and people are told what to do.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Canister, currentClient, EMPTY_ARGUMENT } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, scratchDir, startReplica } from '../runner/replica.ts';
import { descendants } from '../runner/services.ts';
import { envelope, get, post, principalOf } from '../runner/wire.ts';

let replica: Replica | undefined;
afterEach(async () => {
  await replica?.stop();
});

async function deployed(dataDir: string): Promise<{ replica: Replica; counter: Canister }> {
  const started = await startReplica({ dataDir });
  replica = started;
  const client = await currentClient.open(started);
  const counter = await client.deploy(counterInterface, motokoModule('counter.mo'));
  return { replica: started, counter };
}

/** All files below a directory. */
function filesOf(path: string): string[] {
  return readdirSync(path, { recursive: true })
    .map((name) => join(path, String(name)))
    .filter((file) => statSync(file).isFile());
}

/** Files of the replica may not grow beyond `bytes`: to its processes that is a full disk, and needs no rights. */
function limitFiles(replicaPid: number, bytes: number | 'unlimited'): void {
  for (const pid of [replicaPid, ...descendants(replicaPid).map((child) => child.pid)])
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
}

async function inc(at: Replica, id: string): Promise<number> {
  const call = { request_type: 'call', method_name: 'inc', arg: EMPTY_ARGUMENT };
  const fields = {
    ...call,
    canister_id: principalOf(id),
    nonce: crypto.getRandomValues(new Uint8Array(16)),
  };
  const { body } = await envelope(fields);
  const { status, map } = await post(`${at.gatewayUrl}/api/v4/canister/${id}/call`, body);
  return map['status'] === 'replied' ? 200 : status;
}

describe('a full disk', () => {
  test('delays calls and says so; when there is space again everything goes on', async () => {
    const dataDir = scratchDir();
    const { replica: full, counter } = await deployed(dataDir);
    expect(await counter.actor['inc']?.()).toBe(1n);
    limitFiles(full.pid, 4_096);
    const answers = await Promise.all(Array.from({ length: 3 }, () => inc(full, counter.id)));
    expect(answers.every((status) => status !== 200)).toBe(true);
    expect(await counter.actor['get']?.()).toBeDefined();
    expect(full.process.exitCode).toBeNull();
    limitFiles(full.pid, 'unlimited');
    let after = 0;
    for (let i = 0; i < 20 && after !== 200; i++) after = await inc(full, counter.id);
    expect(after).toBe(200);
    const count = (await counter.actor['get']?.()) as bigint;
    expect(count).toBeGreaterThanOrEqual(2n);
    await full.kill();
    replica = await startReplica({ dataDir, port: Number(new URL(full.gatewayUrl).port) });
    expect((await counter.actor['get']?.()) as bigint).toBeGreaterThanOrEqual(count);
    expect((await get(`${replica.gatewayUrl}/readyz`)).status).toBe(200);
  });
});

describe('a corrupted store', () => {
  test('refuses to start, names the damage and says what to do; it serves nothing', async () => {
    const dataDir = scratchDir();
    const { replica: before } = await deployed(dataDir);
    // Until its first sync the store holds nothing that the journal of consensus could not make again.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await before.stop();
    for (const file of filesOf(join(dataDir, 'store'))) {
      if (!/\.(sst|log)$/.test(file)) continue;
      const bytes = readFileSync(file);
      for (let at = 50; at < bytes.length; at += 501) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      writeFileSync(file, bytes);
    }
    const fault = await startReplica({ dataDir }).then(
      async (started) => {
        await started.stop();
        return 'it started';
      },
      (error: Error) => error.message,
    );
    expect(fault).toMatch(/the replica ended with [1-9]/);
    expect(fault).toMatch(/store/);
    expect(fault).toMatch(/--clean|backup/i);
    expect(fault).not.toMatch(/Ready in/);
    expect(fault).not.toMatch(/\n\s+at .*\.ts:\d+/);
  });
});
