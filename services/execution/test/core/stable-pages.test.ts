import { describe, expect, it } from 'vitest';
import { module, query, update } from '../sandbox/support.ts';
import { deploy, install, replied } from './management.ts';
import { number } from './proxy.ts';
import { Replica } from './replica.ts';

const PAGE_BYTES = 65_536;
const PAGES = 640;

const address = '(i64.mul (i64.load (i32.const 0)) (i64.const 65536))';
const readAt = (at: string): string =>
  `(call $stable64_read (i64.const 16) ${at} (i64.const 8)) (call $msg_reply_data_append (i32.const 16) (i32.const 8))`;
const argument = '(call $msg_arg_data_copy (i32.const 0) (i32.const 0) (call $msg_arg_data_size))';
const COUNTERS = module(`
  ${update('grow', `(drop (call $stable64_grow (i64.const ${PAGES}))) (call $msg_reply)`)}
  ${update(
    'fill',
    `${argument} (i64.store (i32.const 16) (i64.load (i32.const 0)))
    (call $stable64_write ${address} (i64.const 16) (i64.const 65520)) (call $msg_reply)`,
  )}
  ${update(
    'add',
    `${argument} ${readAt(address)} (i64.store (i32.const 16) (i64.add (i64.load (i32.const 16)) (i64.const 1000)))
    (call $stable64_write ${address} (i64.const 16) (i64.const 8)) (call $msg_reply)`,
  )}
  ${query('get', `${argument} ${readAt(address)} (call $msg_reply)`)}
  ${update(
    'sum',
    `(local $at i64) (local $sum i64) (loop $next
    (call $stable64_read (i64.const 16) (local.get $at) (i64.const 8))
    (local.set $sum (i64.add (local.get $sum) (i64.load (i32.const 16))))
    (local.set $at (i64.add (local.get $at) (i64.const 65536)))
    (br_if $next (i64.lt_u (local.get $at) (i64.const ${PAGES * PAGE_BYTES}))))
    (i64.store (i32.const 16) (local.get $sum)) (call $msg_reply_data_append (i32.const 16) (i32.const 8)) (call $msg_reply)`,
  )}
  (func (export "canister_post_upgrade") 
    (call $stable64_read (i64.const 16) (i64.const ${400 * PAGE_BYTES}) (i64.const 8))
    (if (i64.ne (i64.load (i32.const 16)) (i64.const 400)) (then unreachable)))`);

const page = (index: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(index), true);
  return bytes;
};

const FILLED = [0, 1, 2, 15, 16, 29, 30, 100, 101, 333, 400, 401, 600, 639];
const TOUCHED = [2, 3, 29, 30, 16, 500, 0, 639, 101, 100, 400, 333, 1, 15, 29, 2];

function filled(): { replica: Replica; id: Uint8Array } {
  const replica = new Replica();
  const id = deploy(replica, COUNTERS);
  replica.call(id, 'grow');
  replica.block(FILLED.map((index) => replica.ingress(id, 'fill', { argument: page(index) })));
  return { replica, id };
}

/** The same blocks on a replica that has run all the time, and on one that was started again. */
function twice(run: (replica: Replica, id: Uint8Array) => void): Replica {
  const [before, again] = [filled(), filled()];
  const restarted = again.replica.restart();
  run(before.replica, before.id);
  run(restarted, again.id);
  const { executed } = restarted;
  expect(executed.length).toBeGreaterThan(0);
  const same = before.replica.executed.slice(-executed.length);
  expect(executed).toEqual(same.map((one) => ({ ...one, session: executed[0]?.session })));
  return restarted;
}

/** The pieces from which stable memory was asked of the store. */
const loads = (replica: Replica): number[] =>
  replica.heard('LoadMemory').flatMap((one) => (one.memory === 'stable' ? [one.fromIndex] : []));

describe('stable memory of a stored canister', { timeout: 60_000 }, () => {
  it('a call waits for what it touches, not for all of it', () => {
    const replica = twice((one, id) => void one.call(id, 'add', { argument: page(101) }));
    const pieces = loads(replica);
    expect(pieces.length).toBeGreaterThan(0);
    expect(Math.min(...pieces)).toBe(90 * 16);
    expect(Math.max(...pieces)).toBeLessThan(105 * 16);
    expect(loads(filled().replica)).toEqual([]);
  });

  it('a series that meets absent pages in the middle answers as if they had been here', () => {
    const calls = (replica: Replica, id: Uint8Array): void => {
      const ingress = TOUCHED.map((index) => replica.ingress(id, 'add', { argument: page(index) }));
      replica.block(ingress);
      const numbers = ingress.map((one) => {
        const status = replica.status(one);
        return status.kind === 'reply' ? number(status.reply) : undefined;
      });
      expect(numbers.slice(0, 3)).toEqual([2n, 0n, 29n]);
      expect(numbers.slice(-2)).toEqual([1029n, 1002n]);
    };
    twice(calls);
  });

  it('one that touches all of it is begun again a few times, and what was never written is zero', () => {
    const replica = twice((one, id) => {
      const sum = one.call(id, 'sum');
      expect(sum.kind === 'reply' && number(sum.reply)).toBe(
        BigInt(FILLED.reduce((a, b) => a + b)),
      );
    });
    expect(replica.trips).toBeLessThan(150);
  });

  it('queries and upgrades wait for pages too, and a cleared memory asks for none', () => {
    twice((replica, id) => {
      const got = replica.query(id, 'get', { argument: page(401) });
      expect(got.kind === 'reply' && number(got.reply)).toBe(401n);
      expect(install(replica, id, COUNTERS, { mode: 'upgrade' }).kind).toBe('reply');
      replica.call(id, 'add', { argument: page(600) });
    });
    const { replica, id } = filled();
    const restarted = replica.restart();
    replied(install(restarted, id, COUNTERS, { mode: 'reinstall' }));
    restarted.call(id, 'grow');
    const got = restarted.query(id, 'get', { argument: page(401) });
    expect(got.kind === 'reply' && number(got.reply)).toBe(0n);
    expect(loads(restarted)).toEqual([]);
  });
});
