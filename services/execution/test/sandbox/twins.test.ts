/**
 * Two sandboxes are told the same: one lives on, the other is thrown away after every collect and
 * opened from what was collected, and its canister falls asleep after every message. Every answer
 * must be the same, to the instruction.
 */
import { serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { createInPlaceSandbox, type InPlaceSandbox } from '../../src/sandbox/in-place.ts';
import type { Answer, Context, Task } from '../../src/sandbox/interface.ts';
import { Stored } from './stored.ts';
import {
  bytes,
  CANISTER,
  CONTEXT,
  module,
  motoko,
  OTHER,
  prepare,
  query,
  replyNumber,
  TestCanister,
  update,
} from './support.ts';

const load = '(i64.load (i32.const 0))';
const replyAll = replyNumber(`(i64.add ${load} (i64.add (global.get $g) (call $stable64_size)))`);
const wat = (version: number): Uint8Array =>
  module(`
  (global $g (mut i64) (i64.const ${version})) (global $f (mut f32) (f32.const 1.25))
  (table $table 4 8 funcref) (elem (i32.const 0) $one $two) (type $t (func (result i64)))
  (elem $spare func $two $one) (data $words "passive data")
  (func $one (type $t) (i64.const 1)) (func $two (type $t) (i64.const 2))
  (func $start (i64.store (i32.const 16) (i64.add (i64.load (i32.const 16)) (i64.const 1)))) (start $start)
  (func (export "canister_pre_upgrade") (i64.store (i32.const 24) (i64.const 3)) (drop (call $stable64_grow (i64.const 1))))
  ${update('add', `(i64.store (i32.const 0) (i64.add ${load} (call_indirect (type $t) (i32.const 0)))) ${replyAll}`)}
  ${update('global', `(global.set $g (i64.add (global.get $g) (i64.const 3))) (global.set $f (f32.div (global.get $f) (f32.const 0))) ${replyAll}`)}
  ${update('grow', `(drop (memory.grow (i32.const 1))) (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8)) (memory.size)) ${replyAll}`)}
  ${update('stable', `(drop (call $stable64_grow (i64.const 1))) (call $stable64_write (i64.sub (i64.mul (call $stable64_size) (i64.const 65536)) (i64.const 9)) (i64.const 0) (i64.const 9)) ${replyAll}`)}
  ${update('read', `(call $stable64_read (i64.const 300) (i64.const 0) (i64.mul (call $stable64_size) (i64.const 65))) ${replyAll}`)}
  ${update(
    'table',
    `(table.copy (i32.const 0) (i32.const 1) (i32.const 1)) (drop (table.grow $table (ref.func $two) (i32.const 1)))
    (table.init $spare (i32.const 1) (i32.const 0) (i32.const 2)) (elem.drop $spare)
    (i64.store (i32.const 0) (i64.add ${load} (call_indirect (type $t) (i32.const 0)))) ${replyAll}`,
  )}
  ${update('data', `(memory.init $words (i32.const 500) (i32.const 0) (i32.const 12)) (data.drop $words) ${replyAll}`)}
  ${update(
    'trap',
    `(i64.store (i32.const 0) (i64.const -1)) (global.set $g (i64.const -1)) (drop (memory.grow (i32.const 2)))
    (table.copy (i32.const 0) (i32.const 1) (i32.const 1)) unreachable`,
  )}`);
const METHODS = ['add', 'global', 'grow', 'stable', 'read', 'table', 'data', 'trap', 'nothing'];

const ACTOR = (step: number): Uint8Array =>
  motoko(`persistent actor {
  var list : ?(Nat, Any) = null; var n = 0; var text = "";
  public func add() : async Nat { n += ${step}; list := ?(n, list); n };
  public func join() : async Text { text #= "xy"; text };
  public func many() : async Nat { var i = 0; while (i < 200) { i += 1; list := ?(i, null) }; i };
  public func trap() : async () { n += 7; assert false };
}`);

function random(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

interface Plan {
  readonly modules: readonly Uint8Array[];
  readonly methods: readonly string[];
  readonly steps: number;
}

const DECOY_CONTEXT = { ...CONTEXT, canisterId: OTHER };
const LOOK = { kind: 'query', method: 'look', argument: bytes(''), replicated: false } as const;
const DECOY = module(query('look', '(call $msg_reply)'));

/** A sandbox with room for one live instance, and another canister in it. */
function crowded(): InPlaceSandbox {
  const sandbox = createInPlaceSandbox({ instancesMax: 1 });
  new TestCanister(sandbox, OTHER).install(DECOY);
  sandbox.run({ kind: 'collect' });
  return sandbox;
}

/** Fails where the two differ. */
function run(seed: number, { modules, methods, steps }: Plan): void {
  const below = random(seed);
  const argument = bytes('DIDL\0\0');
  const context: Context = { ...CONTEXT, instructionLimit: 10_000_000_000n };
  const steady = createInPlaceSandbox();
  const stored = new Stored();
  let restarted = crowded();
  const both = (task: Task): Answer => {
    const answer = steady.run(task);
    const other = restarted.run(task);
    // Another canister needs the only place.
    restarted.run({ kind: 'execute', entry: LOOK, context: DECOY_CONTEXT, session: undefined });
    // Pages are many: only a difference is worth a slow comparison.
    if (!serialize(other).equals(serialize(answer))) expect(other).toEqual(answer);
    return answer;
  };
  const install = (wasm: Uint8Array, mode: 'install' | 'upgrade', keepHeap: boolean): void => {
    const { hash } = prepare(steady, wasm);
    prepare(restarted, wasm);
    const how = { mode, moduleHash: hash, skipPreUpgrade: below(2) === 0, keepHeap };
    const answer = both({ kind: 'install', ...how, argument, context, versionAfter: 1n });
    if (answer.kind === 'executed' && answer.trap === undefined) stored.wasm = wasm;
  };
  install(modules[0] as Uint8Array, 'install', false);
  for (let step = 0; step < steps; step += 1) {
    const choice = below(10);
    if (choice === 0) install(modules[below(modules.length)] as Uint8Array, 'upgrade', true);
    else if (choice < 8) {
      const method = methods[below(methods.length)] ?? '';
      const entry = { kind: 'update', method, argument } as const;
      both({ kind: 'execute', entry, context, session: undefined });
    } else {
      const collected = both({ kind: 'collect' });
      if (collected.kind === 'collected') for (const one of collected.canisters) stored.apply(one);
      restarted = crowded();
      stored.open(restarted, CANISTER);
    }
  }
}

describe('a canister that is opened again and one that lives on', () => {
  it('cannot be told apart, over random messages, traps and upgrades', { timeout: 60_000 }, () => {
    const plan = { modules: [wat(1), wat(2)], methods: METHODS, steps: 60 };
    for (let seed = 1; seed <= 15; seed += 1) run(seed, plan);
  });

  it('cannot be told apart when they are Motoko actors', { timeout: 60_000 }, () => {
    const methods = ['add', 'join', 'many', 'trap'];
    const plan = { modules: [ACTOR(1), ACTOR(2)], methods, steps: 25 };
    for (let seed = 1; seed <= 2; seed += 1) run(seed, plan);
  });
});
