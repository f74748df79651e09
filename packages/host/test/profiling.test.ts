import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ProfileAnswer, profileFiles } from '../src/index.ts';

describe('profiles on request', () => {
  const dataDir = fs.mkdtempSync(join(tmpdir(), 'internode-profile-'));
  let child: ChildProcess;
  let files: ReturnType<typeof profileFiles>;
  beforeAll(async () => {
    child = fork(fileURLToPath(new URL('./profiled.ts', import.meta.url)), [dataDir]);
    files = profileFiles(dataDir, child.pid ?? 0);
    fs.mkdirSync(dirname(files.request));
    await once(child, 'message');
  });
  afterAll(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
    fs.rmSync(dataDir, { recursive: true });
  });

  const request = (text: string): void => {
    fs.writeFileSync(files.request, text);
    child.kill('SIGUSR2');
  };
  const answer = async (): Promise<ProfileAnswer> => {
    while (!fs.existsSync(files.answer)) await setTimeout(20);
    const read = JSON.parse(fs.readFileSync(files.answer, 'utf8')) as ProfileAnswer;
    fs.rmSync(files.answer);
    return read;
  };

  test('show what each thread does, readable by the owner only', async () => {
    request('{"forMs": 500}');
    while (!fs.existsSync(files.answer)) await setTimeout(20);
    expect(fs.statSync(files.answer).mode & 0o777).toBe(0o600);
    const taken = await answer();
    if (taken.kind !== 'taken') throw new Error(taken.reason);
    const functions = new Map(
      taken.threads.map(({ thread, profile }) => [
        thread,
        profile.nodes.map(({ callFrame }) => callFrame.functionName),
      ]),
    );
    expect([...functions.keys()].sort()).toEqual(['aside', 'main']);
    expect(functions.get('main')).toContain('burn');
    expect(functions.get('aside')).toContain('burnAside');
    expect(fs.existsSync(files.request)).toBe(false);
  });

  test.each(['{"forMs": 0}', '{"forMs": 1e9}', '{"forMs": "long"}', '{"forMs": null}', '{}'])(
    '%s is refused with the bounds',
    async (text) => {
      request(text);
      expect(await answer()).toMatchObject({
        kind: 'refused',
        reason: expect.stringContaining('120000'),
      });
    },
  );

  test('a signal without a request, and garbage, change nothing', async () => {
    child.kill('SIGUSR2');
    request('{{');
    await setTimeout(300);
    expect(fs.existsSync(files.answer)).toBe(false);
    request('{"forMs": 100}');
    expect((await answer()).kind).toBe('taken');
    expect(child.exitCode).toBe(null);
  });
});
