import type { BatchExecuted } from '@internode/contracts';
import { concatBytes } from '@internode/prelude';
import { describe, expect, it } from 'vitest';
import { module, query, update } from '../sandbox/support.ts';
import { Following } from './following.ts';
import { deploy, install, manage, replied } from './management.ts';
import { number } from './proxy.ts';
import { Replica } from './replica.ts';

const PAGES = 40;
const u64 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
};

const argument = '(call $msg_arg_data_copy (i32.const 0) (i32.const 0) (call $msg_arg_data_size))';
const where = '(i64.mul (i64.load (i32.const 0)) (i64.const 65536))';
const answer = '(call $msg_reply_data_append (i32.const 16) (i32.const 8)) (call $msg_reply)';
const readStable = `(call $stable64_read (i64.const 16) ${where} (i64.const 8))`;
/** A global, cells of the heap and pages of stable memory, each a number that grows. */
const CELLS = (step: number): Uint8Array =>
  module(`
  (global $count (mut i64) (i64.const 0))
  ${update('grow', `(drop (call $stable64_grow (i64.const ${PAGES}))) (drop (memory.grow (i32.const 2))) (call $msg_reply)`)}
  ${update(
    'add',
    `${argument} (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (i64.store (i32.add (i32.const 65536) (i32.wrap_i64 (i64.mul (i64.load (i32.const 0)) (i64.const 2048))))
      (i64.add (i64.load (i32.add (i32.const 65536) (i32.wrap_i64 (i64.mul (i64.load (i32.const 0)) (i64.const 2048))))) (i64.const ${step})))
    ${readStable} (i64.store (i32.const 16) (i64.add (i64.load (i32.const 16)) (i64.const ${step})))
    (call $stable64_write ${where} (i64.const 16) (i64.const 8)) (call $msg_reply)`,
  )}
  ${query('count', `(i64.store (i32.const 16) (global.get $count)) ${answer}`)}
  ${query(
    'heap',
    `${argument} (i64.store (i32.const 16) (i64.load (i32.add (i32.const 65536) (i32.wrap_i64 (i64.mul (i64.load (i32.const 0)) (i64.const 2048))))))
    ${answer}`,
  )}
  ${query('stable', `${argument} ${readStable} ${answer}`)}`);

/** Asks another canister for a page of its stable memory. */
const ASKING = module(`
  (table funcref (elem $onReply $onReject))
  (data (i32.const 900) "stable")
  (func $onReply (param i32)
    (call $msg_arg_data_copy (i32.const 16) (i32.const 0) (i32.const 8)) ${answer})
  (func $onReject (param i32) (call $msg_reject (i32.const 900) (i32.const 6)))
  (func (export "canister_composite_query ask")
    (call $msg_arg_data_copy (i32.const 1000) (i32.const 0) (call $msg_arg_data_size))
    (call $call_new (i32.const 1001) (i32.load8_u (i32.const 1000)) (i32.const 900) (i32.const 6)
      (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
    (call $call_data_append (i32.add (i32.const 1001) (i32.load8_u (i32.const 1000))) (i32.const 8))
    (drop (call $call_perform)))`);

interface Twins {
  readonly replica: Replica;
  readonly id: Uint8Array;
}

function cells(): Twins {
  const replica = new Replica();
  const id = deploy(replica, CELLS(1));
  replica.call(id, 'grow');
  return { replica, id };
}

const add = (replica: Replica, id: Uint8Array, cell: number): BatchExecuted => {
  replica.call(id, 'add', { argument: u64(cell) });
  return replica.executed.at(-1) as BatchExecuted;
};

/** The same questions, the same answers. */
function compare(follower: Following, replica: Replica, id: Uint8Array): void {
  expect(follower.height).toBe(replica.store.height);
  const questions = [0, 1, 5, 39].flatMap((cell) =>
    ['count', 'heap', 'stable'].map((method) => ({ method, argument: u64(cell) })),
  );
  for (const { method, argument } of questions)
    expect(follower.query(id, method, { argument })).toEqual(
      replica.query(id, method, { argument }),
    );
}

describe('a follower', { timeout: 60_000 }, () => {
  it('answers as execution does at each height, and says nothing that others hold', () => {
    const { replica, id } = cells();
    const follower = new Following(replica.executed);
    compare(follower, replica, id);
    for (const cell of [0, 1, 0, 5, 39]) {
      follower.hear(add(replica, id, cell));
      compare(follower, replica, id);
    }
    const second = deploy(replica, CELLS(1));
    for (const executed of replica.executed.slice(follower.height)) follower.hear(executed);
    expect(follower.query(second, 'count')).toEqual(replica.query(second, 'count'));
    replied(manage(replica, 'stop_canister', second));
    replied(manage(replica, 'delete_canister', second));
    for (const executed of replica.executed.slice(follower.height)) follower.hear(executed);
    expect(follower.query(second, 'count')).toEqual(replica.query(second, 'count'));
    const kinds = new Set(follower.said.map(({ kind }) => kind));
    for (const kind of [
      'BatchExecuted',
      'TipAdvanced',
      'RequestBatches',
      'IngressInspected',
    ] as const)
      expect(kinds).not.toContain(kind);
  });

  it('sees new code, a cleared heap and stable memory that is kept', () => {
    const { replica, id } = cells();
    add(replica, id, 5);
    const follower = new Following(replica.executed);
    compare(follower, replica, id);
    for (const mode of ['upgrade', 'reinstall'] as const) {
      // The module is known from the height alone: state has not stored it.
      replied(install(replica, id, CELLS(mode === 'upgrade' ? 10 : 100), { mode }));
      for (const executed of replica.executed.slice(follower.height)) follower.hear(executed);
      const count = follower.query(id, 'count');
      expect(count).toEqual(replica.query(id, 'count'));
      if (mode === 'reinstall') replica.call(id, 'grow');
      add(replica, id, 5);
      for (const executed of replica.executed.slice(follower.height)) follower.hear(executed);
      compare(follower, replica, id);
    }
  });

  it('opens a canister from a store that is behind it, and from one that is ahead', () => {
    const { replica, id } = cells();
    const follower = new Following(replica.executed);
    // Behind: three heights are applied that the store does not have.
    for (const cell of [0, 5, 5]) follower.hear(add(replica, id, cell));
    compare(follower, replica, id);

    // Ahead, and still moving while the pages are on their way.
    const other = new Following(replica.executed);
    const later = [1, 5, 39].map((cell) => add(replica, id, cell));
    for (const executed of later.slice(0, 2)) other.store.apply(executed);
    const asked = other.ask(id, 'heap', { argument: u64(5) });
    expect(other.answerTo(asked)).toBeUndefined();
    other.hear(later[0] as BatchExecuted);
    expect(other.answerTo(asked)).toBeUndefined();
    other.hear(later[1] as BatchExecuted);
    const there = other.answerTo(asked);
    expect(there?.kind === 'reply' && number(there.reply)).toBe(3n);
    other.hear(later[2] as BatchExecuted);
    compare(other, replica, id);
  });

  it('lays over late pages what has changed while they were on their way', () => {
    const { replica, id } = cells();
    const follower = new Following(replica.executed);
    for (const memory of ['heap', 'stable']) {
      follower.holds = (told) => told.kind === 'MemoryLoaded' && told.memory === memory;
      const asked = follower.ask(id, memory, { argument: u64(5) });
      expect(follower.answerTo(asked)).toBeUndefined();
      for (const cell of [5, 5]) {
        const executed = add(replica, id, cell);
        follower.hear(executed);
        follower.commit(executed);
      }
      follower.holds = () => false;
      follower.release();
      expect(follower.answerTo(asked)).toEqual(replica.query(id, memory, { argument: u64(5) }));
    }
    compare(follower, replica, id);
  });

  it('waits for what a query has seen certified, and refuses it when it does not come', () => {
    const { replica, id } = cells();
    const follower = new Following(replica.executed);
    const executed = add(replica, id, 1);
    const asked = follower.ask(id, 'count', { minHeight: executed.height });
    expect(follower.answerTo(asked)).toBeUndefined();
    follower.hear(executed);
    expect(follower.answerTo(asked)).toEqual(replica.query(id, 'count'));
    const late = follower.ask(id, 'count', { minHeight: executed.height + 1 });
    follower.elapse(5_000);
    expect(follower.answerTo(late)).toMatchObject({ refusal: { errorCode: 'IC0208' } });
    // It asked for what it lacks, and was not lost: the store does not have it either.
    expect(follower.heard('RequestExecuted').at(-1)?.fromHeight).toBe(executed.height + 1);
    expect(follower.heard('LoadTip')).toHaveLength(1);
  });

  it('asks for a lost height; one that nobody has any more begins another life with the tip of the store', () => {
    const { replica, id } = cells();
    const follower = new Following(replica.executed);
    compare(follower, replica, id);
    const [lost, next] = [add(replica, id, 1), add(replica, id, 5)];
    follower.hear(next);
    expect(follower.height).toBe(lost.height - 1);
    follower.elapse(300);
    expect(follower.heard('RequestExecuted').at(-1)?.fromHeight).toBe(lost.height);
    follower.hear(lost);
    compare(follower, replica, id);

    const gone = [1, 5, 5].map((cell) => add(replica, id, cell));
    for (const executed of [lost, next, ...gone]) follower.commit(executed);
    follower.elapse(2_000);
    expect(follower.heard('LoadTip')).toHaveLength(2);
    compare(follower, replica, id);
    follower.hear(add(replica, id, 39));
    compare(follower, replica, id);
  });

  it('a composite query sees one height, also when a page that it lacks makes the follower go on', () => {
    const { replica, id } = cells();
    const outer = deploy(replica, ASKING);
    for (const cell of [0, 5]) add(replica, id, cell);
    const follower = new Following(replica.executed);
    const later = [5, 5].map((cell) => add(replica, id, cell));
    follower.store.apply(later[0] as BatchExecuted);
    const argument = concatBytes(Uint8Array.of(id.length), id, u64(5));
    const asked = follower.ask(outer, 'ask', { argument });
    expect(follower.answerTo(asked)).toBeUndefined();
    follower.hear(later[0] as BatchExecuted);
    const there = follower.answerTo(asked);
    expect(there?.kind === 'reply' && number(there.reply)).toBe(2n);
    follower.hear(later[1] as BatchExecuted);
    expect(follower.query(outer, 'ask', { argument })).toEqual(
      replica.query(outer, 'ask', { argument }),
    );
  });

  it.each([1, 2, 3])(
    'seed %i: whatever the store and the bus do, answers are those of execution',
    (seed) => {
      let state = seed;
      const random = (below: number): number => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        return Math.floor(((state >>> 0) / 2 ** 32) * below);
      };
      const { replica, id } = cells();
      const follower = new Following(replica.executed);
      let stored = replica.executed.length;
      for (let round = 0; round < 40; round++) {
        const height = replica.executed.length;
        if (random(12) === 0) {
          replied(install(replica, id, CELLS(1 + random(9)), { mode: 'upgrade' }));
          replica.call(id, 'grow');
        } else add(replica, id, [0, 1, 5, 39][random(4)] as number);
        const memory = random(2) === 0 ? 'heap' : 'stable';
        if (random(3) === 0)
          follower.holds = (told) => told.kind === 'MemoryLoaded' && told.memory === memory;
        const asked = [0, 5].map((cell) =>
          follower.ask(id, ['count', 'heap', 'stable'][random(3)] as string, {
            argument: u64(cell),
          }),
        );
        for (const executed of replica.executed.slice(height))
          if (random(8) > 0) follower.hear(executed);
        while (stored < replica.executed.length && random(3) > 0)
          follower.commit(replica.executed[stored++] as BatchExecuted);
        follower.holds = () => false;
        follower.release();
        if (random(4) > 0) continue;
        for (const executed of replica.executed) follower.hear(executed);
        follower.elapse(1_500);
        for (const executed of replica.executed) follower.hear(executed);
        for (const one of asked) expect(follower.answerTo(one)).toBeDefined();
        compare(follower, replica, id);
      }
    },
  );
});
