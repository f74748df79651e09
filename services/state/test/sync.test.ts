import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine, sha256 } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { MemoryStore } from '@internode/storage/memory';
import { describe, expect, test } from 'vitest';
import { EngineInPlace } from '../src/adapters/engine-in-place.ts';
import { SYNC_LIMITS } from '../src/limits.ts';
import { History } from './history.ts';
import { type MessageOf, type Rig, request } from './rig.ts';
import { epochBegan, packageOf, replica, Subnet } from './subnet.ts';

setHashEngine(nodeHashEngine);

type Made = MessageOf<'CheckpointMade'>;

/** A replica that has executed `batches` and made a checkpoint of the last one. */
function donorOf(batches: ReturnType<History['batches']>): { donor: Rig; made: Made } {
  const donor = replica();
  donor.tell(epochBegan(0, batches.length));
  for (const each of batches) donor.tell(each);
  return { donor, made: madeBy(donor) };
}

function madeBy(rig: Rig): Made {
  const made = rig.last('CheckpointMade');
  if (made === undefined) throw new Error('no checkpoint was made');
  return made;
}

/** What is really there, row by row. */
function manifestRoot(store: MemoryStore, height: number): string {
  const answer = new EngineInPlace(store).call({ kind: 'checkpoint', height });
  return answer.kind === 'checkpoint' ? toHex(answer.manifestRoot) : answer.kind;
}

/** What execution is told of the tip, briefly. */
function told(rig: Rig) {
  const tip = rig.last('TipLoaded');
  return tip?.canisters.map((image) => ({
    ...image,
    systemState: toHex(sha256(image.systemState)),
  }));
}

function sync(rig: Rig, made: Made, peers: Uint8Array[]): void {
  rig.tell({ kind: 'SyncState', package: packageOf(made), peers });
}

describe('a replica that is behind', () => {
  test('and empty fetches the whole state and goes on from it', () => {
    const batches = new History(1).batches(60);
    const subnet = new Subnet();
    const { donor, made } = donorOf(batches.slice(0, 50));
    subnet.add(1, donor);
    const joiner = subnet.add(2, replica());
    joiner.tell(epochBegan(50, 60));
    sync(joiner, made, subnet.peers(1));
    expect(joiner.last('Readiness')).toMatchObject({ ready: false });
    subnet.carry();
    expect(joiner.event('SyncDone')).toHaveLength(1);
    expect(joiner.certifiedHeight).toBe(50);
    expect(joiner.last('Readiness')).toMatchObject({ ready: true, height: 50 });
    expect(joiner.last('StateCommitted')).toMatchObject({ height: 50 });
    expect(madeBy(joiner)).toEqual(made);
    donor.tell(epochBegan(50, 60));
    for (const each of batches.slice(50)) for (const rig of [donor, joiner]) rig.tell(each);
    expect(joiner.root).toBe(donor.root);
    expect(madeBy(joiner).height).toBe(60);
    expect(madeBy(joiner)).toEqual(madeBy(donor));
  });

  test('fetches what differs only, whatever came, changed and went', () => {
    let reused = 0;
    for (let seed = 10; seed < 15; seed++) {
      const batches = new History(seed).batches(45);
      const subnet = new Subnet();
      const { donor, made } = donorOf(batches);
      subnet.add(1, donor);
      const joiner = subnet.add(2, replica());
      for (const each of batches.slice(0, 8 * (seed - 9))) joiner.tell(each);
      sync(joiner, made, subnet.peers(1));
      subnet.carry();
      const [done] = joiner.event('SyncDone');
      const whole = donor.event('CheckpointMade')[0]?.bytes ?? 0;
      expect((done?.bytesFetched ?? 0) + (done?.bytesReused ?? 0)).toBe(whole);
      reused += done?.bytesReused ?? 0;
      expect(manifestRoot(joiner.store, 45)).toBe(toHex(made.manifestRoot));
      const again = replica({ store: joiner.store, finalHeight: 45 });
      expect(again.certifiedHeight).toBe(45);
      again.tell({ kind: 'LoadTip' });
      donor.tell({ kind: 'LoadTip' });
      expect(told(again)).toEqual(told(donor));
    }
    expect(reused).toBeGreaterThan(1_000_000);
  });

  test('of calls whose ids are the last there can be goes on from what it has', () => {
    const batches = new History(11).batches(40).map((each) => {
      const { height } = each;
      const last = new Uint8Array(32).fill(0xff).fill(height, 2);
      return { ...each, requests: [...each.requests, request(height, { requestId: last })] };
    });
    const subnet = new Subnet();
    const donor = subnet.add(1, replica());
    donor.tell(epochBegan(0, 30));
    for (const each of batches.slice(0, 30)) donor.tell(each);
    donor.tell(epochBegan(30, 40));
    for (const each of batches.slice(30)) donor.tell(each);
    const made = madeBy(donor);
    expect(toHex(made.manifestRoot)).toBe(manifestRoot(donor.store, 40));
    const joiner = subnet.add(2, replica());
    for (const each of batches.slice(0, 12)) joiner.tell(each);
    sync(joiner, made, subnet.peers(1));
    subnet.carry();
    expect(joiner.event('SyncPeerDropped')).toEqual([]);
    expect(joiner.certifiedHeight).toBe(40);
    expect(manifestRoot(joiner.store, 40)).toBe(toHex(made.manifestRoot));
  });

  test('is told nothing about memories while they change, and the execution of before is not heard', () => {
    const batches = new History(2).batches(30);
    const subnet = new Subnet();
    const { donor, made } = donorOf(batches);
    subnet.add(1, donor);
    const joiner = subnet.add(2, replica());
    for (const each of batches.slice(0, 10)) joiner.tell(each);
    sync(joiner, made, subnet.peers(1));
    const said = joiner.said.length;
    const [changed] = batches[0]?.canisters ?? [];
    const canisterId = changed?.canisterId ?? new Uint8Array(10);
    joiner.tell({ kind: 'LoadMemory', canisterId, memory: 'heap', fromIndex: 0 });
    joiner.tell({ kind: 'LoadTip' });
    joiner.tell({ ...(batches[10] as (typeof batches)[0]) });
    expect(joiner.read(['time']).refusal).toBeDefined();
    const kinds = joiner.said.slice(said).map(({ kind }) => kind);
    expect(kinds).toEqual(['CertifiedRead']);
    subnet.carry();
    expect(joiner.last('TipLoaded')).toMatchObject({ height: 30 });
    expect(joiner.last('StateHashed')).toMatchObject({ height: 30 });
  });

  test('ignores what it does not need and what the subnet did not sign', () => {
    const batches = new History(3).batches(20);
    const { donor, made } = donorOf(batches.slice(0, 10));
    const ignored = (rig: Rig) => rig.event('MessageIgnored').map(({ reason }) => reason);
    const joiner = replica();
    const forged = packageOf({ ...made, height: 11 });
    const { signature } = packageOf(made);
    joiner.tell({ kind: 'SyncState', package: { ...forged, signature }, peers: [] });
    expect(ignored(joiner)).toEqual(['the subnet did not sign the package']);
    joiner.tell({
      kind: 'SyncState',
      package: { ...forged, signature: signature.slice(1) },
      peers: [],
    });
    expect(ignored(joiner).at(-1)).toBe('the package is incomplete');
    for (const each of batches) joiner.tell(each);
    expect(joiner.certifiedHeight).toBe(20);
    const said = joiner.said.length;
    sync(joiner, made, []);
    expect(joiner.said).toHaveLength(said);
    expect(donor.certifiedHeight).toBe(10);
  });
});

describe('a donor', () => {
  test('serves the height of its checkpoint while later heights are executed and written', () => {
    const batches = new History(4).batches(60);
    const subnet = new Subnet();
    const { donor, made } = donorOf(batches.slice(0, 30));
    subnet.add(1, donor);
    const joiner = subnet.add(2, replica());
    sync(joiner, made, subnet.peers(1));
    for (const each of batches.slice(30)) {
      donor.tell(each);
      subnet.carry(1);
    }
    subnet.carry();
    expect(joiner.certifiedHeight).toBe(30);
    expect(manifestRoot(joiner.store, 30)).toBe(toHex(made.manifestRoot));
  });

  test('says its newest checkpoint when asked, also after a restart', () => {
    const { donor, made } = donorOf(new History(5).batches(10));
    const said = donor.allSaid('CheckpointMade').length;
    donor.tell({ kind: 'RequestCertified' });
    donor.tell(epochBegan(10, 20));
    expect(donor.allSaid('CheckpointMade')).toHaveLength(said + 2);
    const again = replica({ store: donor.store, finalHeight: 10 });
    expect(madeBy(again)).toEqual(made);
  });

  test('goes on serving the checkpoints on its disk after a power cut, whatever was written since', () => {
    for (let seed = 0; seed < 4; seed++) {
      const batches = new History(40 + seed).batches(40);
      const subnet = new Subnet();
      const first = replica();
      first.tell(epochBegan(0, 20));
      for (const each of batches.slice(0, 20)) first.tell(each);
      const made = madeBy(first);
      first.tell(epochBegan(20, 30));
      for (const each of batches.slice(20, 26 + seed)) first.tell(each);
      first.store.crash(first.store.unsyncedCount - seed);
      const donor = subnet.add(1, replica({ store: first.store, finalHeight: 20 }));
      expect(donor.event('CheckpointsKept')).toEqual([{ kind: 'CheckpointsKept', heights: [20] }]);
      for (const each of batches.slice(20)) donor.tell(each);
      const joiner = subnet.add(2, replica());
      sync(joiner, made, subnet.peers(1));
      subnet.carry();
      expect(joiner.certifiedHeight).toBe(20);
      expect(manifestRoot(joiner.store, 20)).toBe(toHex(made.manifestRoot));
    }
  });

  test('whose checkpoint on the disk is damaged says so, serves it no more and makes the next one', () => {
    const batches = new History(45).batches(20);
    const { donor: first, made } = donorOf(batches.slice(0, 10));
    const { store } = first;
    for (const each of batches.slice(10, 15)) first.tell(each);
    // The rows of another height under the name of this one.
    store.keepNow('10');
    const subnet = new Subnet();
    const donor = subnet.add(1, replica({ store, finalHeight: 15 }));
    const joiner = subnet.add(2, replica());
    sync(joiner, made, subnet.peers(1));
    subnet.carry();
    expect(joiner.certifiedHeight).toBe(0);
    expect(joiner.event('SyncPeerDropped')).toEqual([]);
    expect(donor.event('CheckpointDropped')).toMatchObject([{ height: 10 }]);
    expect(store.kept).toEqual([]);
    donor.tell(epochBegan(10, 20));
    for (const each of batches.slice(15)) donor.tell(each);
    expect(madeBy(donor).height).toBe(20);
    sync(joiner, madeBy(donor), subnet.peers(1));
    for (let i = 0; i < 40; i++) {
      joiner.advance(1_000);
      subnet.carry();
    }
    expect(joiner.certifiedHeight).toBe(20);
  });

  test('whose checkpoints are gone sends nobody astray: a newer package is taken', () => {
    const batches = new History(6).batches(40);
    const subnet = new Subnet();
    const donor = subnet.add(1, replica());
    donor.tell(epochBegan(0, 10));
    const made: Made[] = [];
    for (const each of batches) {
      donor.tell(each);
      if (each.height % 10 > 0) continue;
      made.push(madeBy(donor));
      donor.tell(epochBegan(each.height, each.height + 10));
    }
    const joiner = subnet.add(2, replica());
    sync(joiner, made[0] as Made, subnet.peers(1));
    subnet.carry();
    expect(joiner.event('SyncDone')).toHaveLength(0);
    sync(joiner, made[3] as Made, subnet.peers(1));
    for (let i = 0; i < 40; i++) {
      joiner.advance(1_000);
      subnet.carry();
    }
    expect(joiner.certifiedHeight).toBe(40);
  });

  test('that makes way for a newer package halfway leaves nothing of the older one behind', () => {
    const idOf = (height: number) => new Uint8Array(32).fill(0xab, 0, 2).fill(height, 2);
    const reply = new Uint8Array(400_000);
    const batches = new History(12).batches(20).map((each) => {
      const { height } = each;
      return height <= 10
        ? { ...each, requests: [request(height, { requestId: idOf(height), reply })] }
        : { ...each, requests: [], forgottenRequests: height % 2 > 0 ? [idOf(height - 10)] : [] };
    });
    const donor = replica();
    donor.tell(epochBegan(0, 10));
    for (const each of batches.slice(0, 10)) donor.tell(each);
    const older = madeBy(donor);
    donor.tell(epochBegan(10, 20));
    for (const each of batches.slice(10)) donor.tell(each);
    const newer = madeBy(donor);
    let halves = 0;
    for (let answers = 1; halves < answers; answers++) {
      const subnet = new Subnet();
      subnet.add(1, donor);
      const joiner = subnet.add(2, replica());
      joiner.tell(epochBegan(10, 20));
      let given = 0;
      let isSilent = true;
      subnet.meddle(1, (body) => (isSilent && given++ >= answers ? undefined : body));
      sync(joiner, older, subnet.peers(1));
      subnet.carry();
      if (joiner.event('SyncDone').length > 0) break;
      halves += 1;
      sync(joiner, newer, subnet.peers(1));
      joiner.advance(SYNC_LIMITS.stuckMs + 1_000);
      isSilent = false;
      for (let i = 0; i < 40; i++) {
        subnet.carry();
        joiner.advance(1_000);
      }
      expect(joiner.event('SyncPeerDropped')).toEqual([]);
      expect(joiner.certifiedHeight).toBe(20);
      expect(madeBy(joiner)).toEqual(newer);
      expect(manifestRoot(joiner.store, 20)).toBe(toHex(newer.manifestRoot));
    }
    expect(halves).toBeGreaterThan(5);
  });

  test('that has a newer package before the older state is there leads to the newer one', () => {
    const batches = new History(13).batches(20);
    const subnet = new Subnet();
    const donor = subnet.add(1, replica());
    donor.tell(epochBegan(0, 10));
    for (const each of batches.slice(0, 10)) donor.tell(each);
    const older = madeBy(donor);
    donor.tell(epochBegan(10, 20));
    for (const each of batches.slice(10)) donor.tell(each);
    const newer = madeBy(donor);
    for (const steps of [1, 3, 5, 8]) {
      const joiner = subnet.add(2, replica());
      sync(joiner, older, subnet.peers(1));
      subnet.carry(steps);
      joiner.holdsInstall = true;
      sync(joiner, newer, subnet.peers(1));
      subnet.carry();
      expect(joiner.event('SyncDone')).toMatchObject([{ height: 10 }]);
      // Consensus says it again and again.
      sync(joiner, newer, subnet.peers(1));
      expect(joiner.event('SyncBegan')).toHaveLength(1);
      joiner.holdsInstall = false;
      joiner.release();
      expect(joiner.certifiedHeight).toBe(10);
      sync(joiner, newer, subnet.peers(1));
      subnet.carry();
      expect(joiner.certifiedHeight).toBe(20);
      expect(manifestRoot(joiner.store, 20)).toBe(toHex(newer.manifestRoot));
    }
  });

  test('that is told of the epoch late makes the next checkpoint, and one that is told in time this one', () => {
    const batches = new History(7).batches(12);
    const donor = replica();
    for (const each of batches.slice(0, 8)) donor.tell(each);
    donor.tell(epochBegan(8, 12));
    expect(madeBy(donor).height).toBe(8);
    donor.tell(epochBegan(7, 12));
    expect(madeBy(donor).height).toBe(8);
    for (const each of batches.slice(8)) donor.tell(each);
    expect(madeBy(donor).height).toBe(12);
  });
});

describe('an interruption', () => {
  /** Runs until the process of the joiner is killed after `steps`; answers whether it came so far. */
  function killed(
    batches: ReturnType<History['batches']>,
    steps: number,
    survivors: (unsynced: number) => number,
  ) {
    const subnet = new Subnet();
    const { donor, made } = donorOf(batches);
    subnet.add(1, donor);
    const store = new MemoryStore();
    const first = subnet.add(2, replica({ store }));
    for (const each of batches.slice(0, 4)) first.tell(each);
    first.stepsMax = first.steps + steps;
    sync(first, made, subnet.peers(1));
    subnet.carry();
    store.crash(survivors(store.unsyncedCount));
    const joiner = subnet.replace(2, replica({ store }));
    const isDone = first.steps < first.stepsMax;
    const before = subnet.bytes;
    sync(joiner, made, subnet.peers(1));
    subnet.carry();
    expect(manifestRoot(store, made.height)).toBe(toHex(made.manifestRoot));
    if (joiner.event('SyncDone').length > 0) expect(joiner.certifiedHeight).toBe(made.height);
    return { isDone, refetched: subnet.bytes - before };
  }

  test.each([
    ['nothing unsynced lost', 1, (unsynced: number) => unsynced],
    ['all unsynced lost', 3, () => 0],
    ['half of the unsynced lost', 3, (unsynced: number) => Math.floor(unsynced / 2)],
  ])(
    'at every step, %s, is gone on from, and what is there is not fetched again',
    (_, stride, survivors) => {
      const batches = new History(8).batches(8);
      let whole = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let steps = 1; ; steps += stride) {
        const { isDone, refetched } = killed(batches, steps, survivors);
        if (steps === 1) whole = refetched;
        if (!isDone) least = Math.min(least, refetched);
        if (!isDone) continue;
        expect(steps).toBeGreaterThan(20);
        if (stride === 1) expect(least).toBeLessThan(whole / 2);
        return;
      }
    },
  );

  test('by a full disk waits and goes on', () => {
    const batches = new History(9).batches(15);
    for (let full = 1; full < 12; full += 2) {
      const subnet = new Subnet();
      const { donor, made } = donorOf(batches);
      subnet.add(1, donor);
      const joiner = subnet.add(2, replica());
      if (full === 1) joiner.store.setFull(true);
      sync(joiner, made, subnet.peers(1));
      subnet.carry(full);
      joiner.store.setFull(true);
      subnet.carry();
      if (joiner.event('SyncDone').length === 0) {
        expect(joiner.last('Readiness')).toMatchObject({ ready: false });
        joiner.advance(3_000);
        subnet.carry();
      }
      joiner.store.setFull(false);
      for (let i = 0; i < 8; i++) {
        joiner.advance(1_500);
        subnet.carry();
      }
      expect(manifestRoot(joiner.store, 15)).toBe(toHex(made.manifestRoot));
      expect(joiner.last('Readiness')).toMatchObject({ ready: true, height: 15 });
    }
  });
});

describe('a subnet of one', () => {
  test('makes no checkpoint, asks nobody, and answers that it has none', () => {
    const alone = replica({ checkpoints: false });
    alone.tell(epochBegan(0, 5));
    for (const each of new History(1).batches(8)) alone.tell(each);
    expect(alone.last('CheckpointMade')).toBeUndefined();
    expect(alone.last('RequestEpoch')).toBeUndefined();
    const { made } = donorOf(new History(1).batches(10));
    sync(alone, made, [Uint8Array.of(1, 2)]);
    expect(alone.certifiedHeight).toBe(8);
    expect(alone.last('AskPeer')).toBeUndefined();
  });
});
