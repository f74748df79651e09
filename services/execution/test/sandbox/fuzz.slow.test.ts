/**
 * Damaged and random modules: each is refused, or runs to a result. Whatever is thrown instead would
 * stop the service, again at every restart.
 */
import { describe, expect, it } from 'vitest';
import type { Executed } from '../../src/sandbox/interface.ts';
import { bytes, module, motoko, query, replyNumber, TestCanister, update } from './support.ts';

const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 400);

/** A small generator with a seed, so that a failure can be repeated (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const INTERESTING = [0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x10, 0x11, 0x40, 0x3f, 0xfc, 0xfd, 0x02, 0x04];

function damaged(original: Uint8Array, seed: number): Uint8Array {
  const below = random(seed);
  const wasm = original.slice();
  for (let edits = 1 + below(4); edits > 0; edits -= 1) {
    // Most of a module is code; what is before it says more.
    const at = 8 + below(below(2) === 0 ? Math.min(600, wasm.length - 8) : wasm.length - 8);
    const kind = below(4);
    if (kind === 0) wasm[at] = INTERESTING[below(INTERESTING.length)] ?? 0;
    else if (kind === 1) wasm[at] = below(256);
    else if (kind === 2) wasm[at] = (wasm[at] ?? 0) ^ (1 << below(8));
    else wasm.copyWithin(at, 8 + below(wasm.length - 8), 8 + below(wasm.length - 8));
  }
  return wasm;
}

const SMALL = module(`
  (table 4 funcref) (elem (i32.const 0) $f $g) (type $t (func (param i32)))
  (global $n (mut i64) (i64.const 5)) (global $x (mut f64) (f64.const 1.5))
  (func $f (param i32) (global.set $x (f64.div (global.get $x) (f64.const 0))))
  (func $g (param i32) (call_indirect (type $t) (i32.const 0) (local.get 0)))
  (func $start (i64.store (i32.const 8) (i64.const 1))) (start $start)
  ${update(
    'a',
    `(local $i i32)
    (block $out (loop $l (br_if $out (i32.gt_u (local.get $i) (i32.const 50)))
      (i64.store8 (local.get $i) (i64.trunc_sat_f64_s (global.get $x)))
      (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $l)))
    (memory.fill (i32.const 100) (i32.const 7) (i32.const 50)) (memory.copy (i32.const 90) (i32.const 80) (i32.const 30))
    (drop (memory.grow (i32.const 1))) (call $g (i32.const 0)) (call $g (i32.const 1))
    ${replyNumber('(i64.load (i32.const 8))')}`,
  )}
  ${query('q', replyNumber('(i64.add (global.get $n) (i64.load (i32.const 8)))'))}
  (data (i32.const 20) "some data")`);

/** Runs everything that the module has; answers how far it came. */
function exercise(wasm: Uint8Array): 'refused' | 'trapped' | 'ran' {
  const canister = new TestCanister();
  const prepared = canister.sandbox.run({ kind: 'prepare', wasm });
  if (prepared.kind === 'unpreparable') {
    expect(prepared.trap.code).toBe('IC0505');
    return 'refused';
  }
  const context = { instructionLimit: 30_000_000n };
  const argument = bytes('DIDL\0\0');
  if (canister.install(wasm, { context, argument }).trap !== undefined) return 'trapped';
  if (prepared.kind !== 'prepared') throw new Error(prepared.kind);
  const { updates, queries } = prepared.facts;
  const runs: Executed[] = [
    ...updates.map((method) => canister.update(method, argument, context)),
    ...queries.map((method) => canister.query(method, argument, context)),
    ...[0n, 1n, 2n, 9n].map((index) =>
      canister.execute(
        {
          kind: 'reply_callback',
          callback: { function: index, environment: 0n },
          reply: argument,
        },
        context,
      ),
    ),
    canister.install(wasm, { mode: 'upgrade', keepHeap: true, context, argument }),
  ];
  canister.sandbox.run({ kind: 'collect' });
  return runs.some(({ trap }) => trap === undefined) ? 'ran' : 'trapped';
}

function tally(original: Uint8Array, rounds: number): Record<string, number> {
  const seen: Record<string, number> = { refused: 0, trapped: 0, ran: 0 };
  for (let seed = 0; seed < rounds; seed += 1) {
    try {
      const outcome = exercise(damaged(original, seed));
      seen[outcome] = (seen[outcome] ?? 0) + 1;
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
  }
  return seen;
}

describe('damaged modules', () => {
  it('a small module of many instructions', { timeout: 600_000 }, () => {
    const seen = tally(SMALL, ROUNDS * 5);
    expect(seen['refused']).toBeGreaterThan(0);
    expect(seen['ran']).toBeGreaterThan(0);
  });

  it('a Motoko module', { timeout: 600_000 }, () => {
    const original = motoko(
      'persistent actor { var n = 0; public func inc() : async Nat { n += 1; n } }',
    );
    const seen = tally(original, ROUNDS / 4);
    expect(seen['refused']).toBeGreaterThan(0);
    expect(seen['ran']).toBeGreaterThan(0);
  });

  it('random bytes after the header', () => {
    const below = random(1);
    for (let round = 0; round < ROUNDS; round += 1) {
      const wasm = Uint8Array.from({ length: 8 + below(200) }, () => below(256));
      wasm.set([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
      exercise(wasm);
    }
  });
});
