import { toHex } from '@internode/prelude';
import { describe, expect, it } from 'vitest';
import { deploy, replied } from './management.ts';
import { number, PROXY } from './proxy.ts';
import { Replica, type Store } from './replica.ts';

const count = (replica: Replica, id: Uint8Array): bigint =>
  number(replied(replica.query(id, 'get')));

/** State has fetched what another replica holds. */
function jump(replica: Replica, to: Store): void {
  const { canisters, modules, requests, records } = replica.store;
  for (const map of [canisters, modules, requests, records]) map.clear();
  const { height, timeNanos, subnetState } = to;
  Object.assign(replica.store, { height, timeNanos, subnetState });
  for (const [key, value] of to.canisters) canisters.set(key, structuredClone(value));
  for (const [key, value] of to.modules) modules.set(key, value);
  for (const [key, value] of to.requests) requests.set(key, value);
  for (const [key, value] of to.records) records.set(key, value);
  replica.timeNanos = timeNanos;
  replica.hear({ kind: 'StateCommitted', height, durable: false });
}

describe('a state that jumped', () => {
  it('is loaded as another session, and goes on as everywhere else', () => {
    const steady = new Replica();
    const behind = new Replica();
    const id = deploy(steady, PROXY);
    expect(deploy(behind, PROXY)).toEqual(id);
    expect(count(behind, id)).toBe(0n);
    for (let i = 0; i < 5; i++) steady.call(id, 'silent');
    jump(behind, steady.store);
    expect(behind.core.view().height).toBe(steady.core.view().height);
    expect(count(behind, id)).toBe(count(steady, id));
    const sessions = new Set(behind.heard('LoadTip').map(({ session }) => toHex(session ?? id)));
    expect(sessions.size).toBe(2);
    const call = steady.ingress(id, 'silent');
    const [one, other] = [steady.block([call]), behind.block([call])];
    expect({ ...other, session: undefined }).toEqual({ ...one, session: undefined });
  });

  it('is loaded in the midst of a height and of a query, whose late answers change nothing', () => {
    const steady = new Replica();
    const behind = new Replica({ loses: ({ kind }) => kind === 'LoadMemory' });
    const id = deploy(steady, PROXY);
    deploy(behind, PROXY);
    for (let i = 0; i < 3; i++) steady.call(id, 'silent');
    const { height } = behind.store;
    behind.hear(behind.batch([behind.ingress(id, 'silent')], height + 2));
    jump(behind, steady.store);
    behind.elapse(3_000);
    expect(behind.store.height).toBe(steady.store.height);
    expect(behind.core.view().height).toBe(steady.store.height);
  });

  it('is told once more by what state stores afterwards: nothing is loaded twice', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    replica.call(id, 'silent');
    const loads = replica.heard('LoadTip').length;
    replica.hear({ kind: 'StateCommitted', height: replica.store.height, durable: true });
    replica.elapse(1_000);
    expect(replica.heard('LoadTip')).toHaveLength(loads);
  });
});
