import { candid, canisterIdFromIndex, principalToText } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { describe, expect, it } from 'vitest';
import { module, motoko, query, replyNumber, update } from '../sandbox/support.ts';
import {
  CANISTER_ID,
  create,
  deploy,
  install,
  manage,
  refused,
  replied,
  settingsOf,
} from './management.ts';
import { number, PROXY } from './proxy.ts';
import { MANAGEMENT, Replica, SECOND, STRANGER } from './replica.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const nat = (bytes: Uint8Array): bigint => {
  const decoded = candid.decode([candid.nat], bytes);
  if (decoded.kind !== 'valid') throw new Error(decoded.reason);
  return decoded.value[0];
};

describe('queries', () => {
  it('row 45: what a query changes is gone', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    expect(number(replied(replica.query(id, 'change')))).toBe(1n);
    expect(number(replied(replica.query(id, 'change')))).toBe(1n);
    expect(replica.block().canisters).toEqual([]);
  });

  it('row 96: refused by missing, empty, stopped and frozen canisters, and for missing methods', () => {
    const replica = new Replica();
    const nobody = canisterIdFromIndex(50n);
    const notFound = {
      code: 3,
      errorCode: 'IC0301',
      message: `Canister ${principalToText(nobody)} not found`,
    };
    expect(refused(replica.query(nobody, 'get'))).toEqual(notFound);
    const empty = create(replica);
    expect(refused(replica.query(empty, 'get'))).toEqual({
      code: 5,
      errorCode: 'IC0537',
      message: `Error from Canister ${principalToText(empty)}: Attempted to execute a message, but the canister contains no Wasm module.`,
    });
    const id = deploy(replica, PROXY);
    expect(refused(replica.query(id, 'x'))).toEqual({
      code: 5,
      errorCode: 'IC0536',
      message: `Error from Canister ${principalToText(id)}: Canister has no query method 'x'.`,
    });
    expect(refused(replica.query(id, 'echo')).errorCode).toBe('IC0536');
    expect(refused(replica.query(id, 'silentQuery')).errorCode).toBe('IC0506');
    expect(refused(replica.query(id, 'trapQuery')).errorCode).toBe('IC0502');
    replied(manage(replica, 'stop_canister', id));
    expect(refused(replica.query(id, 'get'))).toMatchObject({ code: 5, errorCode: 'IC0508' });
    replied(manage(replica, 'start_canister', id));
    replied(settingsOf(replica, id, { freezing_threshold: 10n ** 16n }));
    expect(refused(replica.query(id, 'get'))).toMatchObject({ code: 2, errorCode: 'IC0207' });
  });

  it('row 81: debug_print goes to the logs, which their readers may fetch', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    for (const line of ['one', 'two']) replied(replica.call(id, 'print', { argument: utf8(line) }));
    const fetch = (sender?: Uint8Array) =>
      replica.query(MANAGEMENT, 'fetch_canister_logs', {
        argument: candid.encode([CANISTER_ID], [{ canister_id: id }]),
        ...(sender === undefined ? {} : { sender }),
      });
    const type = candid.record({
      canister_log_records: candid.vec(candid.record({ idx: candid.nat64, content: candid.blob })),
    });
    const records = () => {
      const decoded = candid.decode([type], replied(fetch()));
      return decoded.kind === 'valid' ? decoded.value[0].canister_log_records : [];
    };
    expect(records().map(({ idx, content }) => [idx, text(content)])).toEqual([
      [0n, 'one'],
      [1n, 'two'],
    ]);
    expect(refused(fetch(STRANGER))).toMatchObject({ code: 4, errorCode: 'IC0406' });
    replied(settingsOf(replica, id, { log_visibility: { kind: 'public' } }));
    replied(fetch(STRANGER));
    for (let index = 0; index < 60; index++)
      replied(replica.call(id, 'print', { argument: utf8('x'.repeat(200)) }));
    const kept = records();
    expect(kept.reduce((sum, { content }) => sum + content.length, 0)).toBeLessThanOrEqual(4096);
    expect(kept.at(-1)?.idx).toBe(61n);
    replied(install(replica, id, PROXY, { mode: 'upgrade' }));
    expect(records().at(-1)?.idx).toBe(61n);
    replica.call(id, 'trap');
    expect(text(records().at(-1)?.content ?? utf8(''))).toContain('unreachable');
    replied(install(replica, id, PROXY, { mode: 'reinstall' }));
    expect(records()).toEqual([]);
  });

  it('at most 1,024 wait; the next is refused with code 2', () => {
    const replica = new Replica({ loses: ({ kind }) => kind === 'LoadModule' });
    const id = deploy(replica, PROXY);
    const again = replica.restart({ loses: ({ kind }) => kind === 'LoadModule' });
    for (let index = 0; index < 1_025; index++) {
      const queryId = utf8(`waiting ${index}`.padEnd(16));
      again.hear({
        kind: 'ExecuteQuery',
        queryId,
        sender: id,
        canisterId: id,
        methodName: 'get',
        argument: utf8(''),
      });
    }
    const answers = again.heard('QueryAnswered');
    expect(answers.length).toBe(1);
    expect(answers[0]?.outcome).toMatchObject({ kind: 'refusal', refusal: { rejectCode: 2 } });
  });
});

describe('certificates of data', () => {
  const CERTIFYING = module(`
    ${update('set', '(call $certified_data_set (i32.const 0) (i32.const 4)) (call $msg_reply)')}
    ${query('present', replyNumber('(i64.extend_i32_u (call $data_certificate_present))'))}
    ${query('size', replyNumber('(i64.extend_i32_u (call $data_certificate_size))'))}
    ${update('presentInUpdate', replyNumber('(i64.extend_i32_u (call $data_certificate_present))'))}`);

  it('rows 64, 65: a query sees the certificate of the present data, an update none', () => {
    const replica = new Replica();
    const id = deploy(replica, CERTIFYING);
    replica.certificate = utf8('certificate');
    replica.hear({
      kind: 'StateCertified',
      height: replica.store.height,
      root: new Uint8Array(32),
      timeNanos: 1n,
      completedRequests: [],
    });
    expect(number(replied(replica.query(id, 'size')))).toBe(11n);
    expect(number(replied(replica.query(id, 'present')))).toBe(1n);
    const asked = replica.heard('ReadDataCertificate');
    expect(asked).toMatchObject([{ canisterId: id }]);
    expect(number(replied(replica.call(id, 'presentInUpdate')))).toBe(0n);
  });

  it('row 64: after a change a query waits until the new data is certified', () => {
    const replica = new Replica();
    const id = deploy(replica, CERTIFYING);
    replica.certificate = utf8('new');
    replied(replica.call(id, 'set'));
    const queryId = utf8('0123456789abcdef');
    replica.hear({
      kind: 'ExecuteQuery',
      queryId,
      sender: id,
      canisterId: id,
      methodName: 'size',
      argument: utf8(''),
    });
    expect(replica.heard('QueryAnswered')).toEqual([]);
    replica.hear({
      kind: 'StateCertified',
      height: replica.store.height,
      root: new Uint8Array(32),
      timeNanos: 1n,
      completedRequests: [],
    });
    expect(number(replied(replica.answerTo(queryId)))).toBe(3n);
  });
});

describe('composite queries', () => {
  const LEAF = motoko(`
    persistent actor {
      var n = 7;
      public func set(x : Nat) : async () { n := x };
      public query func get() : async Nat { n };
      public query func fail() : async Nat { assert false; 0 };
    }`);
  const COMPOSITE = motoko(`
    persistent actor {
      type Leaf = actor { get : query () -> async Nat; fail : query () -> async Nat };
      type Self = actor { deep : composite query (Text, Nat) -> async Nat };
      public composite query func sum(a : Text, b : Text) : async Nat {
        let x = await (actor (a) : Leaf).get(); let y = await (actor (b) : Leaf).get(); x + y
      };
      public composite query func caught(a : Text) : async Nat {
        try { await (actor (a) : Leaf).fail() } catch (_) { 42 }
      };
      public composite query func deep(self : Text, left : Nat) : async Nat {
        if (left == 0) { 0 } else { 1 + (await (actor (self) : Self).deep(self, left - 1)) }
      };
    }`);
  const named = (ids: readonly Uint8Array[], ...rest: bigint[]): Uint8Array =>
    candid.encode(
      [...ids.map(() => candid.text), ...rest.map(() => candid.nat)] as never,
      [...ids.map(principalToText), ...rest] as never,
    );

  it('row 79: call queries of other canisters and see one state', () => {
    const replica = new Replica();
    const [a, b, c] = [deploy(replica, LEAF), deploy(replica, LEAF), deploy(replica, COMPOSITE)];
    replied(replica.call(a, 'set', { argument: candid.encode([candid.nat], [30n]) }));
    expect(nat(replied(replica.query(c, 'sum', { argument: named([a, b]) })))).toBe(37n);
    expect(nat(replied(replica.query(c, 'sum', { argument: named([a, a]) })))).toBe(60n);
    expect(nat(replied(replica.query(c, 'caught', { argument: named([a]) })))).toBe(42n);
  });

  it('row 79: six deep and no deeper; never as an update', () => {
    const replica = new Replica();
    const c = deploy(replica, COMPOSITE);
    expect(nat(replied(replica.query(c, 'deep', { argument: named([c], 6n) })))).toBe(6n);
    const { code } = refused(replica.query(c, 'deep', { argument: named([c], 7n) }));
    expect([4, 5]).toContain(code);
    expect(refused(replica.call(c, 'sum', { argument: named([c, c]) })).errorCode).toBe('IC0527');
  });

  it('no batch runs between their parts, and none is kept waiting for ever', () => {
    const replica = new Replica({ lateAnswers: true });
    const [a, b, c] = [deploy(replica, LEAF), deploy(replica, LEAF), deploy(replica, COMPOSITE)];
    const argument = named([a, b]);
    replica.timeNanos += SECOND;
    const height = replica.store.height;
    for (let index = 0; index < 5; index++) {
      const queryId = utf8(`together ${index}`.padEnd(16));
      replica.hear({
        kind: 'ExecuteQuery',
        queryId,
        sender: c,
        canisterId: c,
        methodName: 'sum',
        argument,
      });
    }
    replica.hear(
      replica.batch([replica.ingress(a, 'set', { argument: candid.encode([candid.nat], [1n]) })]),
    );
    expect(replica.store.height).toBe(height + 1);
    expect(replica.heard('QueryAnswered').length).toBe(5);
    expect(nat(replied(replica.query(c, 'sum', { argument })))).toBe(8n);
  });
});

describe('calls at the door', () => {
  const PICKY = module(`
    ${update('good', '(call $msg_reply)')}
    (func (export "canister_inspect_message")
      (if (i32.eq (call $msg_method_name_size) (i32.const 4)) (then (call $accept_message)))
      (if (i32.eq (call $msg_method_name_size) (i32.const 5)) (then unreachable)))
    ${update('worse', '(call $msg_reply)')}
    ${update('stranger', '(call $msg_reply)')}`);

  it('row 63: a canister accepts, is silent, or traps', () => {
    const replica = new Replica();
    const id = deploy(replica, PICKY);
    expect(replica.inspect(id, 'good')).toBeUndefined();
    expect(replica.inspect(id, 'stranger')).toMatchObject({ rejectCode: 4, errorCode: 'IC0406' });
    expect(replica.inspect(id, 'worse')).toMatchObject({ rejectCode: 5, errorCode: 'IC0502' });
    expect(replica.inspect(id, 'absent')).toMatchObject({ rejectCode: 5, errorCode: 'IC0536' });
  });

  it('rows 47, 63: without a hook what exists, runs and can pay is accepted', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    expect(replica.inspect(id, 'echo')).toBeUndefined();
    expect(replica.inspect(id, 'get')).toBeUndefined();
    expect(replica.inspect(canisterIdFromIndex(9n), 'echo')).toMatchObject({
      rejectCode: 3,
      errorCode: 'IC0301',
    });
    expect(replica.inspect(create(replica), 'echo')).toMatchObject({
      rejectCode: 5,
      errorCode: 'IC0537',
    });
    replied(manage(replica, 'stop_canister', id));
    expect(replica.inspect(id, 'echo')).toMatchObject({ rejectCode: 5, errorCode: 'IC0508' });
    const poor = create(replica, { amount: 0n });
    const argument = candid.encode([CANISTER_ID], [{ canister_id: poor }]);
    expect(replica.inspect(MANAGEMENT, 'start_canister', { argument })).toMatchObject({
      rejectCode: 2,
      errorCode: 'IC0207',
    });
  });

  it('row 63: management methods by their own rules', () => {
    const replica = new Replica();
    const id = create(replica);
    const argument = candid.encode([CANISTER_ID], [{ canister_id: id }]);
    expect(replica.inspect(MANAGEMENT, 'start_canister', { argument })).toBeUndefined();
    const stranger = { argument, sender: STRANGER };
    expect(replica.inspect(MANAGEMENT, 'start_canister', stranger)).toMatchObject({
      rejectCode: 5,
      errorCode: 'IC0512',
    });
    expect(replica.inspect(MANAGEMENT, 'canister_status', stranger)?.errorCode).toBe('IC0512');
    expect(
      replica.inspect(MANAGEMENT, 'provisional_create_canister_with_cycles', stranger),
    ).toBeUndefined();
    expect(replica.inspect(MANAGEMENT, 'raw_rand', { argument })?.errorCode).toBe('IC0406');
    expect(replica.inspect(MANAGEMENT, 'nonsense', { argument })?.errorCode).toBe('IC0536');
    expect(replica.inspect(MANAGEMENT, 'start_canister', { argument: utf8('?') })?.errorCode).toBe(
      'IC0408',
    );
  });
});
