import type { Message } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { CONSENSUS_LIMITS } from '../src/limits.ts';
import { tapeOf, World } from './world.ts';

describe('a subnet of one', () => {
  test('makes the first block at once, and one with ingress as soon as it comes', () => {
    const world = new World({ n: 1 });
    world.start();
    world.run(10);
    expect(world.batches(0).map((batch) => batch.height)).toEqual([1]);
    world.submit(0, 'a');
    world.run(5);
    expect(world.batches(0).map((batch) => batch.ingress.length)).toEqual([0, 1]);
    expect(world.node(0).said.some((message) => message.kind === 'PublishArtifact')).toBe(false);
  });

  test('makes a block a second when there is nothing to do', () => {
    const world = new World({ n: 1 });
    world.start();
    world.run(10_500);
    const { length } = world.batches(0);
    expect(length).toBeGreaterThanOrEqual(10);
    expect(length).toBeLessThanOrEqual(12);
  });

  test('time rises strictly, randomness is the hash of the tape, BlockFinalized names the ingress', () => {
    const world = new World({ n: 1 });
    world.start();
    for (let i = 0; i < 50; i += 1) world.at(i * 2, () => world.submit(0, `call ${i}`));
    world.run(500);
    let last = 0n;
    for (const batch of world.batches(0)) {
      expect(batch.timeNanos).toBeGreaterThan(last);
      last = batch.timeNanos;
      expect(batch.randomness).toEqual(sha256(tapeOf(batch.height)));
      const final = world.finals(0).find((message) => message.height === batch.height);
      expect(final?.ingressIds.map(toHex)).toEqual(
        batch.ingress.map((message) => toHex(message.requestId)),
      );
    }
    expect(world.batches(0).flatMap((batch) => batch.ingress)).toHaveLength(50);
  });

  test('pending work makes the next block at once, and a timer when it is due', () => {
    const world = new World({ n: 1, executes: false });
    world.start();
    world.run(10);
    const told = (
      height: number,
      more: { workPending: boolean; nextTimerNanos?: bigint },
    ): void => {
      world.tell(0, { kind: 'TipAdvanced', height, ...more });
      world.tell(0, {
        kind: 'StateCertified',
        height,
        root: new Uint8Array(32),
        timeNanos: 0n,
        completedRequests: [],
      });
    };
    told(1, { workPending: true });
    world.run(5);
    expect(world.batches(0)).toHaveLength(2);
    told(2, { workPending: false, nextTimerNanos: world.now().unixNanos + 300_000_000n });
    world.run(290);
    expect(world.batches(0)).toHaveLength(2);
    world.run(20);
    expect(world.batches(0)).toHaveLength(3);
  });

  test('stays at most two heights ahead of execution', () => {
    const world = new World({ n: 1, executes: false });
    world.start();
    for (let i = 0; i < 30; i += 1) world.at(i * 10, () => world.submit(0, `call ${i}`));
    world.run(1_500);
    expect(Math.max(...world.batches(0).map((batch) => batch.height))).toBe(2);
    // A batch may be lost: it is said again soon. An execution that is slow hears its batches again, too, and rarely.
    world.run(600);
    expect(world.batches(0).length).toBe(4);
    world.run(2_000);
    expect(world.batches(0).length).toBeLessThanOrEqual(6);
    world.tell(0, { kind: 'TipAdvanced', height: 1, workPending: false });
    world.run(20);
    expect(Math.max(...world.batches(0).map((batch) => batch.height))).toBe(3);
  });

  test('slows down when certification lags', () => {
    const world = new World({ n: 1, executes: false });
    world.start();
    for (let height = 1; height <= 6; height += 1) {
      world.submit(0, `call ${height}`);
      world.run(200);
      const { delivered } = world.node(0).core.view();
      world.tell(0, { kind: 'TipAdvanced', height: delivered, workPending: false });
    }
    // Three heights without certification are one more than free: the fourth waits 2 s, and the fifth four.
    expect(world.batches(0).length).toBe(3);
    world.run(4_000);
    const highest = (): number => Math.max(...world.batches(0).map((batch) => batch.height));
    expect(highest()).toBe(4);
    world.submit(0, 'another');
    world.tell(0, {
      kind: 'StateCertified',
      height: 3,
      root: new Uint8Array(32),
      timeNanos: 0n,
      completedRequests: [],
    });
    world.run(50);
    expect(highest()).toBe(5);
  });

  test('under load waits for as many calls as came last time, and no longer than it takes', () => {
    const world = new World({ n: 1 });
    world.start();
    world.run(10);
    const sizes = (): number[] => world.batches(0).map((batch) => batch.ingress.length);
    const submit = (name: string, count: number): void => {
      for (let i = 0; i < count; i += 1) world.submit(0, `${name} ${i}`);
    };
    submit('first', 1);
    world.run(1);
    submit('second', 20);
    world.run(3);
    const begun = sizes().length;
    expect(sizes().reduce((sum, size) => sum + size, 0)).toBe(21);
    submit('back', 15);
    world.run(3);
    // Five are still missing.
    expect(sizes()).toHaveLength(begun);
    submit('late', 6);
    world.run(4);
    expect(sizes().slice(begun)).toEqual([21]);
    submit('few', 4);
    world.run(5);
    expect(sizes()).toHaveLength(begun + 1);
    world.run(8);
    // Nobody else came: half a millisecond for each that came last time, and on.
    expect(sizes().slice(begun)).toEqual([21, 4]);
    world.run(100);
    submit('alone', 1);
    world.run(4);
    expect(sizes().slice(begun)).toEqual([21, 4, 1]);
  });

  test('under a steady load waits for nobody once as many are here as ever came lately, and finds out when more come', () => {
    const world = new World({ n: 1 });
    world.start();
    world.run(10);
    const sizes = (): number[] => world.batches(0).map((batch) => batch.ingress.length);
    let submitted = 0;
    const submit = (count: number): void => {
      for (let i = 0; i < count; i += 1) world.submit(0, `call ${submitted++}`);
    };
    // So many callers who call again as soon as they are answered.
    let callers = 0;
    const run = (ms: number, more: number): void => {
      callers += more;
      submit(more);
      for (let i = 0; i < ms; i += 1) {
        world.run(1);
        submit(callers - (submitted - sizes().reduce((sum, size) => sum + size, 0)));
      }
    };
    run(200, 20);
    // A height takes this world a millisecond; another to see that nobody comes would make it a hundred.
    expect(sizes().length).toBeGreaterThan(150);
    expect(sizes().slice(-8)).toEqual(Array.from({ length: 8 }, () => 20));
    run(200, 5);
    expect(sizes().slice(-8)).toEqual(Array.from({ length: 8 }, () => 25));
  });

  test('fills a block up to its limits and no further', () => {
    const world = new World({ n: 1 });
    world.start();
    for (let i = 0; i < 2_500; i += 1) world.submit(0, `call ${i}`);
    world.run(300);
    const sizes = world.batches(0).map((batch) => batch.ingress.length);
    expect(Math.max(...sizes)).toBe(CONSENSUS_LIMITS.payloadMessagesMax);
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(2_500);
  });

  test('never includes expired ingress, nor ingress of the far future, nor final ingress again', () => {
    const world = new World({ n: 1 });
    world.start();
    world.submit(0, 'late', -1_000);
    world.submit(0, 'far', 10_000_000);
    world.submit(0, 'good');
    world.run(50);
    world.submit(0, 'good');
    world.run(2_500);
    expect(world.batches(0).flatMap((batch) => batch.ingress)).toHaveLength(1);
    // Whoever offers final ingress has missed the news, and hears it again.
    const named = world.finals(0).filter((message) => message.ingressIds.length === 1);
    expect(named.length).toBe(2);
    expect(named[0]).toEqual(named[1]);
  });

  test('answers RequestBatches with what is durable, in order', () => {
    const world = new World({ n: 1 });
    world.start();
    for (let i = 0; i < 5; i += 1) world.at(i * 20, () => world.submit(0, `call ${i}`));
    world.run(300);
    const before = world.batches(0);
    world.tell(0, { kind: 'RequestBatches', fromHeight: 2 });
    world.run(1);
    expect(world.batches(0).slice(before.length)).toEqual(before.slice(1));
  });

  test('lost bus messages cost time only', () => {
    let state = 7;
    const random = (): number => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state / 2 ** 31;
    };
    const delay = (message: Message): number | undefined =>
      random() < 0.3 && message.kind !== 'IngressReceived' ? undefined : 0.1 + random() * 3;
    const world = new World({ n: 1, delay });
    world.start();
    for (let i = 0; i < 50; i += 1) world.at(i * 100, () => world.submit(0, `call ${i}`));
    world.run(30_000);
    const calls = new Set(
      world.batches(0).flatMap((batch) => batch.ingress.map((message) => toHex(message.requestId))),
    );
    expect(calls.size).toBe(50);
  });

  test('compacts its journal and restarts from it at once', () => {
    const world = new World({ n: 1, parameters: { idleBlockMs: 5 } });
    world.start();
    world.run(6_000);
    const node = world.node(0);
    expect(node.events.some((event) => event.kind === 'JournalCompacted')).toBe(true);
    expect(node.journal.length).toBeLessThanOrEqual(CONSENSUS_LIMITS.compactHeights + 10);
    const height = world.batches(0).length;
    expect(height).toBeGreaterThan(300);
    world.crash(0);
    world.startNode(0);
    expect(node.core.view().delivered).toBe(height);
    world.run(50);
    expect(Math.max(...world.batches(0).map((batch) => batch.height))).toBeGreaterThan(height);
  });

  test('restarts from every prefix of its journal that was durable, and says the same batches again', () => {
    const world = new World({ n: 1 });
    world.start();
    for (let i = 0; i < 12; i += 1) world.at(i * 20, () => world.submit(0, `call ${i}`));
    world.run(400);
    const { journal } = world.node(0);
    const said = world.batches(0);
    for (let entries = 0; entries <= journal.length; entries += 1) {
      const again = new World({ n: 1, executes: false });
      again.node(0).journal = journal.slice(0, entries);
      again.nowMs = 1_000;
      again.startNode(0);
      again.tell(0, { kind: 'RequestBatches', fromHeight: 1 });
      // Nothing leaves before it is certain that the disk has it.
      again.run(0.4);
      expect(again.batches(0)).toEqual([]);
      again.run(1);
      expect(again.batches(0).filter(({ height }) => height <= entries)).toEqual(
        said.slice(0, entries),
      );
      again.tell(0, { kind: 'TipAdvanced', height: entries, workPending: false });
      again.run(20);
      expect(Math.max(...again.batches(0).map((batch) => batch.height))).toBeGreaterThan(entries);
    }
  });

  test('says only heights that the next crash cannot take back', () => {
    const world = new World({ n: 1 });
    const heights = (): readonly number[] =>
      world.node(0).said.flatMap((m) => (m.kind === 'Readiness' ? [m.height] : []));
    world.start();
    world.submit(0, 'a');
    world.run(50);
    const durable = Math.max(...world.batches(0).map((batch) => batch.height));
    // The disk is slow: the next height is final, and nobody may hear of it yet.
    world.diskMs = 1_000;
    world.submit(0, 'b');
    world.run(20);
    expect(world.node(0).core.view().delivered).toBe(durable + 1);
    world.node(0).said.length = 0;
    world.tell(0, { kind: 'RequestReadiness', service: 'consensus' });
    world.run(10);
    expect(heights()).toEqual([]);
    // After a restart what was replayed counts when the disk has it for certain, and not before.
    world.node(0).said.length = 0;
    world.crash(0);
    world.startNode(0);
    world.tell(0, { kind: 'RequestReadiness', service: 'consensus' });
    world.run(900);
    expect(heights()).toEqual([]);
    world.run(200);
    expect(heights().at(0)).toBeGreaterThanOrEqual(durable + 1);
    expect(world.batches(0).at(0)?.height).toBeGreaterThanOrEqual(durable + 1);
  });
});
