import { toHex, utf8 } from '@internode/prelude';
import { MemoryStore } from '@internode/storage/memory';
import { describe, expect, test } from 'vitest';
import { withChecksum } from '../src/adapters/checksum.ts';
import { STATE_LIMITS } from '../src/index.ts';
import {
  batch,
  canister,
  change,
  page,
  Rig,
  type RigOptions,
  record,
  request,
  requestId,
  SUBNET,
} from './rig.ts';

type Pages = readonly { index: number; content: Uint8Array }[];

function heap(pages: Pages, parts: { cleared?: boolean; sizeBytes?: number } = {}) {
  return { memory: 'heap', cleared: false, sizeBytes: 655_360, pages, ...parts } as const;
}

/** A life of some heights in which everything that the store knows changes. */
function history() {
  const moduleHash = new Uint8Array(32).fill(3);
  const batches = [
    batch(1, {
      requests: [request(1, { status: 'processing' })],
      canisters: [
        change(1, {
          record: record(),
          memories: [
            heap([
              { index: 0, content: page(1) },
              { index: 5, content: page(2) },
            ]),
          ],
        }),
      ],
      modules: [{ hash: moduleHash, content: utf8('module') }],
    }),
    batch(2, {
      requests: [request(1)],
      canisters: [
        change(1, {
          systemState: utf8('second'),
          memories: [heap([{ index: 5, content: page(9) }])],
        }),
        change(2, { record: record() }),
      ],
      consumedCycles: Uint8Array.of(1, 0, 0),
    }),
    batch(3, {
      requests: [request(2)],
      canisters: [
        change(1, {
          memories: [heap([{ index: 1, content: page(4) }], { cleared: true, sizeBytes: 131_072 })],
        }),
      ],
    }),
    batch(4, { canisters: [change(2, { deleted: true })], forgottenRequests: [requestId(1)] }),
    batch(5, { droppedModules: [moduleHash] }),
    batch(6, {
      requests: [request(3)],
      canisters: [change(1, { memories: [heap([{ index: 7, content: page(5) }])] })],
    }),
  ];
  return { batches, moduleHash };
}

function restarted(store: MemoryStore, options: RigOptions & { finalHeight?: number } = {}): Rig {
  return Rig.started({ ...options, store });
}

function pagesOf(rig: Rig, index: number): [number, number | undefined][] {
  rig.tell({ kind: 'LoadMemory', canisterId: canister(index), memory: 'heap', fromIndex: 0 });
  const loaded = rig.last('MemoryLoaded');
  expect(loaded?.complete).toBe(true);
  return (loaded?.pages ?? []).map(({ index: at, content }) => [at, content[0]]);
}

describe('a restart', () => {
  test('finds the newest stored height, its root and everything that execution needs', () => {
    const store = new MemoryStore();
    const before = restarted(store);
    const { batches, moduleHash } = history();
    for (const each of batches.slice(0, 4)) before.tell(each);
    const rig = restarted(store, { finalHeight: 4 });
    expect(rig.event('StoreOpened')).toEqual([
      { kind: 'StoreOpened', height: 4, canisters: 1, requests: 1 },
    ]);
    expect(rig.root).toBe(before.root);
    expect(rig.certifiedHeight).toBe(4);
    rig.tell({ kind: 'LoadTip' });
    expect(rig.last('TipLoaded')).toEqual({
      kind: 'TipLoaded',
      height: 4,
      timeNanos: batch(4).timeNanos,
      subnetState: utf8('subnet 4'),
      canisters: [
        {
          canisterId: canister(1),
          systemState: utf8('system 1'),
          heapBytes: 131_072,
          stableBytes: 0,
        },
      ],
    });
    rig.tell({ kind: 'LoadRequests', after: new Uint8Array(0) });
    expect(rig.last('RequestsLoaded')).toMatchObject({
      complete: true,
      requests: [{ requestId: requestId(2), completed: true, expiryNanos: request(2).expiryNanos }],
    });
    expect(pagesOf(rig, 1)).toEqual([[1, 4]]);
    expect(pagesOf(rig, 2)).toEqual([]);
    rig.tell({ kind: 'LoadModule', hash: moduleHash });
    expect(rig.last('ModuleLoaded')).toEqual({
      kind: 'ModuleLoaded',
      hash: moduleHash,
      content: utf8('module'),
    });
    for (const each of batches.slice(4)) rig.tell(each);
    for (const each of batches.slice(4)) before.tell(each);
    expect(rig.root).toBe(before.root);
    rig.tell({ kind: 'LoadModule', hash: moduleHash });
    expect(rig.last('ModuleLoaded')?.content).toBeUndefined();
    expect(pagesOf(rig, 1)).toEqual([
      [1, 4],
      [7, 5],
    ]);
  });

  test('of an empty store is genesis', () => {
    const rig = Rig.started();
    rig.tell({ kind: 'LoadTip' });
    expect(rig.last('TipLoaded')).toMatchObject({ height: 0, timeNanos: 0n, canisters: [] });
    rig.tell(batch(1));
    expect(rig.certifiedHeight).toBe(1);
  });

  test('loads long histories and memories in pieces', () => {
    const store = new MemoryStore();
    const before = restarted(store);
    const many = Array.from({ length: 10_050 }, (_, i) => {
      const id = new Uint8Array(32);
      new DataView(id.buffer).setUint32(0, Math.imul(i + 1, 0x9e3779b1));
      return request(i, { requestId: id, status: i % 2 === 0 ? 'replied' : 'received' });
    });
    const pages = Array.from({ length: 600 }, (_, index) => ({
      index: index * 3,
      content: page(index),
    }));
    const canisters = Array.from({ length: 150 }, (_, i) => change(i, { record: record() }));
    canisters[1] = change(1, {
      record: record(),
      memories: [heap(pages, { sizeBytes: 100 * 65_536 })],
    });
    before.tell(batch(1, { requests: many, canisters }));
    const rig = restarted(store, { finalHeight: 1 });
    rig.tell({ kind: 'LoadTip' });
    expect(rig.last('TipLoaded')?.canisters.length).toBe(150);
    const seen: string[] = [];
    for (let after = new Uint8Array(0); ; ) {
      rig.tell({ kind: 'LoadRequests', after });
      const loaded = rig.last('RequestsLoaded');
      for (const { requestId: id } of loaded?.requests ?? []) seen.push(toHex(id));
      if (loaded?.complete !== false) break;
      after = loaded.requests.at(-1)?.requestId as typeof after;
    }
    expect(seen).toEqual(many.map(({ requestId: id }) => toHex(id)).sort());
    const indices: number[] = [];
    for (let fromIndex = 0; ; ) {
      rig.tell({ kind: 'LoadMemory', canisterId: canister(1), memory: 'heap', fromIndex });
      const loaded = rig.last('MemoryLoaded');
      expect(loaded?.pages.length).toBeLessThanOrEqual(255);
      indices.push(...(loaded?.pages ?? []).map(({ index }) => index));
      if (loaded?.complete !== false) break;
      fromIndex = (indices.at(-1) ?? 0) + 1;
    }
    expect(indices).toEqual(pages.map(({ index }) => index));
    expect(rig.root).toBe(before.root);
  });

  test('while execution loads, nothing is taken; what was missed is asked for afterwards', () => {
    const store = new MemoryStore();
    restarted(store).tell(batch(1));
    const rig = restarted(store, { finalHeight: 1 });
    rig.tell({ kind: 'LoadTip' });
    expect(rig.last('TipLoaded')?.height).toBe(1);
    rig.tell(batch(2));
    expect(rig.last('StateHashed')?.height).toBe(1);
    rig.tell({ kind: 'LoadRequests', after: new Uint8Array(0) });
    expect(rig.last('RequestExecuted')).toMatchObject({ fromHeight: 2 });
    rig.tell(batch(2));
    expect(rig.last('StateHashed')?.height).toBe(2);
  });

  test('a late batch of an execution of before a restart does not move what the new one loads', () => {
    const store = new MemoryStore();
    restarted(store).tell(batch(1));
    const rig = restarted(store, { finalHeight: 1 });
    const [before, session] = [utf8('before'), utf8('now')];
    rig.tell({ kind: 'LoadTip', session });
    rig.tell({ kind: 'LoadRequests', after: new Uint8Array(0), session });
    rig.tell(batch(2, { session: before }));
    rig.tell({
      kind: 'LoadMemory',
      canisterId: canister(1),
      memory: 'heap',
      fromIndex: 0,
      session,
    });
    expect(rig.last('StateHashed')?.height).toBe(1);
    for (const kind of ['TipLoaded', 'RequestsLoaded', 'MemoryLoaded'] as const)
      expect(rig.last(kind)?.session).toEqual(session);
    rig.tell(batch(2, { session }));
    expect(rig.last('StateHashed')?.height).toBe(2);
  });

  test('a late question for the tip of an execution of before does not shut out the new one', () => {
    const store = new MemoryStore();
    restarted(store).tell(batch(1));
    const rig = restarted(store, { finalHeight: 1 });
    rig.tell({ kind: 'LoadTip', session: utf8('before') });
    const second = batch(2, { session: utf8('now') });
    rig.tell(second);
    expect(rig.last('StateHashed')?.height).toBe(1);
    rig.advance(STATE_LIMITS.loadQuietMs);
    rig.tell(second);
    expect(rig.last('StateHashed')?.height).toBe(2);
  });

  test('a follower is told the tip too; whose batches are taken stays, and nothing waits for its history', () => {
    const store = new MemoryStore();
    const session = utf8('now');
    restarted(store).tell(batch(1, { session }));
    const rig = restarted(store, { finalHeight: 1 });
    rig.tell({ kind: 'LoadTip', session });
    rig.tell({ kind: 'LoadRequests', after: new Uint8Array(0), session });
    rig.holdsLoads = true;
    rig.tell({ kind: 'LoadTip', session: utf8('one'), reads: true });
    rig.tell({ kind: 'LoadTip', session: utf8('other'), reads: true });
    rig.tell(batch(2, { session }));
    rig.holdsLoads = false;
    rig.release();
    const told = rig.allSaid('TipLoaded').slice(-2);
    expect(told.map(({ height, session: of }) => [height, of])).toEqual([
      [1, utf8('one')],
      [1, utf8('other')],
    ]);
    // What came while the tip was read is asked for at once.
    expect(rig.last('RequestExecuted')).toMatchObject({ fromHeight: 2 });
    rig.tell(batch(2, { session: utf8('one') }));
    expect(rig.last('StateHashed')?.height).toBe(1);
    rig.tell(batch(2, { session }));
    expect(rig.last('StateHashed')?.height).toBe(2);
  });

  test('pages say what height they are not newer than', () => {
    const rig = Rig.started();
    rig.tell(batch(1));
    rig.holdsStore = true;
    rig.tell(batch(2));
    rig.tell({ kind: 'LoadMemory', canisterId: canister(1), memory: 'heap', fromIndex: 0 });
    expect(rig.last('MemoryLoaded')?.height).toBe(2);
  });

  test('an execution that never asks for the history does not hold the state for ever', () => {
    const store = new MemoryStore();
    restarted(store).tell(batch(1));
    const rig = restarted(store, { finalHeight: 1 });
    rig.tell({ kind: 'LoadTip' });
    rig.advance(STATE_LIMITS.loadQuietMs + 1);
    rig.tell(batch(2));
    expect(rig.certifiedHeight).toBe(2);
  });

  test('of execution alone: the tip is told when the store has all that was taken', () => {
    const rig = Rig.started();
    rig.holdsStore = true;
    rig.tell(batch(1));
    rig.tell(batch(2));
    rig.tell({ kind: 'LoadTip' });
    rig.tell(batch(3));
    expect(rig.last('TipLoaded')).toBeUndefined();
    rig.release();
    rig.commit();
    rig.release();
    expect(rig.last('TipLoaded')).toMatchObject({ height: 2, subnetState: utf8('subnet 2') });
  });

  test('a tip asked for again while it is being read is told once, and holds nothing up', () => {
    const rig = Rig.started();
    rig.holdsLoads = true;
    rig.tell({ kind: 'LoadTip' });
    rig.tell({ kind: 'LoadTip' });
    rig.holdsLoads = false;
    rig.release();
    expect(rig.allSaid('TipLoaded').length).toBe(1);
    rig.tell(batch(1));
    expect(rig.certifiedHeight).toBe(1);
  });

  test('more loads than fit at once are given up, and the tip with them until it is asked for again', () => {
    const rig = Rig.started();
    rig.tell(
      batch(1, { canisters: [change(1, { memories: [heap([{ index: 0, content: page(1) }])] })] }),
    );
    rig.holdsLoads = true;
    for (let i = 0; i <= STATE_LIMITS.loadsMax; i++) {
      rig.tell({ kind: 'LoadMemory', canisterId: canister(1), memory: 'heap', fromIndex: 0 });
    }
    expect(rig.held.length).toBe(STATE_LIMITS.loadsMax);
    rig.tell({ kind: 'LoadTip' });
    rig.holdsLoads = false;
    rig.release();
    rig.tell(batch(2));
    expect(rig.certifiedHeight).toBe(2);
    rig.tell({ kind: 'LoadTip' });
    expect(rig.last('TipLoaded')?.height).toBe(2);
  });

  test('garbage of a crash between write and sweep is swept at the next start', () => {
    const store = new MemoryStore();
    const { batches } = history();
    const rig = restarted(store);
    for (const each of batches.slice(0, 2)) rig.tell(each);
    rig.stepsMax = rig.steps + 4;
    rig.tell(batches[2] as (typeof batches)[0]);
    expect(pageRows(store)).toBe(3);
    const later = restarted(store, { finalHeight: 3 });
    later.advance(2_000);
    expect(pageRows(store)).toBe(1);
    expect(store.rangeNow({ gte: utf8('g'), lt: utf8('h'), limit: 9 })).toEqual([]);
  });
});

describe('memories in the store', () => {
  test('shrunk, cleared and deleted ones leave no page behind', () => {
    const store = new MemoryStore();
    const rig = restarted(store);
    const pages = Array.from({ length: 40 }, (_, index) => ({ index, content: page(index) }));
    rig.tell(batch(1, { canisters: [change(1, { record: record(), memories: [heap(pages)] })] }));
    expect(pageRows(store)).toBe(40);
    rig.tell(batch(2, { canisters: [change(1, { memories: [heap([], { sizeBytes: 65_536 })] })] }));
    expect(pageRows(store)).toBe(16);
    rig.tell(
      batch(3, {
        canisters: [
          change(1, { memories: [heap([{ index: 2, content: page(7) }], { cleared: true })] }),
        ],
      }),
    );
    rig.advance(2_000);
    expect(pageRows(store)).toBe(1);
    expect(pagesOf(rig, 1)).toEqual([[2, 7]]);
    rig.tell(batch(4, { canisters: [change(1, { deleted: true })] }));
    rig.advance(2_000);
    expect(
      store
        .rangeNow({ gte: utf8('a'), lt: utf8('~'), limit: 99 })
        .map(({ key }) => String.fromCharCode(key[0] ?? 0)),
    ).toEqual(['s', 't', 'z']);
  });

  test('a busy store gets many heights in one batch, and is synced within a second', () => {
    const rig = Rig.started();
    rig.holdsStore = true;
    rig.commit();
    for (let height = 1; height <= 50; height++) rig.tell(batch(height));
    expect(rig.held.length).toBe(1);
    rig.release();
    rig.commit();
    expect(rig.held.length).toBe(1);
    rig.release();
    expect(rig.allSaid('StateCommitted')).toEqual([
      { kind: 'StateCommitted', height: 1, durable: false },
      { kind: 'StateCommitted', height: 50, durable: false },
    ]);
    rig.holdsStore = false;
    rig.advance(STATE_LIMITS.syncMs + 1);
    expect(rig.last('StateCommitted')).toEqual({
      kind: 'StateCommitted',
      height: 50,
      durable: true,
    });
    expect(rig.store.unsyncedCount).toBe(0);
  });

  test('what is too much for the store is not taken', () => {
    const rig = Rig.started();
    rig.holdsStore = true;
    const pages = Array.from({ length: 16_384 }, (_, index) => ({ index, content: page(0) }));
    for (let height = 1; height <= 6; height++) {
      const place = change(height, { memories: [heap(pages, { sizeBytes: 2 ** 26 })] });
      rig.tell(batch(height, { canisters: [place] }));
    }
    expect(rig.last('StateHashed')?.height).toBe(4);
    rig.holdsStore = false;
    rig.release();
    expect(rig.last('RequestExecuted') ?? rig.advance(300)).toBeDefined();
    rig.advance(300);
    rig.tell(batch(5));
    expect(rig.certifiedHeight).toBe(5);
  });
});

describe('a crash', () => {
  /** Runs the history, dies after some step, loses some of what was not synced, and is restarted. */
  function crashed(stepsMax: number, survivors: (unsynced: number) => number) {
    const store = new MemoryStore();
    const rig = new Rig({ store });
    rig.stepsMax = stepsMax;
    rig.start();
    rig.consensusAt(0);
    const { batches } = history();
    for (const each of batches) {
      rig.tell(each);
      rig.advance(400);
    }
    store.crash(survivors(store.unsyncedCount));
    // All blocks whose execution was said had been final before.
    const finalHeight = rig.last('StateHashed')?.height ?? 0;
    return { store, rig, finalHeight, batches };
  }

  const roots = new Map<number, string>();
  {
    const rig = Rig.started();
    for (const each of history().batches) {
      rig.tell(each);
      roots.set(each.height, rig.root);
    }
  }

  for (const [loss, survivors] of [
    ['nothing unsynced lost', (count: number) => count],
    ['all unsynced lost', () => 0],
    ['half of the unsynced lost', (count: number) => count >> 1],
  ] as const) {
    test(`at every step, ${loss}: a whole height is found and certified heights never go back`, () => {
      let step = 1;
      for (; ; step++) {
        const { store, rig, finalHeight, batches } = crashed(step, survivors);
        if (rig.steps < step) break;
        const durable = rig.allSaid('StateCommitted').filter((said) => said.durable);
        const next = new Rig({ store });
        next.start();
        const height = next.event('StoreOpened')[0]?.height ?? -1;
        expect(height).toBeGreaterThanOrEqual(Math.max(0, ...durable.map((said) => said.height)));
        expect(height).toBeLessThanOrEqual(finalHeight);
        next.consensusAt(finalHeight);
        if (next.root !== '') expect(next.root).toBe(roots.get(height));
        for (const each of batches.slice(height, finalHeight)) next.tell(each);
        const said = next.allSaid('StateCertified').map((certified) => certified.height);
        const readable = next.allSaid('Readiness').filter(({ ready }) => ready);
        for (const each of [...said, ...readable.map((one) => one.height)]) {
          expect(each).toBeGreaterThanOrEqual(rig.certifiedHeight);
        }
        for (const each of batches.slice(finalHeight)) next.tell(each);
        expect(next.root).toBe(roots.get(6));
        expect(next.certifiedHeight).toBe(6);
        expect(pagesOf(next, 1)).toEqual([
          [1, 4],
          [7, 5],
        ]);
      }
      expect(step).toBeGreaterThan(20);
    });
  }

  test('before everything that was certified is there again, nothing is shown and readiness says what it waits for', () => {
    const store = new MemoryStore();
    const before = restarted(store);
    for (const each of history().batches) before.tell(each);
    store.crash(1);
    const rig = new Rig({ store });
    rig.start();
    expect(rig.last('Readiness')).toMatchObject({
      ready: false,
      height: 0,
      detail: 'waiting for consensus to say its height',
    });
    expect(rig.last('RequestReadiness')).toEqual({
      kind: 'RequestReadiness',
      service: 'consensus',
    });
    rig.consensusAt(6);
    const { batches } = history();
    for (const each of batches.slice(1, 5)) rig.tell(each);
    expect(rig.read(['time']).refusal).toMatchObject({ rejectCode: 2 });
    rig.tell({ kind: 'RequestCertified' });
    rig.tell({ kind: 'RequestReadiness', service: 'state' });
    expect(rig.allSaid('StateCertified')).toEqual([]);
    expect(rig.last('Readiness')).toMatchObject({
      ready: false,
      detail: 'waiting for the certification of height 6',
    });
    rig.tell(batches[5] as (typeof batches)[0]);
    expect(rig.last('Readiness')).toMatchObject({ ready: true, height: 6 });
    expect(rig.certifiedHeight).toBe(6);
    expect(rig.read(['time']).refusal).toBeUndefined();
  });

  test('a stored certification keeps us waiting even when consensus forgot', () => {
    const store = new MemoryStore();
    const before = restarted(store);
    before.tell(batch(1));
    before.tell(batch(2));
    before.advance(3_000);
    const value = store.getNow(utf8('z'));
    expect(value).toBeDefined();
    const old = new MemoryStore();
    const early = restarted(old);
    early.tell(batch(1));
    old.writeNow([{ key: utf8('z'), value }], { sync: true });
    const rig = restarted(old, { finalHeight: 0 });
    expect(rig.last('Readiness')).toMatchObject({ ready: false });
    rig.tell(batch(2));
    expect(rig.last('Readiness')).toMatchObject({ ready: true, height: 2 });
  });
});

describe('a full disk', () => {
  test('stops taking and certifying, says why, tries again, loses nothing', () => {
    const rig = Rig.started();
    rig.tell(batch(1, { requests: [request(1)] }));
    rig.store.setFull(true);
    rig.tell(batch(2, { requests: [request(2)] }));
    rig.tell(batch(3));
    expect(rig.last('Readiness')).toMatchObject({ ready: false });
    expect(rig.last('Readiness')?.detail).toContain('no space left');
    expect(rig.event('StoreFailing').length).toBe(1);
    const { certifiedHeight } = rig;
    rig.tell(batch(3));
    rig.advance(5_000);
    expect(rig.certifiedHeight).toBe(certifiedHeight);
    expect(rig.last('StateHashed')?.height).toBe(2);
    expect(rig.read(['request_status', requestId(1)]).refusal).toBeUndefined();
    rig.store.setFull(false);
    rig.advance(STATE_LIMITS.retryMs + 1);
    expect(rig.last('Readiness')).toMatchObject({ ready: true });
    expect(rig.last('RequestExecuted')).toMatchObject({ fromHeight: 3 });
    rig.tell(batch(3));
    expect(rig.certifiedHeight).toBe(3);
    expect(rig.last('StateCommitted')?.height).toBe(3);
    expect(rig.event('StoreRecovered').length).toBe(1);
  });
});

describe('a store that cannot be trusted', () => {
  function stored(): MemoryStore {
    const store = new MemoryStore();
    const rig = restarted(store);
    for (const each of history().batches) rig.tell(each);
    rig.advance(3_000);
    return store;
  }

  function expectRefused(rig: Rig, reason: RegExp): void {
    expect(rig.last('Readiness')).toMatchObject({ ready: false });
    expect(rig.last('Readiness')?.detail).toMatch(reason);
    expect(rig.event('StateRefused').length).toBe(1);
    rig.said.length = 0;
    rig.tell(batch(7));
    rig.tell({ kind: 'LoadTip' });
    rig.tell({
      kind: 'ReadCertified',
      readId: new Uint8Array(16),
      paths: [],
      certificateOnly: false,
    });
    expect(rig.said).toEqual([]);
  }

  test('one damaged bit in any row that is read at start refuses the start with what to do', () => {
    const rows = stored().rangeNow({ gte: utf8('a'), lt: utf8('~'), limit: 999 });
    const atStart = rows.filter(({ key }) => 'tzlcr'.includes(String.fromCharCode(key[0] ?? 0)));
    expect(atStart.length).toBeGreaterThanOrEqual(6);
    for (const { key, value } of atStart) {
      for (const at of [0, value.length >> 1, value.length - 1]) {
        const store = stored();
        const damaged = value.slice();
        damaged[at] = (damaged[at] ?? 0) ^ 0x10;
        store.writeNow([{ key, value: damaged }], { sync: true });
        expectRefused(restarted(store, { finalHeight: 6 }), /not what was written.*--clean/s);
      }
    }
  });

  test('a missing, an added and an exchanged row change the root and are refused', () => {
    const id = (index: number) => Uint8Array.of(0x72, ...requestId(index));
    const missing = stored();
    missing.writeNow([{ key: id(2), value: undefined }], { sync: true });
    expectRefused(restarted(missing, { finalHeight: 6 }), /root hash differs/);
    const exchanged = stored();
    exchanged.writeNow([{ key: id(2), value: exchanged.getNow(id(3)) }], { sync: true });
    expectRefused(restarted(exchanged, { finalHeight: 6 }), /not what was written/);
    const headless = stored();
    headless.writeNow([{ key: utf8('t'), value: undefined }], { sync: true });
    expectRefused(restarted(headless, { finalHeight: 6 }), /rows but no tip/);
  });

  test('a damaged page, state or module is never told to execution', () => {
    for (const [letter, ask] of [
      ['p', { kind: 'LoadMemory', canisterId: canister(1), memory: 'heap', fromIndex: 0 }],
      ['y', { kind: 'LoadTip' }],
      ['s', { kind: 'LoadTip' }],
    ] as const) {
      const store = stored();
      const [row] = store.rangeNow({ gte: utf8(letter), lt: utf8(`${letter}~`), limit: 1 });
      const value = row?.value.slice() as Uint8Array;
      value[value.length - 1] = (value[value.length - 1] ?? 0) ^ 1;
      store.writeNow([{ key: row?.key as Uint8Array, value }], { sync: true });
      const rig = restarted(store, { finalHeight: 6 });
      expect(rig.certifiedHeight).toBe(6);
      rig.tell(ask);
      expect(rig.last('MemoryLoaded') ?? rig.last('TipLoaded')).toBeUndefined();
      expectRefused(rig, /cannot be read: a stored row/);
    }
  });

  test('another subnet and another format are refused with what to do', () => {
    const subnet = { ...SUBNET, type: 'system' } as const;
    expectRefused(
      restarted(stored(), { subnet, finalHeight: 6 }),
      /belongs to a subnet.*--data-dir/s,
    );
    const store = stored();
    const tip = store.getNow(utf8('t'))?.subarray(4) as Uint8Array;
    const other = tip.slice();
    other[1] = 99;
    store.writeNow([withChecksum({ key: utf8('t'), value: other })], { sync: true });
    expectRefused(restarted(store, { finalHeight: 6 }), /format 99/);
  });
});

function pageRows(store: MemoryStore): number {
  return store.rangeNow({ gte: utf8('p'), lt: utf8('q'), limit: 9_999 }).length;
}
