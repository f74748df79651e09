import { candid } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, it } from 'vitest';
import { DAY_SECONDS, freezingReserve, Prices } from '../../src/core/cycles.ts';
import { topUpType } from '../../src/core/management/types.ts';
import { INGRESS_PER_CANISTER, ROUND } from '../../src/limits.ts';
import { module, query, replyNumber, update } from '../sandbox/support.ts';
import {
  create,
  deploy,
  install,
  manage,
  refused,
  replied,
  settingsOf,
  status,
} from './management.ts';
import { BEATING, callTo, nanos, number, PROXY, PROXY_WAT, rejectOf } from './proxy.ts';
import { MANAGEMENT, Replica, SECOND } from './replica.ts';

const TRILLION = 1_000_000_000_000n;
const shown = (replica: Replica, id: Uint8Array, name: string): bigint =>
  number(replied(replica.query(id, name)));

describe('timers and heartbeats', () => {
  it('rows 50, 61: a timer is set, answers what was set before, and fires once', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const due = replica.timeNanos + 10n * SECOND;
    const set = (at: bigint): bigint =>
      number(replied(replica.call(id, 'timer', { argument: nanos(at) })));
    expect([set(due), set(due)]).toEqual([0n, due]);
    expect(replica.advanced().nextTimerNanos).toBe(due);
    const again = replica.restart();
    again.block([], SECOND);
    expect(shown(again, id, 'timers')).toBe(0n);
    again.block([], 10n * SECOND);
    expect(shown(again, id, 'timers')).toBe(1n);
    expect(again.advanced().nextTimerNanos).toBeUndefined();
    again.block([], 10n * SECOND);
    expect(shown(again, id, 'timers')).toBe(1n);
  });

  it('row 61: an upgrade clears the timer, a stopped canister does not run it', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    replied(replica.call(id, 'timer', { argument: nanos(replica.timeNanos + 5n * SECOND) }));
    replied(install(replica, id, PROXY, { mode: 'upgrade' }));
    replica.block([], 60n * SECOND);
    expect(shown(replica, id, 'timers')).toBe(0n);
    replied(replica.call(id, 'timer', { argument: nanos(replica.timeNanos + 5n * SECOND) }));
    replied(manage(replica, 'stop_canister', id));
    replica.block([], 60n * SECOND);
    replied(manage(replica, 'start_canister', id));
    expect(shown(replica, id, 'timers')).toBe(0n);
    replica.block();
    expect(shown(replica, id, 'timers')).toBe(1n);
  });

  it('row 61: code that is replaced in the height of its timer does not run for the old one', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const due = replica.timeNanos + 5n * SECOND;
    replied(replica.call(id, 'timer', { argument: nanos(due) }));
    // Its post_upgrade sets a timer far ahead, in the height in which the old one is due.
    const later = due + 1_000n * SECOND;
    const next = module(`${PROXY_WAT} (func (export "canister_post_upgrade")
      (drop (call $global_timer_set (i64.const ${later}))))
      (func (export "canister_global_timer") (i64.store (i32.const 16) (i64.const 1)))`);
    replica.timeNanos = due;
    replied(install(replica, id, next, { mode: 'upgrade' }));
    expect(shown(replica, id, 'timers')).toBe(0n);
    expect(replica.advanced().nextTimerNanos).toBe(later);
  });

  it('row 62: a heartbeat in every height, only while running', () => {
    const replica = new Replica();
    const id = deploy(replica, BEATING);
    const before = shown(replica, id, 'beats');
    for (let height = 0; height < 5; height++) replica.block();
    expect(shown(replica, id, 'beats')).toBe(before + 5n);
    expect(replica.advanced().nextTimerNanos).toBe(replica.timeNanos + SECOND);
    replied(manage(replica, 'stop_canister', id));
    const stopped = replica.core.view().subnet.get(id)?.state.version;
    replica.block();
    expect(replica.core.view().subnet.get(id)?.state.version).toBe(stopped);
  });

  it('row 113: the low-memory hook runs once per crossing, before other messages', () => {
    const replica = new Replica();
    const hook =
      module(`${PROXY_WAT} ${update('grow', `(drop (memory.grow (i32.const 10))) (call $msg_reply)`)}
      (func (export "canister_on_low_wasm_memory")
        (i64.store (i32.const 16) (i64.add (i64.load (i32.const 16)) (i64.const 1))))`);
    const id = deploy(replica, hook, {
      settings: { wasm_memory_limit: 1_048_576n, wasm_memory_threshold: 500_000n },
    });
    expect(shown(replica, id, 'timers')).toBe(0n);
    const grow = replica.ingress(id, 'grow');
    replica.block([grow]);
    replied(replica.await(grow));
    expect(shown(replica, id, 'timers')).toBe(1n);
    replica.block([replica.ingress(id, 'echo')]);
    expect(shown(replica, id, 'timers')).toBe(1n);
  });
});

describe('cycles', () => {
  it('row 69: an update costs what the price table says', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const balance = (): bigint => replica.core.view().subnet.get(id)?.state.balance ?? 0n;
    const instructions = (): bigint => {
      const event = replica.events.findLast(({ kind }) => kind === 'BatchApplied');
      return event?.kind === 'BatchApplied' ? event.instructions - ROUND.overheadInstructions : 0n;
    };
    const before = balance();
    replica.block([replica.ingress(id, 'echo', { argument: utf8('12345') })], 1n);
    const ingress = 1_200_000n + 2_000n * 9n;
    expect(before - balance()).toBe(ingress + 5_000_000n + instructions());
  });

  it('row 69: the table for 13 nodes; larger subnets pay in proportion', () => {
    const small = new Prices(1);
    expect(small.creation()).toBe(500_000_000_000n);
    expect(small.execution(1_000n, { memory64: false })).toBe(5_001_000n);
    expect(small.execution(1_000n, { memory64: true })).toBe(5_002_000n);
    expect(small.idlePerDay(1n << 30n, 0n)).toBe(127_000n * DAY_SECONDS);
    expect(small.idlePerDay(0n, 1n)).toBe(10_000_000n * DAY_SECONDS);
    expect(new Prices(26).creation()).toBe(2n * small.creation());
    expect(freezingReserve(100n, 2n * DAY_SECONDS, 50n)).toBe(150n);
    for (const memory64 of [false, true]) {
      const limit = small.instructionsFor(1_000_000_000n, { memory64 });
      expect(small.execution(limit, { memory64 })).toBeLessThanOrEqual(1_000_000_000n);
      expect(small.execution(limit + 1n, { memory64 })).toBeGreaterThan(999_999_999n);
    }
  });

  it('row 70: a call never costs more than cost_call says, which grows with its size', () => {
    const prices = new Prices(1);
    const costs = [0, 1, 1_000, 2_000_000].map((bytes) => prices.call(bytes, { memory64: true }));
    expect([...costs].sort((a, b) => Number(a - b))).toEqual(costs);
    const replica = new Replica();
    const [a, b] = [deploy(replica, PROXY), deploy(replica, PROXY)];
    const balance = (): bigint => replica.core.view().subnet.get(a)?.state.balance ?? 0n;
    const before = balance();
    replied(
      replica.call(a, 'call', { argument: callTo(b, 'echo', { payload: new Uint8Array(500) }) }),
    );
    expect(before - balance()).toBeLessThan(prices.call(504, { memory64: false }) + 10_000_000n);
    expect(before - balance()).toBeGreaterThan(2n * 5_000_000n + 260_000n + 1_000n * 1_004n);
  });

  it('no cycle is made or lost: what balances lose is consumed', () => {
    const replica = new Replica();
    const [a, b] = [deploy(replica, PROXY), deploy(replica, PROXY)];
    const balances = (): bigint =>
      [...replica.core.view().subnet.canisters.values()].reduce(
        (sum, { state }) => sum + state.balance,
        0n,
      );
    const consumed = (): bigint =>
      BigInt(
        `0x${toHex(replica.executed.findLast((one) => one.consumedCycles !== undefined)?.consumedCycles ?? new Uint8Array(1))}`,
      );
    const before = [balances(), consumed()] as const;
    replied(
      replica.call(a, 'call', { argument: callTo(b, 'accept', { cycles: 777_777n, times: 7 }) }),
    );
    replied(replica.call(b, 'call', { argument: callTo(a, 'reject', { cycles: 5n }) }));
    replica.call(a, 'callTrapping', { argument: callTo(b, 'trap', { cycles: 9n }) });
    replica.call(a, 'call', {
      argument: callTo(MANAGEMENT, 'raw_rand', { cycles: 9n, payload: candid.encode([], []) }),
    });
    replica.block([], 3_600n * SECOND);
    const lost = before[0] - balances();
    expect(lost).toBeGreaterThan(0n);
    expect(consumed() - before[1]).toBe(lost);
  });

  it('row 68: frozen canisters refuse calls with code 2, of users and of canisters', () => {
    const replica = new Replica();
    const [a, b] = [deploy(replica, PROXY), deploy(replica, PROXY)];
    replied(settingsOf(replica, b, { freezing_threshold: 10n ** 16n }));
    expect(refused(replica.call(b, 'echo'))).toMatchObject({ code: 2, errorCode: 'IC0207' });
    expect(rejectOf(replied(replica.call(a, 'call', { argument: callTo(b, 'echo') }))).code).toBe(
      2,
    );
    expect(refused(replica.call(b, 'echo')).message).toContain(
      'is out of cycles: please top up the canister with at least',
    );
    replied(settingsOf(replica, b, { freezing_threshold: 1n }));
    replied(replica.call(b, 'echo'));
    replied(settingsOf(replica, b, { freezing_threshold: 10n ** 16n }));
    const argument = candid.encode([topUpType], [{ canister_id: b, amount: 10n ** 30n }]);
    replied(
      replica.call(MANAGEMENT, 'provisional_top_up_canister', { argument, effectiveCanisterId: b }),
    );
    replied(replica.call(b, 'echo'));
  });

  it('row 68: an install that the canister cannot pay is refused with code 2 and leaves it empty', () => {
    const replica = new Replica();
    const endless = module('(func (export "canister_init") (loop $again (br $again)))');
    const poor = create(replica, { amount: 1_000_000_000n, settings: { freezing_threshold: 0n } });
    expect(refused(install(replica, poor, endless))).toMatchObject({
      code: 2,
      errorCode: 'IC0207',
    });
    expect(replica.store.records.get(toHex(poor))?.moduleHash).toBeUndefined();
    const nothing = create(replica, { amount: 1_000n });
    expect(refused(install(replica, nothing, PROXY)).errorCode).toBe('IC0207');
  });

  it('row 114: calls with fewer cycles than wanted are refused with code 5', () => {
    const replica = new Replica();
    const [a, b] = [deploy(replica, PROXY), deploy(replica, PROXY)];
    replied(settingsOf(replica, b, { minimum_incoming_canister_call_cycles: 100n }));
    const call = (cycles: bigint) =>
      replied(replica.call(a, 'call', { argument: callTo(b, 'echo', { cycles }) }));
    expect(rejectOf(call(99n)).code).toBe(5);
    expect(call(100n).length).toBe(16);
    replied(replica.call(b, 'echo'));
  });

  it('row 122: a canister without cycles loses its code, and is found again by nobody', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY, { amount: TRILLION });
    const perDay = status(replica, id).idle_cycles_burned_per_day;
    replied(settingsOf(replica, id, { freezing_threshold: 0n, compute_allocation: 100n }));
    const days = TRILLION / (perDay + 1_000_000_000n * DAY_SECONDS) + 1n;
    replica.block([], days * DAY_SECONDS * SECOND);
    const canister = replica.core.view().subnet.get(id);
    expect([canister?.state.balance, canister?.state.code]).toEqual([0n, undefined]);
    expect(canister?.state.settings.computeAllocation).toBe(0n);
    expect(canister?.state.history).toEqual([]);
    expect(replica.store.records.get(toHex(id))?.moduleHash).toBeUndefined();
  });

  it('idle canisters are not touched by a height, and pay by the hour', () => {
    const replica = new Replica();
    const id = create(replica, { settings: { memory_allocation: 1n << 30n } });
    replica.block([], 60n * SECOND);
    expect(replica.block([], 60n * SECOND).canisters).toEqual([]);
    const before = replica.core.view().subnet.get(id)?.state.balance ?? 0n;
    replica.block([], 3_600n * SECOND);
    const paid = before - (replica.core.view().subnet.get(id)?.state.balance ?? 0n);
    expect(paid).toBeGreaterThan(127_000n * 3_600n);
    expect(paid).toBeLessThan(127_000n * 3_800n);
  });
});

describe('limits of a height', () => {
  it('a full queue rejects calls with IC0201 and serves the others', () => {
    const replica = new Replica({ copies: false });
    const id = deploy(replica, PROXY);
    const calls = Array.from({ length: INGRESS_PER_CANISTER + 1 }, () =>
      replica.ingress(id, 'silent'),
    );
    const { requests } = replica.block(calls);
    expect(requests.length).toBe(calls.length);
    expect(replica.status(calls.at(-1) as never)).toMatchObject({
      kind: 'reject',
      refusal: { rejectCode: 2, errorCode: 'IC0201' },
    });
    const executions = replica.events.findLast(({ kind }) => kind === 'BatchApplied');
    expect(executions).toMatchObject({ ingress: calls.length });
    expect(replica.advanced().workPending).toBe(true);
    expect(refused(replica.await(calls[INGRESS_PER_CANISTER - 1] as never)).errorCode).toBe(
      'IC0506',
    );
    expect(shown(replica, id, 'get')).toBe(BigInt(INGRESS_PER_CANISTER));
  });

  it('what does not fit waits for the next height, in order', () => {
    const replica = new Replica();
    const spin = module(`
      ${update(
        'spin',
        `(local $left i64) (local.set $left (i64.const 400000000))
        (loop $again (br_if $again (i64.ne (i64.const 0) (local.tee $left (i64.sub (local.get $left) (i64.const 1))))))
        (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1))) (call $msg_reply)`,
      )}
      ${query('get', replyNumber('(i64.load (i32.const 0))'))}`);
    const id = deploy(replica, spin);
    const calls = Array.from({ length: 6 }, () => replica.ingress(id, 'spin'));
    replica.block(calls);
    const states = calls.map((call) => replica.status(call).kind);
    const answered = states.filter((kind) => kind === 'reply').length;
    expect(answered).toBeGreaterThan(1);
    expect(answered).toBeLessThan(6);
    expect(states).toEqual([...states].sort().reverse());
    expect(replica.status(calls.at(-1) as never)).toMatchObject({ status: 'received' });
    expect(replica.advanced().workPending).toBe(true);
    const again = replica.restart();
    for (const call of calls) replied(again.await(call));
    expect(number(replied(again.query(id, 'get')))).toBe(6n);
  });
});
