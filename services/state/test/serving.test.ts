import type { SyncQuestion } from '@internode/contracts';
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { StorageFault } from '@internode/storage';
import { type HeldMemory, MemoryStore } from '@internode/storage/memory';
import { describe, expect, test } from 'vitest';
import { withChecksum, withoutChecksum } from '../src/adapters/checksum.ts';
import { hashOfChunk } from '../src/checkpoint/chunks.ts';
import { Engine, type Given } from '../src/checkpoint/engine.ts';
import type { ServedPart } from '../src/checkpoint/shelf.ts';
import type { Ask, Work } from '../src/checkpoint/work.ts';
import type { Row } from '../src/core/task.ts';
import { History } from './history.ts';
import { batch, change, Rig, record } from './rig.ts';

setHashEngine(nodeHashEngine);

const PAGES = 1_024;

/** A store whose canister has four blocks of pages, and its engine, whose works are driven step by step. */
function filled() {
  const store = new MemoryStore();
  const pages = Array.from({ length: PAGES }, (_, index) => ({
    index,
    content: new Uint8Array(4_096).fill((index % 255) + 1),
  }));
  const memories = [{ memory: 'heap', cleared: false, sizeBytes: PAGES * 4_096, pages }] as const;
  const rig = Rig.started({ store });
  rig.tell(batch(1, { canisters: [change(0, { memories, record: record() })] }));
  return engineOn(store);
}

function engineOn(store: MemoryStore) {
  const released = new Set<HeldMemory>();
  const aside = new Set<HeldMemory>();
  let isReopened = false;
  const engine = new Engine<HeldMemory>({
    hold: () => store.holdNow(),
    release: (held) => released.add(held),
    keep: (name) => {
      store.keepNow(name);
      return undefined;
    },
    kept: () => store.kept,
    holdKept: (name) => {
      const held = store.heldOf(name);
      aside.add(held);
      return held;
    },
    drop: (name) => store.dropNow(name),
    fill: () => undefined,
  });
  const perform = (ask: Ask<HeldMemory>): readonly Row[] => {
    if (ask.kind === 'write') store.writeNow(ask.batch.map(withChecksum), { sync: false });
    if (ask.kind !== 'read') return [];
    if (released.has(ask.held) || (isReopened && !aside.has(ask.held)))
      throw new StorageFault('full', 'not held any more');
    return ask.held.readNow({ ...ask.range, bytesMax: ask.bytesMax }).map(withoutChecksum);
  };
  /** Nothing of what was held is any more. */
  const reopen = () => {
    isReopened = true;
  };
  return { engine, perform, reopen };
}

function run<T>(
  work: Work<HeldMemory, T>,
  perform: (ask: Ask<HeldMemory>) => readonly Row[],
  begun = work.next([]),
): T {
  let next = begun;
  while (next.done !== true) {
    let rows: readonly Row[] | undefined;
    let fault: unknown;
    try {
      rows = perform(next.value);
    } catch (thrown) {
      fault = thrown;
    }
    next = rows === undefined ? work.throw(fault) : work.next(rows);
  }
  return next.value;
}

describe('chunks of a checkpoint', () => {
  test('are read once each, and their memory is used again', () => {
    const { engine, perform } = filled();
    const made = run(engine.call({ kind: 'checkpoint', height: 1 }), perform);
    if (made.kind !== 'checkpoint') throw new Error(made.kind);
    const { manifestRoot, chunks } = made;
    const ask = (indices: readonly number[]) =>
      engine.serve({ manifestRoot, part: 'chunks', indices });
    let reads = 0;
    const counted = (each: Ask<HeldMemory>) => {
      if (each.kind === 'read') reads += 1;
      return perform(each);
    };
    /** Four blocks of pages are the last chunks. */
    const pages = Array.from({ length: 4 }, (_, nth) => chunks - 4 + nth);
    const works: Work<HeldMemory, ServedPart>[] = pages.map((index) => ask([index]));
    const parts = works.map((work) => run(work, counted));
    expect(reads).toBe(4);
    const hashes = parts.map(({ part }) => hashOfChunk(part as Uint8Array));
    for (const { giveBack } of parts) giveBack?.();
    // Their memory is used again, and they are what they were.
    const again = pages.map((index) => {
      const { part, giveBack } = run(ask([index]), perform);
      const hash = hashOfChunk(part as Uint8Array);
      giveBack?.();
      return hash;
    });
    expect(again).toEqual(hashes);
    const several = run(ask([0, chunks - 1]), perform).part as Uint8Array;
    const last = run(ask([chunks - 1]), perform).part as Uint8Array;
    expect(several.subarray(-last.length)).toEqual(new Uint8Array(last));
  });

  test('are read from what was put aside once the store was opened again', () => {
    const { engine, perform, reopen } = filled();
    const made = run(engine.call({ kind: 'checkpoint', height: 1 }), perform);
    if (made.kind !== 'checkpoint') throw new Error(made.kind);
    const { manifestRoot, chunks } = made;
    const part = () =>
      run(engine.serve({ manifestRoot, part: 'chunks', indices: [chunks - 1] }), perform).part;
    const before = part();
    expect(before).toBeInstanceOf(Uint8Array);
    reopen();
    expect(part()).toEqual(before);
  });

  test('are not there any more when a newer checkpoint takes their place while they are read', () => {
    const { engine, perform } = filled();
    const checkpoint = (height: number) =>
      run(engine.call({ kind: 'checkpoint', height }), perform);
    const first = checkpoint(1);
    if (first.kind !== 'checkpoint') throw new Error(first.kind);
    const { manifestRoot, chunks } = first;
    const work = engine.serve({ manifestRoot, part: 'chunks', indices: [chunks - 1] });
    const begun = work.next([]);
    // The same again takes the place of the first.
    checkpoint(1);
    const retired = run(work, perform, begun);
    expect(retired).toEqual({ part: 'unknown_root' });
  });
});

describe('chunks of another', () => {
  test('are planned in the order of the keys that they bring, so that no table on disk spans others', () => {
    const [theirs, ours] = [new MemoryStore(), new MemoryStore()];
    const rig = Rig.started({ store: theirs });
    const batches = new History(34).batches(40);
    for (const each of batches) rig.tell(each);
    const [donor, joiner] = [engineOn(theirs), engineOn(ours)];
    const made = run(donor.engine.call({ kind: 'checkpoint', height: 40 }), donor.perform);
    if (made.kind !== 'checkpoint') throw new Error(made.kind);
    const { manifestRoot } = made;
    const asked = (part: SyncQuestion['part'], indices: readonly number[]) => {
      const found = run(donor.engine.serve({ manifestRoot, part, indices }), donor.perform);
      return new Uint8Array(found.part as Uint8Array);
    };
    const written: string[] = [];
    const watched = (each: Ask<HeldMemory>) => {
      if (each.kind === 'write') written.push(...each.batch.map(({ key }) => toHex(key)));
      return joiner.perform(each);
    };
    const answer = new Uint8Array(0);
    const take = (request: Given, content: Uint8Array) =>
      run(joiner.engine.take(request, content), watched);
    const head = take({ kind: 'target', manifestRoot, answer }, asked('manifest_head', []));
    if (head.kind !== 'target') throw new Error(head.kind);
    for (let index = 0; index < head.parts; index++)
      take({ kind: 'target-part', index, answer }, asked('sub_manifest', [index]));
    const plan = run(joiner.engine.call({ kind: 'plan' }), watched);
    if (plan.kind !== 'plan') throw new Error(plan.kind);
    for (const { indices } of plan.phases.flat()) {
      const taken = take({ kind: 'apply', indices, answer }, asked('chunks', indices));
      expect(taken.kind).toBe('applied');
    }
    const tables = written.map((key) => key.slice(0, 2));
    expect(new Set(tables).size).toBe(7);
    expect(tables).toEqual(tables.toSorted());
    const pages = written.filter((key) => key.startsWith('70'));
    expect(pages).toEqual(pages.toSorted());
  });
});
