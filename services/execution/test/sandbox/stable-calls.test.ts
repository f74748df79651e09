import { describe, expect, it } from 'vitest';
import { installed, module, numberOf, query, replyNumber, update } from './support.ts';

const grow64 = (pages: string) => replyNumber(`(call $stable64_grow (i64.const ${pages}))`);
const grow32 = (pages: string) =>
  replyNumber(`(i64.extend_i32_s (call $stable_grow (i32.const ${pages})))`);
const MINUS_ONE = 2n ** 64n - 1n;

describe('interface-spec 3.2: stable memory', () => {
  it('row 54: 64-bit calls read what was written, and trap out of bounds', () => {
    const canister = installed(
      module(
        update('grow', grow64('2')) +
          update(
            'write',
            '(i64.store (i32.const 0) (i64.const 4242)) (call $stable64_write (i64.const 65532) (i64.const 0) (i64.const 8)) (call $msg_reply)',
          ) +
          query(
            'read',
            `(call $stable64_read (i64.const 16) (i64.const 65532) (i64.const 8)) ${replyNumber('(i64.load (i32.const 16))')}`,
          ) +
          update('past', '(call $stable64_write (i64.const 131066) (i64.const 0) (i64.const 8))') +
          update('wrap', '(call $stable64_write (i64.const -1) (i64.const 0) (i64.const 2))') +
          update('heap', '(call $stable64_read (i64.const 65530) (i64.const 0) (i64.const 8))') +
          query('size', replyNumber('(call $stable64_size)')),
      ),
    );
    expect(numberOf(canister.update('grow'))).toBe(0n);
    canister.update('write');
    expect(numberOf(canister.query('read'))).toBe(4242n);
    expect(numberOf(canister.query('size'))).toBe(2n);
    const outside = 'Canister trapped: stable memory out of bounds';
    expect([canister.update('past').trap?.message, canister.update('wrap').trap?.message]).toEqual([
      outside,
      outside,
    ]);
    expect(canister.update('heap').trap?.message).toBe('Canister trapped: heap out of bounds');
  });

  it('row 54: 32-bit calls, and their rules at 4 GiB', () => {
    const canister = installed(
      module(
        update('grow', grow32('1')) +
          update('to_4_gib', grow32('65535')) +
          update('beyond', grow32('1')).replace('update beyond', 'update more') +
          update(
            'write',
            '(i64.store (i32.const 0) (i64.const 7)) (call $stable_write (i32.const 8) (i32.const 0) (i32.const 8)) (call $msg_reply)',
          ) +
          query(
            'read',
            `(call $stable_read (i32.const 16) (i32.const 8) (i32.const 8)) ${replyNumber('(i64.load (i32.const 16))')}`,
          ) +
          query('size', replyNumber('(i64.extend_i32_u (call $stable_size))')) +
          update('grow64', grow64('1')) +
          query('size64', replyNumber('(call $stable64_size)')),
      ),
    );
    expect(numberOf(canister.update('grow'))).toBe(0n);
    canister.update('write');
    expect(numberOf(canister.query('read'))).toBe(7n);
    expect(numberOf(canister.update('to_4_gib'))).toBe(1n);
    expect(numberOf(canister.query('size'))).toBe(65_536n);
    expect(numberOf(canister.update('more'))).toBe(MINUS_ONE);
    expect(numberOf(canister.update('grow64'))).toBe(65_536n);
    expect(numberOf(canister.query('size64'))).toBe(65_537n);
    for (const executed of [
      canister.query('size'),
      canister.query('read'),
      canister.update('write'),
      canister.update('grow'),
    ]) {
      expect(executed.trap?.message).toBe(
        'Canister trapped: 32 bit stable memory api used on a memory larger than 4GB',
      );
    }
  });

  it('row 54: growth stops at 500 GiB without using memory', () => {
    const canister = installed(
      module(
        update('most', grow64('8192000')) +
          update('one', grow64('1')) +
          update('absurd', grow64('-1')),
      ),
    );
    expect(numberOf(canister.update('absurd'))).toBe(MINUS_ONE);
    expect(numberOf(canister.update('most'))).toBe(0n);
    expect(numberOf(canister.update('one'))).toBe(MINUS_ONE);
    expect(canister.update('one').stableBytes).toBe(500 * 2 ** 30);
  });

  it('row 54: a trap undoes growth and writes', () => {
    const canister = installed(
      module(
        update('grow', grow64('1')) +
          update(
            'bad',
            '(drop (call $stable64_grow (i64.const 1))) (i64.store (i32.const 0) (i64.const 7)) (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 8)) unreachable',
          ) +
          query(
            'read',
            `(call $stable64_read (i64.const 0) (i64.const 0) (i64.const 8)) ${replyNumber('(i64.load (i32.const 0))')}`,
          ) +
          query('size', replyNumber('(call $stable64_size)')),
      ),
    );
    canister.update('grow');
    expect(canister.update('bad').trap?.code).toBe('IC0502');
    expect([numberOf(canister.query('read')), numberOf(canister.query('size'))]).toEqual([0n, 1n]);
  });
});
