import { canisterIdFromIndex, principalToText } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { describe, expect, it } from 'vitest';
import { deploy, manage, refused, replied, status } from './management.ts';
import { answerOf, callTo, number, PROXY, rejectOf } from './proxy.ts';
import { MANAGEMENT, Replica, SECOND } from './replica.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const counter = (replica: Replica, id: Uint8Array): bigint =>
  number(replied(replica.query(id, 'get')));

function pair(): { replica: Replica; a: Uint8Array; b: Uint8Array } {
  const replica = new Replica();
  return { replica, a: deploy(replica, PROXY), b: deploy(replica, PROXY) };
}

describe('updates', () => {
  it('row 43: a call replies or rejects with what the canister says', () => {
    const { replica, a } = pair();
    expect(text(replied(replica.call(a, 'echo', { argument: utf8('hello') })))).toBe('hello');
    expect(refused(replica.call(a, 'reject', { argument: utf8('go away') }))).toEqual({
      code: 4,
      errorCode: 'IC0406',
      message: 'go away',
    });
  });

  it('row 44: a trap undoes everything and is told with IC0502', () => {
    const { replica, a } = pair();
    const { code, errorCode, message } = refused(replica.call(a, 'trap'));
    expect([code, errorCode]).toEqual([5, 'IC0502']);
    expect(message).toMatch(
      new RegExp(`^Error from Canister ${principalToText(a)}: Canister trapped`),
    );
    expect(counter(replica, a)).toBe(0n);
  });

  it('row 47: missing canister, missing method, empty canister', () => {
    const { replica, a } = pair();
    const nobody = canisterIdFromIndex(77n);
    expect(refused(replica.call(nobody, 'x'))).toEqual({
      code: 3,
      errorCode: 'IC0301',
      message: `Canister ${principalToText(nobody)} not found`,
    });
    expect(refused(replica.call(a, 'nope'))).toEqual({
      code: 5,
      errorCode: 'IC0536',
      message: `Error from Canister ${principalToText(a)}: Canister has no update method 'nope'.`,
    });
    replied(manage(replica, 'uninstall_code', a));
    expect(refused(replica.call(a, 'echo'))).toMatchObject({ code: 5, errorCode: 'IC0537' });
  });

  it('row 60: a call that is never answered is rejected with IC0506 and keeps its changes', () => {
    const { replica, a } = pair();
    expect(refused(replica.call(a, 'silent'))).toMatchObject({ code: 5, errorCode: 'IC0506' });
    expect(counter(replica, a)).toBe(1n);
  });

  it('row 97: a query method called as an update replies and changes nothing', () => {
    const { replica, a } = pair();
    const version = replica.core.view().subnet.get(a)?.state.version;
    expect(number(replied(replica.call(a, 'change')))).toBe(1n);
    expect(counter(replica, a)).toBe(0n);
    expect(replica.core.view().subnet.get(a)?.state.version).toBe(version);
  });
});

describe('calls between canisters', () => {
  it('row 46: a call to itself comes back to the reply callback', () => {
    const { replica, a } = pair();
    const reply = replied(
      replica.call(a, 'call', { argument: callTo(a, 'echo', { payload: utf8('me') }) }),
    );
    expect(text(answerOf(reply).content)).toBe('me');
  });

  it('row 56: cycles travel, what is not accepted comes back, nothing is lost or made', () => {
    const { replica, a, b } = pair();
    const before = [status(replica, a).cycles, status(replica, b).cycles] as const;
    const argument = callTo(b, 'accept', { cycles: 1_000_000_000_000n, payload: utf8('paid') });
    const { refund, content } = answerOf(replied(replica.call(a, 'call', { argument })));
    expect([refund, text(content)]).toEqual([999_999_999_700n, 'paid']);
    const after = [status(replica, a).cycles, status(replica, b).cycles] as const;
    // Only executions, transport and ingress were paid: far less than what travelled.
    expect(before[0] - after[0]).toBeGreaterThan(300n);
    expect(before[0] - after[0]).toBeLessThan(100_000_000n);
    expect(before[1] - after[1]).toBeLessThan(100_000_000n);
  });

  it('rows 46, 66: a reject reaches the reject callback with code and text, all cycles come back', () => {
    const { replica, a, b } = pair();
    const reply = replied(
      replica.call(a, 'call', { argument: callTo(b, 'reject', { payload: utf8('no') }) }),
    );
    expect(rejectOf(reply)).toEqual({ code: 4, message: 'no' });
    const missing = rejectOf(
      replied(replica.call(a, 'call', { argument: callTo(canisterIdFromIndex(99n), 'x') })),
    );
    expect(missing.code).toBe(3);
    const trap = rejectOf(replied(replica.call(a, 'call', { argument: callTo(b, 'trap') })));
    expect([trap.code, trap.message.includes('Canister trapped')]).toEqual([5, true]);
    const silent = rejectOf(replied(replica.call(a, 'call', { argument: callTo(b, 'silent') })));
    expect([silent.code, silent.message.includes('did not reply')]).toEqual([5, true]);
  });

  it('row 56: after the answer nothing is left to accept', () => {
    const { replica, a, b } = pair();
    const inner = callTo(a, 'echo', { times: 2 });
    const argument = callTo(b, 'call', { cycles: 5_000n, payload: inner });
    const { refund } = answerOf(replied(replica.call(a, 'call', { argument })));
    expect(refund).toBe(5_000n);
    expect(number(replied(replica.query(b, 'cleaned')))).toBe(0n);
  });

  it('a callback that answers a second time traps and changes nothing', () => {
    const { replica, a, b } = pair();
    const argument = callTo(b, 'echo', { times: 3 });
    expect(replied(replica.call(a, 'callReplying', { argument })).length).toBe(0);
    expect(number(replied(replica.query(a, 'beats')))).toBe(1n);
    // The two others trapped, and were cleaned up after.
    expect(number(replied(replica.query(a, 'cleaned')))).toBe(14n);
  });

  it('row 57: after a trapping callback cleanup runs on the state before it', () => {
    const { replica, a, b } = pair();
    const { errorCode } = refused(replica.call(a, 'callTrapping', { argument: callTo(b, 'echo') }));
    expect(errorCode).toBe('IC0502');
    expect(counter(replica, a)).toBe(1n);
    expect(number(replied(replica.query(a, 'cleaned')))).toBe(7n);
  });

  it('row 58: several calls of one context are open at once; the first answer replies', () => {
    const { replica, a, b } = pair();
    const argument = callTo(b, 'echo', { times: 20, payload: utf8('x') });
    expect(text(answerOf(replied(replica.call(a, 'call', { argument }))).content)).toBe('x');
    const { contexts, callbacks } = replica.core.view().subnet.get(a)?.state ?? {};
    expect([contexts?.size, callbacks?.size]).toEqual([0, 0]);
  });

  it('row 59: 500 calls to one canister may be open, the next is refused at once', () => {
    const { replica, a, b } = pair();
    const many = callTo(b, 'echo', { times: 501 });
    expect(text(replied(replica.call(a, 'call', { argument: many })))).toBe('refused');
    const fits = callTo(b, 'echo', { times: 500 });
    expect(answerOf(replied(replica.call(a, 'call', { argument: fits }))).content.length).toBe(0);
  });

  it('row 93: a bounded wait that is over gives code 6, and the late answer is dropped', () => {
    const { replica, a } = pair();
    // Randomness comes at the next height, here later than the caller waits.
    const slow = callTo(MANAGEMENT, 'raw_rand', { timeoutSeconds: 1, payload: utf8('DIDL\0\0') });
    const ingress = replica.ingress(a, 'call', { argument: slow });
    replica.block([ingress]);
    expect(replica.status(ingress)).toMatchObject({ kind: 'open', status: 'processing' });
    // Also when the caller was loaded anew in between.
    const again = replica.restart();
    again.block([], 2n * SECOND);
    expect(rejectOf(replied(again.await(ingress)))).toEqual({
      code: 6,
      message: 'Call has timed out.',
    });
  });

  it('row 77: raw_rand gives 32 new bytes to canisters, of the next height', () => {
    const { replica, a } = pair();
    const draw = (): Uint8Array => {
      const argument = callTo(MANAGEMENT, 'raw_rand', { payload: utf8('DIDL\0\0') });
      return answerOf(replied(replica.call(a, 'call', { argument }))).content;
    };
    const [first, second] = [draw(), draw()];
    expect(first.length - utf8('DIDL\x01\x6d\x7b\x01\0\x20').length).toBe(32);
    expect(first).not.toEqual(second);
    expect(refused(replica.call(MANAGEMENT, 'raw_rand', { effectiveCanisterId: a }))).toMatchObject(
      { code: 4 },
    );
  });
});
