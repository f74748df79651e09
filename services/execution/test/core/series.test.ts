import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, it } from 'vitest';
import { SERIES } from '../../src/limits.ts';
import { module, query, replyNumber, update } from '../sandbox/support.ts';
import { deploy } from './management.ts';
import { callTo, nanos, number, PROXY, PROXY_WAT } from './proxy.ts';
import { Replica, SECOND } from './replica.ts';

type Calls = (replica: Replica, id: Uint8Array) => readonly [string, Uint8Array?][];

/** The same block on two replicas: one sends series to its sandbox, the other call by call. */
function twice(calls: Calls, wasm = PROXY, settings = {}): { together: Replica; alone: Replica } {
  const [together, alone] = [{}, { seriesMax: 1 }].map((options) => {
    const replica = new Replica(options);
    const id = deploy(replica, wasm, { settings });
    const ingress = calls(replica, id).map(([method, argument]) =>
      replica.ingress(id, method, argument === undefined ? {} : { argument }),
    );
    replica.trips = 0;
    replica.block(ingress);
    const { trips } = replica;
    for (let more = 0; more < 3; more++) replica.block();
    replica.trips = trips;
    return replica;
  }) as [Replica, Replica];
  expect(together.executed).toEqual(alone.executed);
  return { together, alone };
}

const GROWING = module(`${PROXY_WAT}
  ${update('grow', '(drop (memory.grow (i32.const 10))) (call $msg_reply)')}
  (func (export "canister_on_low_wasm_memory")
    (i64.store (i32.const 16) (i64.add (i64.load (i32.const 16)) (i64.const 1))))`);

describe('series of calls', () => {
  it('calls that only answer cross to the sandbox together', () => {
    const { together, alone } = twice(() => Array.from({ length: 50 }, () => ['echo', utf8('x')]));
    // With the one that collects what changed.
    expect([together.trips, alone.trips]).toEqual([2, 51]);
  });

  it('each sees the version, the balance and the caller as if it had come alone', () => {
    const wasm = module(`${update('version', replyNumber('(call $canister_version)'))}
      ${update('balance', `(call $canister_cycle_balance128 (i32.const 8)) ${replyNumber('(i64.load (i32.const 8))')}`)}
      ${query('seen', replyNumber('(call $canister_version)'))}`);
    const { together } = twice(
      () => ['version', 'balance', 'seen', 'balance', 'version', 'seen', 'version'].map((m) => [m]),
      wasm,
    );
    const replies = together.executed.at(-4)?.requests.map(({ reply }) => number(reply)) ?? [];
    const [first = 0n, rich = 0n, , poorer = 0n, third] = replies;
    expect(third).toBe(first + 3n);
    expect(poorer).toBeLessThan(rich);
    expect(together.trips).toBe(2);
  });

  it.each<[string, string, Uint8Array?]>([
    ['a trap', 'trap'],
    ['a call that is not answered', 'silent'],
    ['a reject', 'reject', utf8('no')],
    ['a log record', 'print', utf8('hello')],
    ['certified data', 'certify', utf8('data')],
    ['a timer', 'timer', nanos(1n)],
    ['growth that wakes the low-memory hook', 'grow'],
    ['an unknown method', 'unheard of'],
    ['a query that traps', 'trapQuery'],
  ])('%s in the middle changes nothing for those behind it', (_, method, argument) => {
    const settings = { wasm_memory_limit: 1_048_576n, wasm_memory_threshold: 500_000n };
    const odd: [string, Uint8Array?] = argument === undefined ? [method] : [method, argument];
    // Twice, for what only the next of its kind can see: a log index, the timer before.
    const calls: [string, Uint8Array?][] = [
      ['echo', utf8('a')],
      odd,
      odd,
      ['version'],
      ['get'],
      ['echo', utf8('b')],
    ];
    twice(() => calls, GROWING, settings);
  });

  it('calls to other canisters are made where they stand', () => {
    twice((_, id) => [
      ['echo', utf8('a')],
      ['call', callTo(id, 'version', { cycles: 100n })],
      ['version'],
      ['callTrapping', callTo(id, 'echo')],
      ['version'],
    ]);
  });

  it('a canister that becomes too poor in the middle refuses the rest', () => {
    const [together, alone] = [{}, { seriesMax: 1 }].map((options) => {
      const replica = new Replica(options);
      const id = deploy(replica, PROXY, { settings: { freezing_threshold: 0n } });
      const state = replica.core.view().subnet.get(id)?.state;
      if (state === undefined) throw new Error('no canister');
      // Enough to prepay an update, and for two more.
      state.balance = 40_005_000_000n + 12_000_000n + 5n * 1_300_000n;
      replica.block(Array.from({ length: 5 }, () => replica.ingress(id, 'echo')));
      return replica;
    }) as [Replica, Replica];
    expect(together.executed).toEqual(alone.executed);
    const statuses = together.executed.at(-1)?.requests.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set(['replied', 'rejected']));
  });

  it('a trip ends after so many calls, and after so many instructions', () => {
    const many = SERIES.messages + 5;
    const { together } = twice(() => Array.from({ length: many }, () => ['echo', utf8('x')]));
    expect(together.trips).toBe(3);
    const spinning = module(
      update(
        'spin',
        `(local $i i32) (loop $again (br_if $again (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8000000)))) (call $msg_reply)`,
      ),
    );
    const slow = twice(() => Array.from({ length: 6 }, () => ['spin']), spinning).together;
    expect(slow.trips).toBeGreaterThan(2);
    expect(slow.trips).toBeLessThan(7);
  });

  it('several canisters take turns: a series ends with its canister, not with the round', () => {
    const replica = new Replica();
    const ids = [deploy(replica, PROXY), deploy(replica, PROXY)];
    const ingress = Array.from({ length: 40 }, (_, index) =>
      replica.ingress(ids[index % 2] as Uint8Array, 'version'),
    );
    replica.trips = 0;
    replica.block(ingress, SECOND);
    expect(replica.trips).toBe(3);
    const open = ingress.filter((one) => replica.status(one).kind !== 'reply');
    expect(open.map(({ requestId }) => toHex(requestId))).toEqual([]);
  });
});
