import { describe, expect, it } from 'vitest';
import { createInPlaceSandbox } from '../../src/sandbox/in-place.ts';
import type { Collected } from '../../src/sandbox/interface.ts';
import { Stored } from './stored.ts';
import {
  bytes,
  CANISTER,
  installed,
  module,
  motoko,
  numberOf,
  OTHER,
  query,
  replyNumber,
  replyOf,
  TestCanister,
  update,
} from './support.ts';

const EMPTY = bytes('DIDL\0\0');
const load = '(i64.load (i32.const 0))';
const STATE = module(`
  (global $g (mut i64) (i64.const 0))
  ${update(
    'inc',
    `(i64.store (i32.const 0) (i64.add ${load} (i64.const 1))) (global.set $g (i64.add (global.get $g) (i64.const 2)))
    ${replyNumber(load)}`,
  )}
  ${update(
    'stable',
    `(drop (call $stable64_grow (i64.const 2))) (i64.store (i32.const 16) (i64.const 77))
    (call $stable64_write (i64.const 65540) (i64.const 16) (i64.const 8)) (call $msg_reply)`,
  )}
  ${update('grow', '(drop (memory.grow (i32.const 3))) (i64.store (i32.const 200000) (i64.const 6)) (call $msg_reply)')}
  ${query('global', replyNumber('(global.get $g)'))} ${query('get', replyNumber(load))}
  ${query('far', replyNumber('(i64.load (i32.const 200000))'))}
  ${query('read', `(call $stable64_read (i64.const 32) (i64.const 65540) (i64.const 8)) ${replyNumber('(i64.load (i32.const 32))')}`)}`);

function reopened(stored: Stored, wasm: Uint8Array): TestCanister {
  const canister = new TestCanister();
  stored.wasm = wasm;
  stored.open(canister.sandbox, CANISTER);
  return canister;
}

function collect(canister: TestCanister): readonly Collected[] {
  const answer = canister.sandbox.run({ kind: 'collect' });
  if (answer.kind !== 'collected') throw new Error(answer.kind);
  return answer.canisters;
}

describe('collect and open', { timeout: 60_000 }, () => {
  it('changes applied in order rebuild heap, globals and stable memory', () => {
    const canister = installed(STATE);
    const stored = new Stored();
    const save = () => {
      const changes = collect(canister);
      for (const change of changes) stored.apply(change);
      return changes.flatMap(({ memories }) => memories.map(({ memory }) => memory));
    };
    const values = (one: TestCanister) =>
      ['get', 'global', 'read', 'far'].map((method) => {
        const executed = one.query(method);
        return executed.trap?.code ?? numberOf(executed);
      });
    save();
    for (const method of ['inc', 'stable', 'inc', 'grow', 'inc']) {
      canister.update(method);
      const changed = save();
      if (method === 'inc') expect(changed).toEqual(['heap']);
      expect(values(reopened(stored, STATE))).toEqual(values(canister));
    }
    expect(values(canister)).toEqual([3n, 6n, 77n, 6n]);
    expect(collect(canister)).toEqual([]);
    const again = reopened(stored, STATE);
    expect(collect(again)).toEqual([]);
    expect(numberOf(again.update('inc'))).toBe(4n);
    expect(collect(again)[0]?.memories.map(({ memory, pages }) => [memory, pages.length])).toEqual([
      ['heap', 1],
    ]);
  });

  it('rows 49 and 55: upgrades and reinstalls say when earlier pages are void', () => {
    const canister = installed(STATE);
    const cleared = () =>
      collect(canister).flatMap(({ memories }) =>
        memories.map(({ memory, cleared: c }) => [memory, c]),
      );
    expect(cleared()).toEqual([
      ['heap', true],
      ['stable', true],
    ]);
    canister.update('inc');
    canister.install(STATE, { mode: 'upgrade', keepHeap: true });
    expect(cleared()).toEqual([['heap', false]]);
    canister.install(STATE, { mode: 'upgrade' });
    expect(cleared()).toEqual([['heap', true]]);
    canister.install(STATE, { mode: 'reinstall' });
    expect(cleared()).toEqual([
      ['heap', true],
      ['stable', true],
    ]);
  });

  it('row 49: a kept heap is stored whole although the old instance was never collected', () => {
    const canister = installed(STATE);
    canister.update('inc');
    canister.update('grow');
    canister.install(STATE, { mode: 'upgrade', keepHeap: true });
    const stored = new Stored();
    for (const change of collect(canister)) stored.apply(change);
    const again = reopened(stored, STATE);
    expect([numberOf(again.query('get')), numberOf(again.query('far'))]).toEqual([1n, 6n]);
  });

  it('a removed canister is reported as cleared', () => {
    const canister = installed(STATE);
    collect(canister);
    canister.sandbox.run({ kind: 'remove', canisterId: CANISTER });
    expect(canister.update('inc').trap?.code).toBe('IC0537');
    const gone = { cleared: true, sizeBytes: 0, pages: [] };
    const memories = [
      { memory: 'heap', ...gone },
      { memory: 'stable', ...gone },
    ];
    expect(collect(canister)).toEqual([
      { canisterId: CANISTER, memories, instance: new Uint8Array(0) },
    ]);
    expect(canister.install(STATE).trap).toBeUndefined();
    expect(collect(canister)).toHaveLength(1);
  });

  it('a Motoko actor goes on after it was stored and opened', () => {
    const wasm = motoko(`persistent actor {
      var list : ?(Nat, Any) = null; var n = 0;
      public func inc() : async Nat { n += 1; list := ?(n, list); n };
    }`);
    const canister = installed(wasm, { argument: EMPTY });
    const stored = new Stored();
    const twin = () => replyOf(reopened(stored, wasm).update('inc', EMPTY));
    for (let i = 0; i < 5; i += 1) {
      for (const change of collect(canister)) stored.apply(change);
      const ahead = twin();
      expect(replyOf(canister.update('inc', EMPTY))).toEqual(ahead);
    }
  });
});

describe('sleeping canisters', () => {
  it('more canisters than live instances behave as if all were live', () => {
    const crowd = createInPlaceSandbox({ instancesMax: 2 });
    const ids = Array.from({ length: 7 }, (_, index) => new Uint8Array([index, 1, 1]));
    const canisters = ids.map((id) => new TestCanister(crowd, id));
    for (const canister of canisters) canister.install(STATE);
    for (let round = 1n; round <= 4n; round += 1n) {
      for (const canister of canisters) expect(numberOf(canister.update('inc'))).toBe(round);
      const order = collect(canisters[0] as TestCanister).map(({ canisterId }) => canisterId[0]);
      expect(order).toEqual([0, 1, 2, 3, 4, 5, 6]);
      for (const canister of canisters) expect(numberOf(canister.query('global'))).toBe(2n * round);
    }
    for (const canister of canisters) canister.install(STATE, { mode: 'upgrade', keepHeap: true });
    for (const canister of canisters) expect(numberOf(canister.query('get'))).toBe(4n);
  });

  it('a canister installed twice under two ids has two states', () => {
    const canister = installed(STATE);
    const other = new TestCanister(canister.sandbox, OTHER);
    other.install(STATE);
    canister.update('inc');
    expect([numberOf(canister.query('get')), numberOf(other.query('get'))]).toEqual([1n, 0n]);
  });
});

describe('stable memory in pieces', () => {
  it('a small write is stored as 4 KiB, one over a border as two, an undone one not at all', () => {
    const write = (name: string, offset: number, size: number, end = '(call $msg_reply)') =>
      update(
        name,
        `(call $stable64_write (i64.const ${offset}) (i64.const 0) (i64.const ${size})) ${end}`,
      );
    const canister = installed(
      module(
        update('grow', '(drop (call $stable64_grow (i64.const 3))) (call $msg_reply)') +
          write('small', 70_000, 3) +
          write('border', 8_190, 4) +
          write('bad', 100, 4, 'unreachable') +
          write('two', 65_535, 2),
      ),
    );
    collect(canister);
    const pieces = (method: string) => {
      canister.update(method);
      return collect(canister)
        .flatMap(({ memories }) => memories)
        .filter(({ memory }) => memory === 'stable')
        .flatMap(({ pages }) => pages.map(({ index }) => index));
    };
    expect(['grow', 'small', 'border', 'bad', 'two'].map(pieces)).toEqual([
      [],
      [17],
      [1, 2],
      [],
      [15, 16],
    ]);
  });
});
