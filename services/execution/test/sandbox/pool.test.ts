import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openInstrumentedCache } from '../../src/adapters/instrumented-cache.ts';
import { SandboxPool } from '../../src/adapters/sandbox-pool.ts';
import { createInPlaceSandbox } from '../../src/sandbox/in-place.ts';
import type { Answer, Collected, Executed, Task } from '../../src/sandbox/interface.ts';
import {
  bytes,
  CONTEXT,
  module,
  motoko,
  numberOf,
  replyNumber,
  replyOf,
  update,
} from './support.ts';

const load = '(i64.load (i32.const 0))';
const COUNTER = module(`
  ${update('inc', `(i64.store (i32.const 0) (i64.add ${load} (i64.const 1))) ${replyNumber(load)}`)}
  ${update(
    'echo',
    `(call $msg_arg_data_copy (i32.const 0) (i32.const 0) (call $msg_arg_data_size))
    (call $msg_reply_data_append (i32.const 0) (call $msg_arg_data_size)) (call $msg_reply)`,
  )}
  (func $f (param i64) (result i64) (i64.add (call $f (local.get 0)) (i64.const 1)))
  ${update('forever', '(loop $l (br $l))')}
  ${update('recursion', '(drop (call $f (i64.const 1)))')}
  (table funcref (elem $g)) (type $t (func (param i64 i64) (result i64)))
  (func $g (param i64 i64) (result i64) (local i64 i64 i64)
    (i64.add (i64.const 1) (call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0))))
  ${update('indirect', '(drop (call $g (i64.const 1) (i64.const 2)))')}
  (func $start (i64.store (i32.const 0) (i64.const 100))) (start $start)`);
const NONE = new Uint8Array(0);
const idOf = (index: number) => new Uint8Array([0, 0, 0, 0, 0, 0, 0, index, 1, 1]);

const opened: { pool: SandboxPool | undefined; directory: string }[] = [];
function open(workers: number, directory = mkdtempSync(join(tmpdir(), 'sandbox-'))) {
  const faults: Error[] = [];
  const cacheDirectory = join(directory, 'modules');
  const pool = new SandboxPool({
    workers,
    cacheDirectory,
    onFault: (reason) => faults.push(reason),
  });
  opened.push({ pool, directory });
  const ask = (task: Task) => new Promise<Answer>((resolve) => pool.solve(task, resolve));
  const execute = async (index: number, method: string, argument: Uint8Array = NONE) => {
    const context = { ...CONTEXT, canisterId: idOf(index) };
    const entry = { kind: 'update', method, argument } as const;
    return (await ask({ kind: 'execute', entry, context, session: undefined })) as Executed;
  };
  const install = async (index: number, wasm = COUNTER) => {
    const prepared = await ask({ kind: 'prepare', wasm });
    if (prepared.kind !== 'prepared') throw new Error(prepared.kind);
    const context = { ...CONTEXT, canisterId: idOf(index), instructionLimit: 300_000_000_000n };
    return (await ask({
      kind: 'install',
      mode: 'install',
      moduleHash: prepared.facts.hash,
      argument: NONE,
      skipPreUpgrade: false,
      keepHeap: false,
      context,
      versionAfter: 1n,
    })) as Executed;
  };
  return { pool, faults, ask, execute, install, cacheDirectory, directory };
}

afterEach(async () => {
  for (const { pool, directory } of opened.splice(0)) {
    await pool?.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

describe('the pool of sandbox workers', { timeout: 60_000 }, () => {
  it('runs canisters in their workers and collects from all of them in order', async () => {
    const { ask, execute, install } = open(2);
    const indices = [9, 1, 4, 7, 2, 8];
    for (const index of indices) expect((await install(index)).trap).toBeUndefined();
    const all = await Promise.all(
      indices.flatMap((index) => [execute(index, 'inc'), execute(index, 'inc')]),
    );
    expect(all.map(numberOf)).toEqual(indices.flatMap(() => [101n, 102n]));
    const { canisters } = (await ask({ kind: 'collect' })) as { canisters: readonly Collected[] };
    expect(canisters.map(({ canisterId }) => canisterId[7])).toEqual([1, 2, 4, 7, 8, 9]);
    for (const { memories } of canisters) {
      const page = memories[0]?.pages[0]?.content as Uint8Array;
      expect([page.length, page[0]]).toEqual([4096, 102]);
    }
    expect(await ask({ kind: 'forget', session: 'none' })).toEqual({ kind: 'forgotten' });
  });

  it('unbounded recursion traps as stack overflow, the same every time, and others go on', async () => {
    const { execute, install, faults } = open(1);
    await install(1);
    await install(2);
    for (const method of ['recursion', 'indirect']) {
      const first = await execute(1, method);
      expect(first.trap).toEqual({ code: 'IC0502', message: 'Canister trapped: stack overflow' });
      for (let i = 0; i < 20; i += 1) expect(await execute(1, method)).toEqual(first);
    }
    expect(numberOf(await execute(2, 'inc'))).toBe(101n);
    expect(faults).toEqual([]);
  });

  it('a view on a large buffer travels as its own bytes', async () => {
    const { execute, install } = open(1);
    await install(1);
    const block = new Uint8Array(4_000_000);
    block.set(bytes('in a block'), 1_000_000);
    const argument = block.subarray(1_000_000, 1_000_010);
    expect(replyOf(await execute(1, 'echo', argument))).toEqual(bytes('in a block'));
    expect(replyOf(await execute(1, 'echo', Buffer.from('node buffer')))).toEqual(
      bytes('node buffer'),
    );
    expect(block.length).toBe(4_000_000);
  });

  it('a worker that dies is a fault, told once, and nothing is answered', async () => {
    const { pool, faults, execute, install } = open(2);
    await install(1);
    let answered = false;
    const task: Task = {
      kind: 'open',
      canisterId: idOf(5),
      moduleHash: new Uint8Array(32),
      heapBytes: 0,
      stableBytes: 0,
      heap: [],
      instance: NONE,
    };
    pool.solve(task, () => {
      answered = true;
    });
    void execute(1, 'inc').then(() => {
      answered = true;
    });
    await expect.poll(() => faults.length).toBe(1);
    expect(faults[0]?.message).toContain('must be prepared');
    void execute(1, 'inc').then(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([answered, faults.length]).toEqual([false, 1]);
  });

  it('a module in use stays prepared in every worker, however many others come', async () => {
    const { ask, install, faults } = open(2);
    await install(1);
    const prepared = await ask({ kind: 'prepare', wasm: COUNTER });
    if (prepared.kind !== 'prepared') throw new Error(prepared.kind);
    for (let i = 0; i < 70; i += 1)
      await ask({ kind: 'prepare', wasm: module(update(`m${i}`, '')) });
    for (const index of [2, 3]) {
      const context = { ...CONTEXT, canisterId: idOf(index) };
      const executed = (await ask({
        kind: 'install',
        mode: 'install',
        moduleHash: prepared.facts.hash,
        argument: NONE,
        skipPreUpgrade: false,
        keepHeap: false,
        context,
        versionAfter: 1n,
      })) as Executed;
      expect(executed.trap).toBeUndefined();
    }
    for (const index of [1, 2, 3]) {
      expect(await ask({ kind: 'remove', canisterId: idOf(index) })).toEqual({ kind: 'removed' });
    }
    expect(faults).toEqual([]);
  });

  it('answers what the sandbox in place answers, to the instruction', async () => {
    const { ask } = open(2);
    const place = createInPlaceSandbox();
    const both = async (task: Task): Promise<Answer> => {
      const answer = await ask(task);
      expect(answer).toEqual(place.run(task));
      return answer;
    };
    const empty = bytes('DIDL\0\0');
    const context = (index: number) => ({ ...CONTEXT, canisterId: idOf(index) });
    const run = (index: number, method: string) => {
      const entry = { kind: 'update', method, argument: empty } as const;
      return both({ kind: 'execute', entry, context: context(index), session: undefined });
    };
    const wasm = motoko(`persistent actor {
      var list : ?(Text, Any) = null;
      public func push(t : Text) : async () { list := ?(t, list) };
      public func go() : async Nat { var n = 0; while (n < 3000) { n += 1; list := ?("x", list) }; n };
    }`);
    const prepared = await both({ kind: 'prepare', wasm });
    if (prepared.kind !== 'prepared') throw new Error(prepared.kind);
    for (const index of [1, 2]) {
      const installed = await both({
        kind: 'install',
        mode: 'install',
        moduleHash: prepared.facts.hash,
        argument: empty,
        skipPreUpgrade: false,
        keepHeap: false,
        context: context(index),
        versionAfter: 1n,
      });
      expect((installed as Executed).trap).toBeUndefined();
    }
    for (const method of ['go', 'push', 'go', 'nothing']) {
      await run(1, method);
      await run(2, method);
      await both({ kind: 'collect' });
    }
  });

  it('close abandons a message that takes too long', async () => {
    const { pool, execute, install, faults } = open(1);
    await install(1);
    let answered = false;
    void execute(1, 'forever').then(() => {
      answered = true;
    });
    const start = performance.now();
    await pool.close();
    // Two seconds on a quiet machine; this allows for a busy one.
    expect(performance.now() - start).toBeLessThan(4_000);
    expect([answered, faults.length]).toEqual([false, 0]);
  });

  it('close waits for the answers under way', async () => {
    const { pool, execute, install } = open(2);
    await install(1);
    const answers = Array.from({ length: 100 }, () => execute(1, 'inc'));
    await pool.close();
    expect(numberOf((await answers[99]) as Executed)).toBe(200n);
  });
});

describe('the cache of instrumented modules', () => {
  it('is used after a restart, and a damaged file is rebuilt', async () => {
    const first = open(1);
    await first.install(1);
    const files = readdirSync(first.cacheDirectory);
    expect(files).toHaveLength(1);
    const file = join(first.cacheDirectory, files[0] as string);
    const good = readFileSync(file);
    const damaged = Buffer.from(good);
    damaged.writeUInt8(damaged.readUInt8(500) ^ 1, 500);
    writeFileSync(file, damaged);
    const second = open(1, first.directory);
    expect((await second.install(1)).trap).toBeUndefined();
    expect(numberOf(await second.execute(1, 'inc'))).toBe(101n);
    expect(readFileSync(file).equals(good)).toBe(true);
  });

  it('refuses what does not match its checksum, and lives without a disk', () => {
    const directory = mkdtempSync(join(tmpdir(), 'cache-'));
    opened.push({ pool: undefined, directory });
    const cache = openInstrumentedCache(join(directory, 'a'));
    cache?.store('k', bytes('content'));
    expect(cache?.load('k')).toEqual(bytes('content'));
    expect(cache?.load('other')).toBeUndefined();
    writeFileSync(join(directory, 'a', 'k.wasm'), 'x');
    expect(cache?.load('k')).toBeUndefined();
    expect(readdirSync(join(directory, 'a'))).toEqual([]);
    writeFileSync(join(directory, 'file'), '');
    expect(openInstrumentedCache(join(directory, 'file', 'b'))).toBeUndefined();
  });
});
