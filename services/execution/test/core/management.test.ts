import { gzipSync } from 'node:zlib';
import { candid, canisterIdFromIndex, principalToText, sha256 } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, it } from 'vitest';
import { createType, installType } from '../../src/core/management/types.ts';
import { motoko } from '../sandbox/support.ts';
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
  tryCreate,
} from './management.ts';
import { answerOf, BEATING, callTo, number, PROXY, rejectOf } from './proxy.ts';
import { MANAGEMENT, Replica, STRANGER, USER } from './replica.ts';

const TRILLION = 1_000_000_000_000n;
const persistent = (body: string): Uint8Array => motoko(`persistent actor { ${body} }`);
const COUNTER = persistent(
  'var n = 0; public func inc() : async Nat { n += 1; n }; public query func get() : async Nat { n };',
);
const COUNTER_TWO = persistent(
  'var n = 0; public func inc() : async Nat { n += 2; n }; public query func get() : async Nat { n };',
);
const NONE = { argument: candid.encode([], []) };
const nat = (bytes: Uint8Array): bigint => {
  const decoded = candid.decode([candid.nat], bytes);
  if (decoded.kind !== 'valid') throw new Error(decoded.reason);
  return decoded.value[0];
};

describe('creating canisters', () => {
  it('row 36: by ingress with 100 T by default, ids in sequence, settings kept', () => {
    const replica = new Replica();
    const first = create(replica);
    expect(toHex(first)).toBe(toHex(canisterIdFromIndex(0n)));
    expect(status(replica, first).cycles).toBeGreaterThan(99n * TRILLION);
    expect(status(replica, first).cycles).toBeLessThanOrEqual(100n * TRILLION);
    const second = create(replica, { amount: 7n * TRILLION, settings: { freezing_threshold: 5n } });
    expect(toHex(second)).toBe(toHex(canisterIdFromIndex(1n)));
    const { settings, cycles } = status(replica, second);
    expect([settings.freezing_threshold, settings.controllers.map(toHex)]).toEqual([
      5n,
      [toHex(USER)],
    ]);
    expect(cycles).toBeLessThanOrEqual(7n * TRILLION);
  });

  it('a specified id is given once, and the sequence steps over it', () => {
    const replica = new Replica();
    const specifiedId = canisterIdFromIndex(1n);
    expect(toHex(create(replica, { specifiedId }))).toBe(toHex(specifiedId));
    expect(refused(tryCreate(replica, { specifiedId }))).toMatchObject({
      code: 2,
      errorCode: 'IC0205',
    });
    expect([create(replica), create(replica)].map(toHex)).toEqual(
      [0n, 2n].map((i) => toHex(canisterIdFromIndex(i))),
    );
    replied(manage(replica, 'stop_canister', specifiedId));
    replied(manage(replica, 'delete_canister', specifiedId));
    expect(refused(tryCreate(replica.restart(), { specifiedId })).errorCode).toBe('IC0205');
  });

  it('row 71: a canister creates one with the cycles it attaches, less the fee', () => {
    const replica = new Replica();
    const a = deploy(replica, PROXY);
    const payload = candid.encode([candid.record({})], [{}]);
    const argument = callTo(MANAGEMENT, 'create_canister', { cycles: 2n * TRILLION, payload });
    const { refund, content } = answerOf(replied(replica.call(a, 'call', { argument })));
    expect(refund).toBe(0n);
    const decoded = candid.decode([CANISTER_ID], content);
    const created =
      decoded.kind === 'valid'
        ? replica.core.view().subnet.get(decoded.value[0].canister_id)
        : undefined;
    expect(created?.state.balance).toBe(2n * TRILLION - 500_000_000_000n);
    expect(created?.state.settings.controllers.map(toHex)).toEqual([toHex(a)]);
    const poor = callTo(MANAGEMENT, 'create_canister', { cycles: 5n, payload });
    expect(rejectOf(replied(replica.call(a, 'call', { argument: poor })))).toMatchObject({
      code: 4,
    });
  });

  it('row 100: unknown record fields are tolerated, garbage is refused with IC0408', () => {
    const replica = new Replica();
    const type = candid.record({
      amount: candid.opt(candid.nat),
      novelty: candid.vec(candid.text),
    });
    const argument = candid.encode([type], [{ amount: 5n, novelty: ['x'] }]);
    replied(replica.call(MANAGEMENT, 'provisional_create_canister_with_cycles', { argument }));
    const garbage = { argument: utf8('no candid') };
    expect(
      refused(replica.call(MANAGEMENT, 'provisional_create_canister_with_cycles', garbage)),
    ).toMatchObject({
      code: 4,
      errorCode: 'IC0408',
    });
  });

  it('methods that do not exist are refused as such', () => {
    const replica = new Replica();
    expect(refused(replica.call(MANAGEMENT, 'sign_with_ecdsa'))).toEqual({
      code: 5,
      errorCode: 'IC0536',
      message: "Management canister has no method 'sign_with_ecdsa'",
    });
    expect(refused(replica.call(MANAGEMENT, '__proto__')).errorCode).toBe('IC0536');
  });
});

describe('installing code', () => {
  it('row 37: raw and gzip; the hash is of the uploaded bytes', () => {
    const replica = new Replica();
    const id = create(replica);
    const zipped = new Uint8Array(gzipSync(PROXY));
    replied(install(replica, id, zipped));
    expect(status(replica, id).module_hash).toEqual(sha256(zipped));
    expect(replica.store.records.get(toHex(id))?.moduleHash).toEqual(sha256(zipped));
    expect(number(replied(replica.query(id, 'get')))).toBe(0n);
    expect(refused(install(replica, id, PROXY))).toMatchObject({ code: 5, errorCode: 'IC0514' });
    replied(install(replica, id, PROXY, { mode: 'reinstall' }));
    expect(replica.store.modules.size).toBe(1);
  });

  it('only what a canister runs at the end of a height is stored', () => {
    const replica = new Replica();
    const [a, b] = [create(replica), create(replica)];
    const { modules, droppedModules } = replica.block([
      installIngress(replica, a, PROXY),
      installIngress(replica, b, PROXY),
      installIngress(replica, a, BEATING, { mode: 'reinstall' }),
      installIngress(replica, b, BEATING, { mode: 'reinstall' }),
    ]);
    expect(modules.map(({ content }) => content)).toEqual([BEATING]);
    expect(droppedModules).toEqual([]);
    const back = replica.block([installIngress(replica, a, PROXY, { mode: 'reinstall' })]);
    expect([back.modules.length, back.droppedModules.length]).toEqual([1, 0]);
    const last = replica.block([installIngress(replica, b, PROXY, { mode: 'reinstall' })]);
    expect([last.modules.length, last.droppedModules]).toEqual([0, [sha256(BEATING)]]);
  });

  it('row 37: reinstalling clears memory, upgrading a canister of plain Wasm too', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    replica.call(id, 'silent');
    expect(number(replied(replica.query(id, 'get')))).toBe(1n);
    replied(install(replica, id, PROXY, { mode: 'upgrade' }));
    expect(number(replied(replica.query(id, 'get')))).toBe(0n);
    replica.call(id, 'silent');
    const again = replica.restart();
    expect(number(replied(again.query(id, 'get')))).toBe(1n);
    replied(install(again, id, PROXY, { mode: 'reinstall' }));
    expect(number(replied(again.restart().query(id, 'get')))).toBe(0n);
  });

  it('rows 38, 42, 85: what cannot be installed leaves the canister as it was', () => {
    const replica = new Replica();
    const id = create(replica);
    expect(refused(install(replica, id, utf8('garbage')))).toMatchObject({
      code: 5,
      errorCode: 'IC0505',
    });
    expect(status(replica, id).module_hash).toBeUndefined();
    expect(refused(install(replica, id, PROXY, { mode: 'upgrade' }))).toMatchObject({
      errorCode: 'IC0537',
    });
    expect(refused(install(replica, id, PROXY, { sender: STRANGER }))).toMatchObject({
      errorCode: 'IC0512',
    });
  });

  it('row 48: Motoko must say whether its memory is kept', () => {
    const replica = new Replica();
    const id = deploy(replica, COUNTER);
    replied(replica.call(id, 'inc', NONE));
    const { errorCode, message } = refused(install(replica, id, COUNTER_TWO, { mode: 'upgrade' }));
    expect([errorCode, message.includes('Missing upgrade option')]).toEqual(['IC0504', true]);
    expect(nat(replied(replica.query(id, 'get', NONE)))).toBe(1n);
    const plain = install(replica, id, PROXY, { mode: 'upgrade', persistence: 'keep' });
    expect(refused(plain).message).toContain('Invalid upgrade option');
  });

  it('row 49: `opt keep` keeps the counter and runs the new code', () => {
    const replica = new Replica();
    const id = deploy(replica, COUNTER);
    replied(replica.call(id, 'inc', NONE));
    replied(install(replica, id, COUNTER_TWO, { mode: 'upgrade', persistence: 'keep' }));
    expect(nat(replied(replica.call(id, 'inc', NONE)))).toBe(3n);
    const again = replica.restart();
    expect(nat(replied(again.call(id, 'inc', NONE)))).toBe(5n);
    expect(again.store.modules.size).toBe(1);
  });

  it('row 80: canister_version rises with every change', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const version = (): bigint => number(replied(replica.call(id, 'version')));
    expect([version(), version()]).toEqual([1n, 2n]);
    replied(settingsOf(replica, id, { freezing_threshold: 9n }));
    expect(version()).toBe(4n);
    replied(manage(replica, 'stop_canister', id));
    replied(manage(replica, 'start_canister', id));
    // stop, stopped and start; the trap counts for nothing.
    replica.call(id, 'trap');
    expect(version()).toBe(8n);
    expect(status(replica, id).version).toBe(9n);
  });

  it('row 80: sender_canister_version must be that of the calling code', () => {
    const replica = new Replica();
    const a = deploy(replica, PROXY);
    const attempt = (sender_canister_version: bigint) => {
      const payload = candid.encode([createType], [{ sender_canister_version }]);
      const argument = callTo(MANAGEMENT, 'create_canister', { cycles: TRILLION, payload });
      return replied(replica.call(a, 'call', { argument }));
    };
    const version = replica.core.view().subnet.get(a)?.state.version ?? 0n;
    expect(rejectOf(attempt(version + 1n))).toMatchObject({ code: 5 });
    const now = replica.core.view().subnet.get(a)?.state.version ?? 0n;
    expect(answerOf(attempt(now)).refund).toBe(0n);
    const created = [...replica.core.view().subnet.canisters.values()].at(-1);
    expect(created?.state.history[0]?.origin).toEqual({ kind: 'canister', id: a, version: now });
  });

  it('install modes and senders that are not canister_ids are refused whatever their bytes', () => {
    const replica = new Replica();
    const id = create(replica);
    const argument = candid.encode(
      [installType],
      [
        {
          mode: { kind: 'install' },
          canister_id: canisterIdFromIndex(9n),
          wasm_module: PROXY,
          arg: new Uint8Array(0),
        },
      ],
    );
    const result = replica.call(MANAGEMENT, 'install_code', { argument, effectiveCanisterId: id });
    expect(refused(result)).toMatchObject({ code: 3, errorCode: 'IC0301' });
  });
});

describe('settings and status', () => {
  it('row 72: absent fields stay, limits hold', () => {
    const replica = new Replica();
    const id = create(replica, { settings: { compute_allocation: 3n } });
    const variables = [
      { name: 'b', value: '2' },
      { name: 'a', value: '1' },
    ];
    replied(
      settingsOf(replica, id, { controllers: [USER, STRANGER], environment_variables: variables }),
    );
    const { settings } = status(replica, id);
    expect(settings.compute_allocation).toBe(3n);
    expect(settings.controllers.map(toHex)).toEqual([toHex(USER), toHex(STRANGER)]);
    expect(settings.environment_variables.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(replica.store.records.get(toHex(id))?.controllers.length).toBe(2);
    const eleven = Array.from({ length: 11 }, () => USER);
    for (const wrong of [
      { controllers: eleven },
      { compute_allocation: 101n },
      { freezing_threshold: 1n << 64n },
      { wasm_memory_limit: (1n << 48n) + 1n },
      { log_memory_limit: 5n },
      { environment_variables: [...variables, { name: 'a', value: '3' }] },
      { log_visibility: { kind: 'allowed_viewers' as const, value: eleven } },
    ]) {
      expect(refused(settingsOf(replica, id, wrong)).message).toContain('Invalid settings');
    }
  });

  it('row 73: the full record, by update and by query, to those who may see it', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const seen = status(replica, id);
    expect(seen.status.kind).toBe('running');
    expect(seen.memory_metrics.wasm_memory_size).toBe(65_536n);
    expect(seen.memory_metrics.wasm_binary_size).toBeGreaterThan(0n);
    expect(seen.memory_size).toBe(
      Object.values(seen.memory_metrics).reduce((sum, part) => sum + part, 0n),
    );
    expect(seen.idle_cycles_burned_per_day).toBeGreaterThan(0n);
    const argument = candid.encode([CANISTER_ID], [{ canister_id: id }]);
    replied(replica.query(MANAGEMENT, 'canister_status', { argument }));
    const stranger = { argument, sender: STRANGER };
    expect(refused(replica.query(MANAGEMENT, 'canister_status', stranger)).errorCode).toBe(
      'IC0512',
    );
    const { message } = refused(manage(replica, 'canister_status', id, { sender: STRANGER }));
    expect(message).toBe(
      `Only the controllers of the canister ${principalToText(id)} can control it.\n` +
        `Canister's controllers: ${principalToText(USER)}\nSender's ID: ${principalToText(STRANGER)}`,
    );
    replied(
      settingsOf(replica, id, {
        status_visibility: { kind: 'allowed_viewers', value: [STRANGER] },
      }),
    );
    replied(replica.query(MANAGEMENT, 'canister_status', stranger));
    expect(refused(replica.query(MANAGEMENT, 'raw_rand')).errorCode).toBe('IC0536');
  });

  it('the store learns what changed and nothing else', () => {
    const replica = new Replica();
    const [a, b] = [deploy(replica, PROXY), deploy(replica, PROXY)];
    const { canisters, modules } = replica.block([replica.ingress(a, 'silent')]);
    expect(canisters.map(({ canisterId }) => toHex(canisterId))).toEqual([toHex(a)]);
    expect(canisters[0]?.memories).toMatchObject([
      { memory: 'heap', cleared: false, pages: [{ index: 0 }] },
    ]);
    expect([canisters[0]?.record, modules.length]).toEqual([undefined, 0]);
    const renamed = replica.block([replica.ingress(b, 'certify', { argument: utf8('seal') })]);
    expect(renamed.canisters[0]?.record?.certifiedData).toEqual(utf8('seal'));
    expect(replica.block().canisters).toEqual([]);
    const both = replica.block([replica.ingress(b, 'silent'), replica.ingress(a, 'silent')]);
    expect(both.canisters.map(({ canisterId }) => toHex(canisterId))).toEqual([a, b].map(toHex));
  });
});
