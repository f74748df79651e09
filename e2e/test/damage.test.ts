// Damaged files: a replica that is started on them either says what to do and serves nothing, or has all that it acknowledged.
import {
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endOf } from '../runner/calls.ts';
import { currentClient } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { runInternode, scratchDir, startReplica } from '../runner/replica.ts';

/** As its last owner left it: killed, with everything acknowledged. */
let pristine: string;
let rootKey: string;
let counterId: string;
let counted: bigint;
const dirs: string[] = [];

beforeAll(async () => {
  pristine = scratchDir();
  const replica = await startReplica({ dataDir: pristine });
  rootKey = replica.rootKey;
  const client = await currentClient.open(replica);
  const counter = await client.deploy(counterInterface, motokoModule('counter.mo'));
  counterId = counter.id;
  // Long enough for the store to have synced some heights, so that all kinds of files exist.
  const endMs = performance.now() + 4_000;
  while (performance.now() < endMs) counted = (await counter.actor['inc']?.()) as bigint;
  await replica.kill();
  // Once more, so that the store's log became sorted tables, and again a log follows.
  const again = await startReplica({ dataDir: pristine });
  expect(await endOf(again, counterId, 'inc')).toMatchObject({ code: 'replied' });
  counted += 1n;
  await again.stop();
});
afterAll(() => {
  for (const dir of [pristine, ...dirs]) rmSync(dir, { recursive: true, force: true });
});

function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true })
    .map((name) => join(dir, String(name)))
    .filter((file) => statSync(file).isFile());
}

type Outcome =
  | { readonly kind: 'served'; readonly count: bigint }
  | { readonly kind: 'refused'; readonly text: string };

/** Starts a copy of the pristine directory after it was damaged, and asks it. */
async function startDamaged(damage: (dir: string) => void): Promise<Outcome> {
  const dir = scratchDir();
  dirs.push(dir);
  cpSync(pristine, dir, { recursive: true });
  damage(dir);
  let replica: Awaited<ReturnType<typeof startReplica>>;
  try {
    replica = await startReplica({ dataDir: dir });
  } catch (fault) {
    return { kind: 'refused', text: (fault as Error).message };
  }
  try {
    expect(replica.rootKey).toBe(rootKey);
    const client = await currentClient.open(replica);
    const actor = client.actor(counterInterface, counterId);
    const count = (await actor['get']?.()) as bigint;
    expect(await actor['inc']?.()).toBe(count + 1n);
    return { kind: 'served', count };
  } finally {
    await replica.stop();
  }
}

function expectRefusal(outcome: Outcome): void {
  if (outcome.kind === 'served') throw new Error(`it started, and the count was ${outcome.count}`);
  expect(outcome.text).toMatch(/the replica ended with 1:/);
  expect(outcome.text).toMatch(/--clean/);
  expect(outcome.text).not.toMatch(/Ready in/);
  expect(outcome.text).not.toMatch(/\n\s+at .*\.ts:\d+/);
}

/** Refused, or as correct as before: never anything else. */
function expectRefusalOrTruth(outcome: Outcome): void {
  if (outcome.kind === 'refused') expectRefusal(outcome);
  else expect(outcome.count).toBe(counted);
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  const index = Math.min(bytes.length - 1, Math.max(0, Math.floor(at)));
  bytes[index] = (bytes[index] ?? 0) ^ 0x20;
  writeFileSync(file, bytes);
}

/** The largest file below a folder with such a name. */
function largest(dir: string, folder: string, name: RegExp): string {
  const files = filesOf(join(dir, folder)).filter((file) => name.test(file));
  const sorted = files.sort((a, b) => statSync(b).size - statSync(a).size);
  if (sorted[0] === undefined) throw new Error(`no file like ${name} in ${folder}`);
  return sorted[0];
}

test('without damage everything is as it was', async () => {
  expect(await startDamaged(() => {})).toEqual({ kind: 'served', count: counted });
});

describe('the store', () => {
  test.each([
    ['CURRENT', /CURRENT$/, 0.5],
    ['MANIFEST', /MANIFEST-\d+$/, 0.4],
    ['the start of a table', /\.sst$/, 0.01],
    ['the middle of a table', /\.sst$/, 0.5],
    ['the end of a table', /\.sst$/, 0.999],
    ['the log', /\.log$/, 0.5],
  ] as const)('one bit of %s', async (_, name, part) => {
    const outcome = await startDamaged((dir) => {
      const file = largest(dir, 'store', name);
      flip(file, statSync(file).size * part);
    });
    expectRefusalOrTruth(outcome);
  });

  test.each([
    ['CURRENT', /CURRENT$/],
    ['MANIFEST', /MANIFEST-\d+$/],
    ['a table', /\.sst$/],
  ] as const)('%s is gone', async (_, name) => {
    expectRefusal(await startDamaged((dir) => rmSync(largest(dir, 'store', name))));
  });

  test('a table is cut', async () => {
    const cut = (dir: string) => {
      const file = largest(dir, 'store', /\.sst$/);
      truncateSync(file, Math.floor(statSync(file).size / 2));
    };
    expectRefusal(await startDamaged(cut));
  });
});

describe('the journals', () => {
  test.each([0.1, 0.5, 0.9])('one bit at %d of the largest', async (part) => {
    const outcome = await startDamaged((dir) => {
      const file = largest(dir, 'journal', /./);
      flip(file, statSync(file).size * part);
    });
    expectRefusalOrTruth(outcome);
  });

  test('every journal is gone: the store is ahead of it, and the node stops', async () => {
    const dir = scratchDir();
    dirs.push(dir);
    cpSync(pristine, dir, { recursive: true });
    rmSync(join(dir, 'journal'), { recursive: true });
    const { code, stderr } = await runInternode(['start', '--port', '0', '--data-dir', dir]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/state is ahead of the journal/);
    expect(stderr).toMatch(/--clean/);
  });
});

describe('the keys', () => {
  test.each([
    ['cut', (text: string) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['no hex', (text: string) => text.replace(/"seed": "../, '"seed": "zz')],
  ] as const)('%s', async (_, change) => {
    const outcome = await startDamaged((dir) => {
      const file = join(dir, 'keys.json');
      writeFileSync(file, change(readFileSync(file, 'utf8')));
    });
    expectRefusal(outcome);
  });

  test('of another subnet', async () => {
    const outcome = await startDamaged((dir) => {
      const file = join(dir, 'keys.json');
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, text.replace(/"seed": ".{64}/, `"seed": "${'ab'.repeat(32)}`));
    });
    expectRefusal(outcome);
  });

  test('gone while the store is there', async () => {
    expectRefusal(await startDamaged((dir) => rmSync(join(dir, 'keys.json'))));
  });
});

test('compiled code that is damaged or gone is compiled again', async () => {
  for (const damage of [
    (file: string) => flip(file, statSync(file).size / 2),
    (file: string) => truncateSync(file, 10),
    (file: string) => rmSync(file),
  ]) {
    const outcome = await startDamaged((dir) => {
      for (const file of filesOf(join(dir, 'compile-cache'))) damage(file);
    });
    expect(outcome).toEqual({ kind: 'served', count: counted });
  }
});
