import type { CatchUpPackage, Message } from '@internode/contracts';
import { catchUpMessage, dealingsEnd } from '@internode/crypto';
import { sha256 } from '@internode/encoding';
import { bytesEqual, toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { CATCH_UP_CONTENT } from '../src/core/wire.ts';
import { BEACON_LIMITS } from '../src/index.ts';
import { advance, certify, DkgNetwork, epoch, finalized, kept } from './dkg-network.ts';
import { bls } from './network.ts';

describe.each([4, 7])('a subnet of %i', (count) => {
  test('generates its keys over three epochs and signs with them; the key of the subnet stays', () => {
    const network = new DkgNetwork(count);
    network.start();
    // Genesis deals nothing: summary 20 orders the first keys, which are in force from 60 on.
    for (let i = 0; i < 4; i += 1) epoch(network);
    const { current } = network.summary;
    expect(network.summary.height).toBe(80);
    expect(current.low.target.summaryHeight).toBe(40);
    expect(current.high.dealers).toHaveLength(current.high.threshold);
    expect(current.high.groupKey).toEqual(network.subnet.high.groupPublicKey);
    expect(current.low.groupKey).not.toEqual(network.subnet.low.groupPublicKey);
    for (const index of network.nodes.keys()) expect(kept(network, index)).toBeGreaterThan(2);
    expect(certify(network, 81)).toHaveLength(count);
    expect(network.refused).toEqual([]);
  });
});

describe('four', () => {
  test('a byzantine dealer with a bad share is convicted by the receiver, and left out', () => {
    const network = new DkgNetwork(4);
    network.start();
    network.cheats.add(1);
    epoch(network);
    network.nextEpoch();
    const { next } = network.summary;
    const cheat = network.node(1).record.nodeId;
    expect(next.low.target.summaryHeight).toBe(20);
    expect(next.low.dealers).toHaveLength(3);
    for (const transcript of [next.low, next.high]) {
      expect(transcript.dealers.some((dealer) => bytesEqual(dealer, cheat))).toBe(false);
    }
    const events = network.node(3).events.filter(({ kind }) => kind === 'DealerCheated');
    expect(events).toHaveLength(2);
    network.sayEpoch();
    network.run();
    epoch(network);
    expect(certify(network, 61)).toHaveLength(4);
  });

  test('with too few dealers the keys are used again; with enough the next epoch has new ones', () => {
    const network = new DkgNetwork(4);
    network.start();
    network.corrupt = (dealing, node) => (node < 2 ? undefined : dealing);
    epoch(network);
    const failed = network.nextEpoch();
    expect(failed.next).toEqual(failed.current);
    network.corrupt = (dealing, node) => (node === 0 ? undefined : dealing);
    network.sayEpoch();
    network.run();
    const good = network.nextEpoch();
    expect(good.next.high.dealers).toHaveLength(3);
    network.sayEpoch();
    network.run();
    epoch(network);
    expect(certify(network, 81)).toHaveLength(4);
  });

  test('messages that the bus loses are asked for again', () => {
    const network = new DkgNetwork(4);
    network.start();
    let lost = 0;
    network.reaches = (node, message) => {
      if (node !== 2 || message.kind !== 'DealingsFinalized') return true;
      lost += 1;
      return lost % 3 === 0;
    };
    for (let i = 0; i < 3; i += 1) epoch(network);
    expect(lost).toBeGreaterThan(6);
    expect(certify(network, 61)).toHaveLength(4);
    expect(kept(network, 2)).toBe(kept(network, 0));
  });

  test('a receiver from whom the bus kept a bad dealing complains in time', () => {
    const network = new DkgNetwork(4);
    network.start();
    network.run();
    network.cheats.add(1);
    const heard = new Set<number>();
    network.reaches = (node, message) => {
      if (message.kind !== 'DealingsFinalized') return true;
      if (node !== 2 || heard.has(message.height)) return node === 2;
      heard.add(message.height);
      return false;
    };
    epoch(network);
    expect(heard.size).toBe(8);
    const cheat = network.node(1).record.nodeId;
    network.tellAll(finalized(dealingsEnd(network.summary) - 1));
    network.run();
    const { next } = network.nextEpoch();
    for (const { dealers } of [next.low, next.high]) {
      expect(dealers).toHaveLength(3);
      expect(dealers.some((dealer) => bytesEqual(dealer, cheat))).toBe(false);
    }
  });

  test('a dealer that is silent is not asked after for ever', () => {
    const network = new DkgNetwork(4);
    network.start();
    network.corrupt = (dealing, node) => (node === 0 ? undefined : dealing);
    epoch(network);
    const { said } = network.node(3);
    said.length = 0;
    const { height, nextHeight } = network.summary;
    const dealt = dealingsEnd(network.summary) - 1;
    const final = (at: number): void => {
      network.tell(3, finalized(at));
      network.settle();
      network.fireTimers(3);
    };
    for (let at = height; at < dealt; at += 1) final(at);
    const asks = () => said.filter(({ kind }) => kind === 'RequestEpoch').length;
    expect(asks()).toBe(0);
    for (let at = dealt; at <= nextHeight; at += 1) final(at);
    expect(asks()).toBe(BEACON_LIMITS.dealingAsksMax);
  });

  test('a node from which the bus kept the news of an epoch asks when blocks of it are final', () => {
    const network = new DkgNetwork(4);
    network.start();
    epoch(network);
    network.reaches = (node, message) => node !== 3 || message.kind !== 'EpochBegan';
    epoch(network);
    network.reaches = () => true;
    const { height } = network.summary;
    const dealt = () =>
      network.node(3).events.filter((e) => e.kind === 'Dealt' && e.summaryHeight === height);
    network.tell(3, finalized(height));
    network.run();
    expect(dealt()).toHaveLength(0);
    network.tell(3, finalized(height + 1));
    network.run();
    expect(dealt()).toHaveLength(2);
  });

  test('a node that hears of no dealing gets its shares from peers', () => {
    const network = new DkgNetwork(4);
    network.start();
    network.reaches = (node, message) => node !== 2 || message.kind !== 'DealingsFinalized';
    for (let i = 0; i < 3; i += 1) epoch(network);
    expect(network.node(2).events.some(({ kind }) => kind === 'ShareMissing')).toBe(true);
    expect(kept(network, 2)).toBe(kept(network, 0));
    network.crash(0);
    expect(certify(network, 61)).toEqual([1, 2, 3]);
  });

  test('restarted at every step, a node ends with its shares', () => {
    let steps = 0;
    const play = (crashAt: number): DkgNetwork => {
      const network = new DkgNetwork(4);
      network.start();
      steps = 0;
      network.before = (node) => {
        if (node !== 3) return;
        steps += 1;
        // What was written last may not have reached the disk.
        if (steps === crashAt) network.restart(3, network.node(3).journal.length - (steps % 3));
      };
      for (let i = 0; i < 3; i += 1) epoch(network);
      network.before = () => {};
      return network;
    };
    play(-1);
    const all = steps;
    expect(all).toBeGreaterThan(60);
    // A step that is a prime apart each time: every phase of every epoch is met over the runs.
    for (let crashAt = 1; crashAt < all; crashAt += 13) {
      const network = play(crashAt);
      network.run();
      network.crash(0);
      expect(certify(network, 61), `restart at step ${crashAt} of ${all}`).toContain(3);
    }
  }, 120_000);

  test('without its journal a node gets its shares of all keys in sight from peers, and can give them to others', () => {
    const network = new DkgNetwork(4);
    network.start();
    for (let i = 0; i < 3; i += 1) epoch(network);
    // One after the other, all disks are lost: what the last one knows it has from the one before.
    for (const index of [3, 2, 1, 0]) {
      network.restart(index, 0);
      network.run();
    }
    network.crash(0);
    expect(certify(network, 61)).toEqual([1, 2, 3]);
  });

  test('shares are erased when everything of their epoch is made, and the journal holds no trace', () => {
    const network = new DkgNetwork(4);
    network.start();
    for (let i = 0; i < 3; i += 1) epoch(network);
    // In force at 40 were still the keys of genesis: those of 60 are the first that were generated.
    const [node] = network.nodes as [(typeof network.nodes)[0]];
    const shares = (): number =>
      node.journal.filter((entry) => toHex(entry).startsWith('22')).length;
    const before = shares();
    for (let i = 0; i < 2; i += 1) epoch(network);
    expect(shares()).toBeGreaterThan(before);
    advance(network, 110);
    certify(network, 105);
    expect(node.events.some(({ kind }) => kind === 'SharesErased')).toBe(true);
    // What is left: low and high, of the running epoch and of the next.
    expect(shares()).toBe(4);
    expect(node.journal.filter((entry) => toHex(entry).startsWith('32'))).toHaveLength(4);
    network.restart(0);
    network.run();
    network.crash(1);
    expect(certify(network, 106)).toContain(0);
  });

  test('4 → 7 → 5: members come and go, the subnet keeps its key', () => {
    const network = new DkgNetwork(4, 3);
    network.start();
    const all = [0, 1, 2, 3, 4, 5, 6];
    epoch(network, all);
    epoch(network, all);
    expect(network.summary.current.record.nodes).toHaveLength(4);
    const five = [1, 2, 4, 5, 6];
    epoch(network, five);
    expect(network.summary.current.record.nodes).toHaveLength(7);
    expect(certify(network, 61)).toHaveLength(7);
    // Five of seven are needed: without three nothing is signed.
    for (const index of [0, 1, 2]) network.crash(index);
    expect(certify(network, 62)).toEqual([]);
    for (const index of [0, 1, 2]) network.restart(index);
    network.run();
    epoch(network, five);
    epoch(network, five);
    const { current } = network.summary;
    expect(current.record.nodes).toHaveLength(5);
    expect(current.high.groupKey).toEqual(network.subnet.high.groupPublicKey);
    expect(current.high.threshold).toBe(3);
    network.crash(4);
    network.crash(5);
    const knowing = certify(network, 101);
    for (const index of [1, 2, 6]) expect(knowing).toContain(index);
    // Those who left know the certificate from the others, but hold no share.
    network.crash(1);
    expect(certify(network, 102)).toEqual([]);
  });

  test('no secret leaves the solver: what is said, observed and asked holds none, the journal only sealed ones', () => {
    const network = new DkgNetwork(4);
    network.start();
    for (let i = 0; i < 3; i += 1) epoch(network);
    const { nodeSecret, receiverSecret } = network.node(0).keys.node as {
      nodeSecret: Uint8Array;
      receiverSecret: Uint8Array;
    };
    const seen = network.nodes.flatMap(({ journal }) => journal.map(toHex)).join();
    const born = network.node(0).keys;
    for (const secret of [
      nodeSecret,
      receiverSecret,
      born.low?.secretShare,
      born.high?.secretShare,
    ]) {
      if (secret !== undefined) expect(seen).not.toContain(toHex(secret));
    }
  });

  test('a catch-up package is made from the shares of those whose state agrees', () => {
    const network = new DkgNetwork(4);
    network.start();
    for (let i = 0; i < 3; i += 1) epoch(network);
    advance(network, 60);
    for (const node of network.nodes) node.said.length = 0;
    const checkpoint = (label: string): Message => ({
      kind: 'CheckpointMade',
      height: 60,
      stateRoot: sha256(utf8(label)),
      manifestRoot: sha256(utf8('manifest')),
    });
    for (const index of [0, 1]) network.tell(index, checkpoint('state'));
    network.tell(2, checkpoint('another state'));
    network.settle();
    expect(packages(network)).toEqual([]);
    network.tell(3, checkpoint('state'));
    network.settle();
    const made = packages(network);
    expect(made).toHaveLength(3);
    for (const { content, summary, signature } of made) {
      expect(summary.height).toBe(60);
      expect(content.stateRoot).toEqual(sha256(utf8('state')));
      const message = catchUpMessage(network.subnet.subnetId, CATCH_UP_CONTENT.encode(content));
      const publicKey = network.subnet.high.groupPublicKey;
      expect(bls.verify({ publicKey, message, signature }).kind).toBe('valid');
    }
    network.tell(0, checkpoint('state'));
    network.settle();
    expect(packages(network)).toHaveLength(4);
  });

  test('news of an epoch that the bus has lost is asked for when consensus needs a value of it', () => {
    const network = new DkgNetwork(4);
    network.start();
    const { said } = network.node(3);
    const asked = (kind: 'RequestBeacon' | 'RequestTape', height: number): boolean => {
      said.length = 0;
      network.tell(3, { kind, height });
      network.settle();
      return said.some((message) => message.kind === 'RequestEpoch');
    };
    const { nextHeight } = network.summary;
    expect(asked('RequestBeacon', nextHeight)).toBe(false);
    expect(asked('RequestBeacon', 3 * nextHeight)).toBe(true);
    expect(asked('RequestTape', 3 * nextHeight)).toBe(true);
  });

  test('an epoch adopted from a package brings the beacon with it', () => {
    const network = new DkgNetwork(4);
    network.start();
    for (let i = 0; i < 3; i += 1) epoch(network);
    advance(network, 62);
    const beacon = beaconAt(network, 0, 60);
    const { summary } = network;
    network.restart(3, 0);
    network.settle();
    network.tell(3, { kind: 'EpochBegan', height: 60, summary, beacon: beacon as Uint8Array });
    network.settle();
    network.node(3).said.length = 0;
    network.node(0).said.length = 0;
    network.tell(0, { kind: 'RequestOffers' });
    network.settle();
    expect(beaconAt(network, 3, 62)).toEqual(beaconAt(network, 0, 62));
  });
});

describe('one', () => {
  test('an epoch costs nothing: no key is dealt, the same key signs', () => {
    const network = new DkgNetwork(1);
    network.start();
    const { summary } = network;
    network.summary = { ...summary, height: 20, nextHeight: 40 };
    network.sayEpoch();
    expect([...network.node(0).timers].filter((token) => token !== 'dkg/repeat')).toEqual([]);
    network.fireTimers(0);
    expect(network.node(0).timers.size).toBe(0);
    expect(certify(network, 21)).toEqual([0]);
    expect(network.node(0).said.some(({ kind }) => kind === 'PublishArtifact')).toBe(false);
  });
});

function packages(network: DkgNetwork): CatchUpPackage[] {
  return network.nodes.flatMap(({ said }) =>
    said.flatMap((message) => (message.kind === 'CatchUpPackageMade' ? [message.package] : [])),
  );
}

function beaconAt(network: DkgNetwork, index: number, height: number): Uint8Array | undefined {
  network.tell(index, { kind: 'RequestBeacon', height });
  network.settle();
  for (const message of network.node(index).said) {
    if (message.kind === 'BeaconValue' && message.height === height) return message.value;
  }
  return undefined;
}
