import type { BatchExecuted, Message } from '@internode/contracts';
import { candid } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, it } from 'vitest';
import { ExecutionCore } from '../../src/index.ts';
import { OPENINGS, QUERY_TIP_WAIT_MS } from '../../src/limits.ts';
import { module, motoko, query, replyNumber } from '../sandbox/support.ts';
import { create, deploy, install, manage, refused, replied } from './management.ts';
import { answerOf, BEATING, callTo, number, PROXY } from './proxy.ts';
import { MANAGEMENT, Replica, SECOND, Store, USER } from './replica.ts';

const count = (replica: Replica, id: Uint8Array): bigint =>
  number(replied(replica.query(id, 'get')));

describe('at most once', () => {
  it('row 20: a call in a later block, and twice in one block, runs once', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const call = replica.ingress(id, 'silent');
    replica.block([call, call]);
    replica.block([call]);
    expect(count(replica, id)).toBe(1n);
    const again = replica.restart();
    again.block([call]);
    expect(count(again, id)).toBe(1n);
  });

  it('row 20: a call that ended is known at its inspection, also when it would be refused now', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const call = replica.ingress(id, 'silent');
    const known = (at: Replica) => {
      const { known, refusal } = at.inspected(call.requestId, id, { methodName: 'silent' });
      return { known, refusal: refusal?.errorCode };
    };
    expect(known(replica)).toEqual({ known: false, refusal: undefined });
    replica.block([call]);
    replica.await(call);
    expect(known(replica)).toEqual({ known: true, refusal: undefined });
    replied(manage(replica, 'stop_canister', id));
    expect(known(replica)).toEqual({ known: true, refusal: undefined });
    expect(known(replica.restart())).toEqual({ known: true, refusal: undefined });
  });

  it('a call that expired never enters the history, one that expires now still runs', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const expired = replica.ingress(id, 'silent', { expiryNanos: replica.timeNanos });
    const last = replica.ingress(id, 'silent', { expiryNanos: replica.timeNanos + SECOND });
    expect(
      replica.block([expired, last]).requests.map(({ requestId }) => toHex(requestId)),
    ).toEqual([toHex(last.requestId)]);
    expect(count(replica, id)).toBe(1n);
  });

  it('consensus that repeats old batches hears how far we are, again and again', () => {
    const replica = new Replica();
    const old = replica.batch();
    replica.block();
    const said = () => replica.heard('TipAdvanced').length;
    const before = said();
    for (let turn = 1; turn <= 3; turn += 1) {
      replica.hear(old);
      replica.settle();
      expect(said()).toBe(before + turn);
    }
    expect(replica.advanced().height).toBe(old.height);
  });

  it('malformed envelopes and wrong request ids are passed over', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const good = replica.ingress(id, 'silent');
    const wrong = [
      { ...good, requestId: new Uint8Array(32) },
      { ...good, envelope: utf8('no CBOR') },
      { ...good, envelope: good.envelope.slice(0, -1) },
      { ...good, expiryNanos: good.expiryNanos + 1n },
    ];
    expect(replica.block(wrong).requests).toEqual([]);
    expect(count(replica, id)).toBe(0n);
  });

  it('row 128: requests are forgotten after their expiry, by a restarted replica too', () => {
    const store = new Store();
    const replica = new Replica({ store });
    const id = deploy(replica, PROXY);
    const call = replica.ingress(id, 'echo');
    replica.block([call]);
    const known = replica.store.requests.size;
    const again = replica.restart();
    again.block([], 300n * SECOND);
    expect(again.store.requests.size).toBe(known);
    again.block([], 300n * SECOND);
    expect(again.store.requests.size).toBe(0);
  });

  it('row 128: a request that was answered after its expiry is kept for five minutes more', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const argument = callTo(MANAGEMENT, 'raw_rand', { payload: candid.encode([], []) });
    const expiryNanos = replica.timeNanos + 2n * SECOND;
    const call = replica.ingress(id, 'call', { argument, expiryNanos });
    replica.block([call]);
    replica.block([], 400n * SECOND);
    replied(replica.await(call));
    let world = replica;
    for (const [seconds, isKept] of [
      [250n, true],
      [30n, true],
      [60n, false],
    ] as const) {
      world = world.restart();
      world.block([], seconds * SECOND);
      expect(world.store.requests.has(toHex(call.requestId))).toBe(isKept);
    }
  });
});

const ask = (replica: Replica, canisterId: Uint8Array): Uint8Array => {
  const queryId = utf8(`early ${replica.store.nonces++}`.padEnd(16));
  const query = {
    queryId,
    canisterId,
    methodName: 'get',
    sender: USER,
    argument: new Uint8Array(),
  };
  replica.hear({ kind: 'ExecuteQuery', ...query });
  return queryId;
};

describe('a weak bus', () => {
  it('after a restart nobody reads a state older than what was certified before', () => {
    const before = new Replica();
    const id = deploy(before, PROXY);
    const height = before.store.height + 1;
    const replica = before.restart({ loses: ({ kind }) => kind === 'RequestCertified' });
    const certified = (at: number): Message => {
      const said = { root: new Uint8Array(32), timeNanos: 1n, completedRequests: [] };
      return { kind: 'StateCertified', height: at, ...said };
    };
    const first = ask(replica, id);
    replica.hear(certified(height));
    const second = ask(replica, id);
    expect(replica.heard('QueryAnswered')).toEqual([]);
    replica.elapse(QUERY_TIP_WAIT_MS);
    for (const one of [first, second])
      expect(refused(replica.answerTo(one))).toMatchObject({ errorCode: 'IC0208' });
    const early = ask(replica, id);
    expect(replica.inspect(id, 'silent')).toMatchObject({ errorCode: 'IC0208' });
    expect(replica.heard('Readiness').at(-1)).toMatchObject({ ready: false });
    replica.block([replica.ingress(id, 'silent')]);
    expect(replica.heard('Readiness').at(-1)).toMatchObject({ ready: true, height });
    const answered = replica.answerTo(early);
    expect(answered.kind === 'reply' && number(answered.reply)).toBe(1n);
    expect(replica.inspect(id, 'silent')).toBeUndefined();
    // What is certified afterwards asks nothing more: queries do not wait for batches under way.
    replica.hear(certified(height + 2));
    expect(count(replica, id)).toBe(1n);
  });

  it('answers to an execution of before a restart are not heard, and batches name who executed them', () => {
    const seed = new Uint8Array(32).fill(1);
    const config = {
      subnetId: new Uint8Array([1]),
      subnetNodes: 1,
      rootKeyDer: new Uint8Array(133),
    };
    const core = new ExecutionCore({ ...config, seed });
    const now = { ms: 0, unixNanos: 0n };
    const step = (input: Parameters<typeof core.step>[1]): Message[] =>
      core
        .step(now, input)
        .flatMap((effect) => (effect.kind === 'publish' ? [effect.message] : []));
    const hear = (message: Message): Message[] => step({ kind: 'message', message, sender: '' });
    expect(step({ kind: 'started' })).toContainEqual({ kind: 'LoadTip', session: seed });
    const tip = {
      kind: 'TipLoaded',
      timeNanos: 1n,
      subnetState: new Uint8Array(),
      canisters: [],
    } as const;
    expect(hear({ ...tip, height: 8, session: new Uint8Array(32) })).toEqual([]);
    expect(hear({ ...tip, height: 0, session: seed })).toContainEqual(
      expect.objectContaining({ kind: 'RequestBatches', fromHeight: 1 }),
    );
    const batch = { timeNanos: 2n, randomness: new Uint8Array(32), blockHash: new Uint8Array(32) };
    expect(hear({ kind: 'BatchReady', height: 1, ...batch, ingress: [] })).toContainEqual(
      expect.objectContaining({ kind: 'BatchExecuted', height: 1, session: seed }),
    );
  });

  it('applies batches in order, whatever order they come in, each once', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    const from = replica.store.height;
    const batches = [1, 2, 3, 4].map((step) => {
      replica.timeNanos += SECOND;
      return replica.batch([replica.ingress(id, 'silent')], from + step);
    });
    for (const index of [3, 1, 1, 0, 2, 0, 3]) replica.hear(batches[index] as never);
    expect(replica.store.height).toBe(from + 4);
    expect(count(replica, id)).toBe(4n);
  });

  it('asks for a batch that is missing, and for the first when none comes', () => {
    const replica = new Replica();
    expect(replica.heard('RequestBatches').at(-1)?.fromHeight).toBe(1);
    replica.hear(replica.batch([], 2));
    const before = replica.heard('RequestBatches').length;
    replica.elapse(250);
    expect(replica.heard('RequestBatches').length).toBe(before + 1);
    replica.elapse(10_000);
    expect(replica.heard('RequestBatches').length).toBeGreaterThan(before + 3);
  });

  it('loads its tip although half of what it says is lost', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    replica.call(id, 'silent');
    let said = 0;
    const again = replica.restart({ loses: () => said++ % 2 === 0 });
    again.elapse(5_000);
    expect(again.core.view()).toMatchObject({ ready: true, height: replica.store.height });
    const query = {
      kind: 'ExecuteQuery',
      queryId: utf8('0123456789abcdef'),
      sender: id,
      canisterId: id,
      methodName: 'get',
      argument: utf8(''),
    } as const;
    again.hear(query);
    again.elapse(5_000);
    again.hear({ ...query, queryId: utf8('fedcba9876543210') });
    const answers = again.heard('QueryAnswered');
    expect(answers.length).toBeGreaterThan(0);
    expect(answers[0]?.outcome).toMatchObject({ kind: 'reply' });
  });

  it('loads many canisters at once, some at a time', () => {
    const replica = new Replica();
    const ids = Array.from({ length: 80 }, (_, index) => {
      const own =
        module(`(data (i32.const 0) "${String.fromCharCode(32 + index).replace(/["\\]/, 'x')}${index}")
        ${query('get', replyNumber('(i64.load (i32.const 0))'))}`);
      return deploy(replica, own);
    });
    const before = ids.map((id) => number(replied(replica.query(id, 'get'))));
    let isDeaf = true;
    const asked = new Set<string>();
    const loses = (message: Message): boolean => {
      if (message.kind !== 'LoadMemory') return false;
      asked.add(toHex(message.canisterId));
      return isDeaf;
    };
    const again = replica.restart({ loses, lateAnswers: true });
    const queryIds = ids.map((_, index) => utf8(`many ${index}`.padEnd(16)));
    for (const [index, canisterId] of ids.entries()) {
      const queryId = queryIds[index] as Uint8Array;
      again.hear({
        kind: 'ExecuteQuery',
        queryId,
        sender: canisterId,
        canisterId,
        methodName: 'get',
        argument: utf8(''),
      });
    }
    expect(asked.size).toBe(OPENINGS);
    isDeaf = false;
    again.elapse(1_000);
    expect(queryIds.map((queryId) => number(replied(again.answerTo(queryId))))).toEqual(before);
  });

  it('says a height again until it is stored, and on request', () => {
    let losing = true;
    const replica = new Replica({ loses: (message) => losing && message.kind === 'BatchExecuted' });
    replica.timeNanos += SECOND;
    replica.hear(replica.batch([], 1));
    replica.timeNanos += SECOND;
    replica.hear(replica.batch([], 2));
    expect(replica.store.height).toBe(0);
    losing = false;
    replica.elapse(2_500);
    expect(replica.store.height).toBeGreaterThan(0);
    replica.hear({ kind: 'RequestExecuted', fromHeight: 2 });
    expect(replica.store.height).toBe(2);
    const said = replica.heard('BatchExecuted').length;
    replica.elapse(5_000);
    expect(replica.heard('BatchExecuted').length).toBe(said);
  });

  it('waits for the store when too many heights are not stored', () => {
    const heard: number[] = [];
    const replica = new Replica({
      loses: (message) => {
        if (message.kind === 'BatchExecuted') heard.push(message.height);
        return message.kind === 'BatchExecuted';
      },
    });
    for (let height = 1; height <= 140; height++) {
      replica.timeNanos += SECOND;
      replica.hear(replica.batch([], height));
    }
    expect(Math.max(...heard)).toBe(128);
    replica.hear({ kind: 'StateCommitted', height: 100, durable: true });
    expect(Math.max(...heard)).toBe(140);
  });
});

describe('the same batches give the same heights', () => {
  const COUNTER = motoko(
    'persistent actor { var n = 0; public func inc() : async Nat { n += 1; n } }',
  );

  /** Everything a height says, as text. */
  const shown = (executed: BatchExecuted): string =>
    JSON.stringify(executed, (_key, value) => {
      if (typeof value === 'bigint') return `${value}n`;
      return value instanceof Uint8Array ? toHex(value) : value;
    });

  function play(replica: Replica, restartAt: number): string[] {
    let world = replica;
    const heights: string[] = [];
    const ids = [0, 1, 2].map(() => create(world));
    for (const [index, id] of ids.entries()) {
      replied(install(world, id, [PROXY, BEATING, COUNTER][index] as Uint8Array));
    }
    const [a, b, motokos] = ids as [Uint8Array, Uint8Array, Uint8Array];
    for (let step = 0; step < 12; step++) {
      if (step === restartAt) world = world.restart();
      const calls = [
        world.ingress(a, 'call', {
          argument: callTo(b, 'echo', { cycles: 5n, times: 3, payload: utf8(`${step}`) }),
        }),
        world.ingress(b, 'call', { argument: callTo(a, 'accept', { cycles: 1000n }) }),
        world.ingress(a, 'callTrapping', { argument: callTo(b, 'silent') }),
        world.ingress(b, 'call', {
          argument: callTo(MANAGEMENT, 'raw_rand', { payload: candid.encode([], []) }),
        }),
        world.ingress(a, 'print', { argument: utf8(`line ${step}`) }),
        world.ingress(b, 'trap'),
        world.ingress(motokos, 'inc', { argument: candid.encode([], []) }),
      ];
      heights.push(shown(world.block(calls, 7n * SECOND)));
    }
    // Long after, so that requests are forgotten.
    for (let wait = 0; wait < 2; wait++) heights.push(shown(world.block([], 400n * SECOND)));
    return heights;
  }

  it('with answers in any order, and restarted midway', () => {
    const plain = play(new Replica(), -1);
    expect(play(new Replica({ lateAnswers: true }), -1)).toEqual(plain);
    expect(play(new Replica(), 5)).toEqual(plain);
    expect(play(new Replica({ lateAnswers: true }), 9)).toEqual(plain);
    expect(plain[11]).toContain('"status":"replied"');
  });
});

describe('what is said of the tip', () => {
  it('work that waits and the next due time', () => {
    const replica = new Replica();
    const id = deploy(replica, PROXY);
    expect(replica.advanced()).toMatchObject({ workPending: false });
    expect(replica.advanced().nextTimerNanos).toBeUndefined();
    const argument = callTo(MANAGEMENT, 'raw_rand', { payload: candid.encode([], []) });
    const call = replica.ingress(id, 'call', { argument });
    replica.block([call]);
    expect(replica.advanced().workPending).toBe(true);
    expect(answerOf(replied(replica.await(call))).refund).toBe(0n);
    expect(replica.advanced().workPending).toBe(false);
  });

  it('readiness, from the start and on request', () => {
    const replica = new Replica();
    const said = (): readonly Extract<Message, { kind: 'Readiness' }>[] =>
      replica.heard('Readiness');
    expect(said().map(({ ready }) => ready)).toEqual([false, true]);
    replica.hear({ kind: 'RequestReadiness', service: 'execution' });
    expect(said().at(-1)).toMatchObject({ service: 'execution', ready: true });
  });

  it('too early: queries and calls are refused with code 2', () => {
    const replica = new Replica({ loses: (message) => message.kind === 'LoadTip' });
    const early = ask(replica, MANAGEMENT);
    replica.elapse(QUERY_TIP_WAIT_MS);
    expect(refused(replica.answerTo(early))).toMatchObject({ code: 2 });
    expect(replica.inspect(MANAGEMENT, 'canister_status')).toMatchObject({ rejectCode: 2 });
  });
});
