import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { FileJournal } from '../src/index.ts';
import { RocksStore } from '../src/rocksdb.ts';
import { temporaryDir } from './temporary.ts';

const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url));
const FILLER = fileURLToPath(new URL('./filler.ts', import.meta.url));

interface Writer {
  readonly child: ChildProcess;
  readonly said: string[];
  /** How many entries the process said were safe. */
  safe(): number;
  ended: Promise<void>;
}

function startWriter(what: 'journal' | 'store', path: string, fileBlocksMax?: number): Writer {
  const command = fileBlocksMax === undefined ? '' : `ulimit -f ${fileBlocksMax}; `;
  const child = spawn(
    'sh',
    ['-c', `${command}exec "$0" "$@"`, process.execPath, WRITER, what, path],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const said: string[] = [];
  let rest = '';
  child.stdout?.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    said.push(...lines);
  });
  const safe = (): number => {
    const last = said.findLast((line) => line.startsWith('safe '));
    return last === undefined ? 0 : Number(last.slice(5));
  };
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return { child, said, safe, ended };
}

async function killAfter(writer: Writer, ms: number): Promise<number> {
  const before = writer.said.length;
  while (writer.said.length === before) await new Promise((resolve) => setTimeout(resolve, 2));
  await new Promise((resolve) => setTimeout(resolve, ms));
  writer.child.kill('SIGKILL');
  await writer.ended;
  return writer.safe();
}

/** The numbers that entries begin with, checking that the rest follows from them. */
function numberOf(content: Uint8Array): number {
  const n = new DataView(content.buffer, content.byteOffset).getUint32(0);
  expect(content.length).toBe(8 + ((n * 37) % 3000));
  expect(content.subarray(4).every((byte) => byte === (n & 255))).toBe(true);
  return n;
}

test('kill -9 amid appends and compactions, 15 times: no safe entry is lost or changed', async () => {
  const path = join(temporaryDir(), 'journal');
  let survived = 0;
  for (let round = 0; round < 15; round++) {
    const safe = await killAfter(startWriter('journal', path), (round * 37) % 90);
    const journal = FileJournal.open({ path, onFault: () => {} });
    const numbers: number[] = [];
    journal.replay((entry) => numbers.push(numberOf(entry)));
    await journal.close();
    expect(numbers).toEqual(numbers.map((_, i) => i));
    expect(numbers.length).toBeGreaterThanOrEqual(Math.max(safe, survived));
    survived = numbers.length;
  }
  expect(survived).toBeGreaterThan(500);
});

test('kill -9 amid batches, 8 times: no safe batch is lost, none is half there', async () => {
  const path = join(temporaryDir(), 'store');
  let survived = 0;
  for (let round = 0; round < 8; round++) {
    const safe = await killAfter(startWriter('store', path), (round * 61) % 200);
    const store = await RocksStore.open({ path });
    const range = { gte: Uint8Array.of(1), lt: Uint8Array.of(2), limit: 1e9 };
    const numbers = (await store.range(range)).map(({ value }) => numberOf(value));
    const last = await store.get(Uint8Array.of(0));
    await store.close();
    expect(numbers).toEqual(numbers.map((_, i) => i));
    expect(numbers.length).toBeGreaterThanOrEqual(Math.max(safe, survived));
    expect(last && numberOf(last)).toBe(numbers.at(-1));
    survived = numbers.length;
  }
  expect(survived).toBeGreaterThan(100);
});

async function untilFull(writer: Writer): Promise<void> {
  while (!writer.said.some((line) => line.startsWith('fault'))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

// A limit on the size of files stands for the full disk: it needs no rights and is the same to the writer.
test('a full disk delays the journal, tells so, and harms nothing', async () => {
  const path = join(temporaryDir(), 'journal');
  const writer = startWriter('journal', path, 1000);
  await untilFull(writer);
  const safe = await killAfter(writer, 1500);
  expect(writer.said.filter((line) => line.startsWith('fault')).length).toBeGreaterThan(1);
  const journal = FileJournal.open({ path, onFault: () => {} });
  const numbers: number[] = [];
  journal.replay((entry) => numbers.push(numberOf(entry)));
  expect(numbers.length).toBeGreaterThanOrEqual(safe);
  expect(numbers).toEqual(numbers.map((_, i) => i));
  await new Promise<void>((resolve) => journal.append(new Uint8Array(8), resolve));
  await journal.close();
});

test('a full disk fails batches as data, and all safe ones are there afterwards', async () => {
  const path = join(temporaryDir(), 'store');
  const writer = startWriter('store', path, 2000);
  await untilFull(writer);
  const safe = await killAfter(writer, 300);
  expect(
    writer.said
      .filter((line) => line.startsWith('fault'))
      .every((line) => line.startsWith('fault full')),
  ).toBe(true);
  const store = await RocksStore.open({ path });
  const range = { gte: Uint8Array.of(1), lt: Uint8Array.of(2), limit: 1e9 };
  const numbers = (await store.range(range)).map(({ value }) => numberOf(value));
  expect(numbers).toEqual(numbers.map((_, i) => i));
  expect(numbers.length).toBeGreaterThanOrEqual(safe);
  await store.write([{ key: Uint8Array.of(9), value: new Uint8Array(1) }], { sync: true });
  await store.close();
});

test('a disk that is full when a store is opened for being filled is waited for', async () => {
  const path = join(temporaryDir(), 'store');
  const child = spawn(process.execPath, [FILLER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const until = async (line: string) => {
    while (!said.includes(line) && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const limit = (bytes: string) =>
    execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${bytes}:unlimited`]);
  await until('written');
  limit(String(512 * 1024));
  child.stdin.write('\n');
  await until('hold ');
  expect(said).toBe('written\nfill full\nhold full\n');
  limit('unlimited');
  await ended;
  expect(said).toBe('written\nfill full\nhold full\nwrite done\nrows 1001\nend\n');
});
