import type { Ingress } from '@internode/contracts';
import { candid } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, it } from 'vitest';
import { provisionalCreateType, topUpType } from '../../src/core/management/types.ts';
import {
  CANISTER_ID,
  create,
  deploy,
  install,
  installIngress,
  manage,
  refused,
  replied,
  settingsOf,
  status,
} from './management.ts';
import { answerOf, callTo, number, PROXY } from './proxy.ts';
import { MANAGEMENT, Replica, SECOND, USER } from './replica.ts';

const TRILLION = 1_000_000_000_000n;
describe('start, stop, delete, uninstall', () => {
  it('row 74: stopped canisters refuse calls, and start again', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    expect(refused(manage(replica, 'delete_canister', id))).toMatchObject({
      code: 5,
      errorCode: 'IC0510',
    });
    replied(manage(replica, 'stop_canister', id));
    expect(status(replica, id).status.kind).toBe('stopped');
    expect(refused(replica.call(id, 'echo'))).toMatchObject({ code: 5, errorCode: 'IC0508' });
    replied(manage(replica, 'start_canister', id));
    replied(replica.call(id, 'echo'));
    replied(manage(replica, 'stop_canister', id));
    replied(manage(replica, 'delete_canister', id));
    expect(refused(replica.call(id, 'echo')).errorCode).toBe('IC0301');
    expect(replica.store.canisters.has(toHex(id))).toBe(false);
    expect(replica.store.modules.size).toBe(0);
    expect(toHex(create(replica))).not.toBe(toHex(id));
  });

  it('row 74: stopping waits for open calls, refuses new ones, and start cancels it', () => {
    const replica = new Replica();
    const a = deploy(replica, PROXY);
    const slow = callTo(MANAGEMENT, 'raw_rand', { payload: utf8('DIDL\0\0') });
    const argument = candid.encode([CANISTER_ID], [{ canister_id: a }]);
    const lifecycle = (method: string) =>
      replica.ingress(MANAGEMENT, method, { argument, effectiveCanisterId: a });
    const call = (): Ingress => replica.ingress(a, 'call', { argument: slow });
    // The answer of the open call is there at the next height, but stopping comes before its
    // callback.
    const [open, stop, late] = [call(), lifecycle('stop_canister'), replica.ingress(a, 'echo')];
    replica.block([open]);
    replica.block([stop, late]);
    expect(refused(replica.await(late))).toMatchObject({ code: 5, errorCode: 'IC0509' });
    replied(replica.await(open));
    replied(replica.await(stop));
    expect(status(replica, a).status.kind).toBe('stopped');
    replied(manage(replica, 'start_canister', a));
    const [second, cancelled, start] = [
      call(),
      lifecycle('stop_canister'),
      lifecycle('start_canister'),
    ];
    replica.block([second]);
    replica.block([cancelled, start]);
    expect(refused(replica.await(cancelled))).toMatchObject({ code: 5, errorCode: 'IC0511' });
    replied(replica.await(start));
    replied(replica.await(second));
    expect(status(replica, a).status.kind).toBe('running');
  });

  it('row 74: a canister with a call in its queue is not deleted; the call is answered', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    replied(manage(replica, 'stop_canister', id));
    const argument = candid.encode([CANISTER_ID], [{ canister_id: id }]);
    const call = replica.ingress(id, 'echo');
    const deletion = replica.ingress(MANAGEMENT, 'delete_canister', {
      argument,
      effectiveCanisterId: id,
    });
    replica.block([call, deletion]);
    expect(refused(replica.await(deletion))).toMatchObject({ code: 2, errorCode: 'IC0203' });
    expect(refused(replica.await(call)).errorCode).toBe('IC0508');
    replied(manage(replica, 'delete_canister', id));
  });

  it('row 74: a stop that takes too long is given up after five minutes', () => {
    const replica = new Replica();
    const [a, b] = [deploy(replica, PROXY), deploy(replica, PROXY)];
    const blocked = replica.core.view().subnet.get(a);
    // An answer that never comes: a context with a callback whose callee does not exist any more.
    const argument = candid.encode([CANISTER_ID], [{ canister_id: a }]);
    replica.block([replica.ingress(a, 'call', { argument: callTo(b, 'echo') })]);
    blocked?.state.contexts.set(999, {
      origin: { kind: 'system' },
      caller: USER,
      senderInfo: undefined,
      responded: true,
      deleted: false,
      available: 0n,
      instructions: 0n,
      outstanding: 1,
    });
    const stop = replica.ingress(MANAGEMENT, 'stop_canister', { argument, effectiveCanisterId: a });
    replica.block([stop]);
    expect(replica.status(stop)).toMatchObject({ status: 'processing' });
    expect(status(replica, a).status.kind).toBe('stopping');
    expect(replica.advanced().nextTimerNanos).toBeLessThan(replica.timeNanos + 300n * SECOND);
    replica.block([], 301n * SECOND);
    expect(refused(replica.await(stop))).toMatchObject({ code: 2, errorCode: 'IC0206' });
  });

  it('row 75: uninstalling rejects open calls with code 4 and keeps cycles and controllers', () => {
    const replica = new Replica();
    const a = deploy(replica, PROXY);
    const slow = callTo(MANAGEMENT, 'raw_rand', { payload: utf8('DIDL\0\0') });
    const open = replica.ingress(a, 'call', { argument: slow });
    replica.block([open]);
    expect(replica.status(open)).toMatchObject({ status: 'processing' });
    const argument = candid.encode([CANISTER_ID], [{ canister_id: a }]);
    replica.block([
      replica.ingress(MANAGEMENT, 'uninstall_code', { argument, effectiveCanisterId: a }),
    ]);
    // The answer to raw_rand was there, but its callback had not run yet.
    expect(refused(replica.await(open))).toMatchObject({
      code: 4,
      message: 'Canister has been uninstalled.',
    });
    const seen = status(replica, a);
    expect([seen.module_hash, seen.settings.controllers.length, seen.cycles > TRILLION]).toEqual([
      undefined,
      1,
      true,
    ]);
    expect(replica.store.modules.size).toBe(0);
    expect(replica.store.canisters.get(toHex(a))?.memories.heap.pages.size).toBe(0);
    const context = replica.core.view().subnet.get(a)?.state.contexts.size;
    expect(context).toBe(0);
  });

  it('row 75: answers to calls of the old code do not reach the new one', () => {
    const replica = new Replica();
    const a = deploy(replica, PROXY);
    const before = replica.core.view().subnet.get(a)?.state.balance ?? 0n;
    const slow = callTo(MANAGEMENT, 'raw_rand', {
      cycles: TRILLION,
      payload: candid.encode([], []),
    });
    replica.block([replica.ingress(a, 'callReplying', { argument: slow })]);
    const argument = candid.encode([CANISTER_ID], [{ canister_id: a }]);
    replica.block([
      replica.ingress(MANAGEMENT, 'uninstall_code', { argument, effectiveCanisterId: a }),
      installIngress(replica, a, PROXY),
    ]);
    expect(number(replied(replica.query(a, 'beats')))).toBe(0n);
    expect(number(replied(replica.query(a, 'cleaned')))).toBe(0n);
    expect(replica.core.view().subnet.get(a)?.state.contexts.size).toBe(0);
    // The cycles it had attached came back all the same.
    const after = replica.core.view().subnet.get(a)?.state.balance ?? 0n;
    expect(before - after).toBeLessThan(TRILLION / 2n);
  });

  it('row 75: uninstalling after a restart, before the code was needed, clears the memories too', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    replica.call(id, 'silent');
    const again = replica.restart();
    replied(manage(again, 'uninstall_code', id));
    const stored = again.store.canisters.get(toHex(id));
    expect([stored?.memories.heap.pages.size, stored?.memories.heap.sizeBytes]).toEqual([0, 0]);
    replied(install(again, id, PROXY));
    expect(number(replied(again.restart().query(id, 'get')))).toBe(0n);
  });

  it('row 99: management calls are served while the target is stopped', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    replied(manage(replica, 'stop_canister', id));
    replied(settingsOf(replica, id, { freezing_threshold: 1n }));
    replied(install(replica, id, PROXY, { mode: 'upgrade' }));
    replied(manage(replica, 'uninstall_code', id));
    expect(status(replica, id).status.kind).toBe('stopped');
  });

  it('row 77: deposit_cycles and provisional_top_up_canister add to the balance', () => {
    const replica = new Replica();
    const [a, b] = [deploy(replica, PROXY), create(replica, { amount: 5n })];
    const payload = candid.encode([CANISTER_ID], [{ canister_id: b }]);
    const argument = callTo(MANAGEMENT, 'deposit_cycles', { cycles: TRILLION, payload });
    expect(answerOf(replied(replica.call(a, 'call', { argument }))).refund).toBe(0n);
    const balance = (): bigint | undefined => replica.core.view().subnet.get(b)?.state.balance;
    expect(balance()).toBe(TRILLION + 5n);
    const topUp = {
      argument: candid.encode([topUpType], [{ canister_id: b, amount: 3n }]),
      effectiveCanisterId: b,
    };
    replied(replica.call(MANAGEMENT, 'provisional_top_up_canister', topUp));
    expect(balance()).toBe(TRILLION + 8n);
    const wrong = candid.encode([provisionalCreateType], [{}]);
    const { errorCode } = refused(
      replica.call(MANAGEMENT, 'deposit_cycles', { argument: wrong, effectiveCanisterId: b }),
    );
    expect(errorCode).toBe('IC0406');
  });
});
