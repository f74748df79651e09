import type { Message } from '@internode/contracts';
import { nobleBls } from '@internode/crypto';
import { separator, sha256 } from '@internode/encoding';
import { concatBytes, toHex, utf8 } from '@internode/prelude';
import { describe, expect, test, vi } from 'vitest';
import { messageOf } from '../src/core/round.ts';
import { VALUE } from '../src/core/wire.ts';
import { BEACON_LIMITS, genesisBeacon } from '../src/index.ts';
import { bls, deal, Network } from './network.ts';

function notarized(height: number): Message {
  return { kind: 'BlockNotarized', height, blockHash: new Uint8Array(32) };
}

function finalized(height: number): Message {
  return {
    kind: 'BlockFinalized',
    height,
    blockHash: new Uint8Array(32),
    timeNanos: 0n,
    ingressIds: [],
  };
}

function hashed(height: number, root: Uint8Array): Message {
  return { kind: 'StateHashed', height, root, timeNanos: 0n };
}

/** Every beacon said verifies under the group key and is signed over the one before. */
function checkChain(network: Network, index: number): number {
  const { subnet } = network.dealing;
  let parent = genesisBeacon(subnet.subnetId);
  let height = 0;
  const values = new Map(network.beacons(index).map((message) => [message.height, message.value]));
  for (;;) {
    const value = values.get(height + 1);
    if (value === undefined) return height;
    height += 1;
    const message = messageOf('beacon', {
      subnetId: subnet.subnetId,
      height,
      content: sha256(parent),
    });
    const verdict = bls.verify({ publicKey: subnet.low.groupPublicKey, message, signature: value });
    expect(verdict.kind, `beacon ${height}`).toBe('valid');
    parent = value;
  }
}

/** Every value that one node has offered, whether it still does or not. */
function offerAgain(network: Network, { from, to }: { from: number; to: number }): void {
  const fromNode = network.dealing.nodes[from]?.nodeId as Uint8Array;
  for (const message of network.said[from] ?? []) {
    if (message.kind !== 'PublishArtifact' || message.artifactKind.endsWith('_share')) continue;
    const { artifactKind, id, body } = message;
    network.tell(to, { kind: 'ArtifactReceived', artifactKind, id, body, fromNode });
  }
  network.settle();
}

describe('a subnet of one', () => {
  test('B1: says beacon h when h - 1 is notarised, not before, though it is signed by then', () => {
    const network = new Network(1);
    network.start();
    expect(network.beacons(0).map(({ height }) => height)).toEqual([0, 1]);
    expect(
      network.tasks.filter((task) => task.kind === 'sign-share' && task.key === 'low').length,
    ).toBeGreaterThanOrEqual(2);
    network.tellAll(notarized(1));
    expect(network.beacons(0).map(({ height }) => height)).toEqual([0, 1, 2]);
    network.tellAll(notarized(5));
    expect(checkChain(network, 0)).toBe(6);
  });

  test('B1: says tape h when h - 1 is final', () => {
    const network = new Network(1);
    network.start();
    expect(network.tapes(0).map(({ height }) => height)).toEqual([1]);
    network.tellAll(finalized(1));
    network.tellAll(finalized(2));
    expect(network.tapes(0).map(({ height }) => height)).toEqual([1, 2, 3]);
    const { subnet } = network.dealing;
    for (const { height, value } of network.tapes(0)) {
      const message = messageOf('tape', {
        subnetId: subnet.subnetId,
        height,
        content: new Uint8Array(0),
      });
      expect(
        bls.verify({ publicKey: subnet.low.groupPublicKey, message, signature: value }).kind,
      ).toBe('valid');
    }
  });

  test('certifies the root as agents verify it, also by the reference engine, and again when asked again', () => {
    const network = new Network(1);
    network.start();
    const root = sha256(utf8('root'));
    network.tellAll(hashed(1, root));
    network.tellAll(hashed(1, root));
    const [first, second] = network.certifications(0);
    expect(second).toEqual(first);
    const message = concatBytes(separator('ic-state-root'), root);
    const signature = first?.signature as Uint8Array;
    expect(
      nobleBls.verify({ publicKey: network.dealing.subnet.high.groupPublicKey, message, signature })
        .kind,
    ).toBe('valid');
    expect(network.tasks.filter((task) => 'key' in task && task.key === 'high')).toHaveLength(1);
    expect(network.tasks.every((task) => task.kind === 'sign-share')).toBe(true);
  });

  test('B2: refuses another root at a certified height', () => {
    const network = new Network(1);
    network.start();
    network.tellAll(hashed(1, sha256(utf8('a'))));
    expect(() => network.tellAll(hashed(1, sha256(utf8('b'))))).toThrow('B2');
  });

  test('answers requests, and takes them as news that was lost', () => {
    const network = new Network(1);
    network.start();
    network.tellAll({ kind: 'RequestBeacon', height: 1 });
    expect(network.beacons(0).filter(({ height }) => height === 1)).toHaveLength(2);
    network.tellAll({ kind: 'RequestBeacon', height: 4 });
    expect(checkChain(network, 0)).toBe(4);
    network.tellAll({ kind: 'RequestTape', height: 4 });
    expect(network.tapes(0).map(({ height }) => height)).toContain(4);
  });

  test('publishes nothing to peers it has not', () => {
    const network = new Network(1);
    network.start();
    network.tellAll(finalized(3));
    network.tellAll(hashed(1, new Uint8Array(32)));
    expect(network.said[0]?.some((message) => message.kind === 'PublishArtifact')).toBe(false);
  });

  test('restarts from any prefix of its journal with the same beacons, and stays bounded', () => {
    const network = new Network(1);
    network.start();
    const heights = 3 * BEACON_LIMITS.journalEvery + 5;
    for (let height = 1; height <= heights; height += 1) network.tellAll(finalized(height));
    const known = new Map(network.beacons(0).map(({ height, value }) => [height, toHex(value)]));
    expect(network.journals[0]).toHaveLength(3 * BEACON_LIMITS.journalEvery);
    for (const entries of [0, 1, 16, 17, 48]) {
      network.said[0] = [];
      network.restart(0, entries);
      network.tellAll({ kind: 'RequestBeacon', height: heights });
      const again = network.beacons(0);
      expect(again.at(-1)?.height).toBe(heights);
      for (const { height, value } of again) expect(toHex(value)).toBe(known.get(height) ?? '');
    }
  });
});

describe('a subnet of four', () => {
  test('makes the same values everywhere from two shares of four, and certifications from three', () => {
    const network = new Network(4);
    network.start();
    network.silent.add(3);
    network.tellAll(notarized(1));
    network.tellAll(finalized(2));
    network.tellAll(hashed(1, sha256(utf8('root'))));
    for (const index of [0, 1, 2]) {
      expect(checkChain(network, index)).toBe(3);
      expect(network.certifications(index)).toEqual(network.certifications(0));
      expect(network.certifications(index)).toHaveLength(1);
      expect(network.tapes(index).map(({ value }) => toHex(value))).toEqual(
        network.tapes(0).map(({ value }) => toHex(value)),
      );
    }
    network.silent.add(2);
    network.tellAll(notarized(3));
    expect(checkChain(network, 0)).toBe(4);
    // Two are too few for a certification.
    network.tellAll(hashed(2, sha256(utf8('second'))));
    expect(network.certifications(0)).toHaveLength(1);
  });

  test('B1: no share leaves early', () => {
    const network = new Network(4);
    network.start();
    network.tellAll(notarized(1));
    const shares = network.said
      .flat()
      .filter((m) => m.kind === 'PublishArtifact' && m.artifactKind === 'beacon_share');
    expect(shares).toHaveLength(8);
    expect(network.beacons(0).map(({ height }) => height)).toEqual([0, 1, 2]);
  });

  test('a bad share is found out, and the value made without it', () => {
    const network = new Network(4);
    network.tamper = (message, from) => {
      if (
        message.kind !== 'ArtifactReceived' ||
        from !== 1 ||
        !message.artifactKind.endsWith('_share')
      )
        return message;
      const body = message.body.slice();
      // Another member's signature of something else: a point of the group, yet wrong.
      const wrong = bls.sign(network.dealing.nodes[1]?.lowShare as Uint8Array, utf8('other'));
      body.set(wrong, body.length - wrong.length);
      return { ...message, body };
    };
    network.start();
    for (let height = 1; height <= 5; height += 1) network.tellAll(finalized(height));
    network.tellAll(hashed(1, sha256(utf8('root'))));
    for (const index of [0, 2, 3]) {
      expect(checkChain(network, index)).toBe(6);
      expect(network.certifications(index)).toHaveLength(1);
    }
    const bad = network.events.flat().filter((event) => event.kind === 'ShareBad');
    expect(bad.length).toBeGreaterThan(0);
    expect(bad.every((event) => event.kind === 'ShareBad' && event.member === 1)).toBe(true);
  });

  test('shares that agree need no check: one more than enough is waited for, and if it does not come the value is checked', () => {
    const network = new Network(4);
    network.patient = true;
    network.start();
    const verify = vi.spyOn(bls, 'verify');
    const sums = (): readonly string[] =>
      network.tasks
        .splice(0)
        .flatMap((task) =>
          task.kind === 'combine' ? `${task.shares.length} of ${task.sufficient}` : [],
        );
    const certify = (height: number): void =>
      network.tellAll(hashed(height, sha256(utf8(`${height}`))));
    const certified = (): number => network.certifications(0).length;
    network.tellAll(finalized(1));
    certify(1);
    // Two beacons and two tapes of three shares each, and a certification of all four, at each of the four.
    expect(sums().toSorted()).toEqual([...Array(16).fill('3 of 3'), ...Array(4).fill('4 of 4')]);
    expect(verify).not.toHaveBeenCalled();
    const waits = network.timers.flatMap((tokens) =>
      [...tokens].filter((one) => one.startsWith('agree/')),
    );
    expect(waits).toEqual([]);

    // With one that is silent certifications have three at most: they are waited for, then not for a while, which grows.
    network.silent.add(3);
    const three = Array(3).fill('3 of 4');
    certify(2);
    expect([sums(), certified()]).toEqual([[], 1]);
    network.fireTimers();
    expect([sums(), certified()]).toEqual([three, 2]);
    expect(verify).toHaveBeenCalledTimes(3);
    certify(3);
    expect([sums(), certified()]).toEqual([three, 3]);
    certify(4);
    expect([sums(), certified()]).toEqual([[], 3]);
    network.fireTimers();
    for (const height of [5, 6, 7]) certify(height);
    expect([sums().length, certified()]).toEqual([4 * 3, 7]);

    // Once it is there again in time, every one is waited for again, and a failure counts as a first one.
    network.silent.delete(3);
    certify(8);
    expect([sums(), certified()]).toEqual([Array(4).fill('4 of 4'), 8]);
    network.silent.add(3);
    certify(9);
    expect([sums(), certified()]).toEqual([[], 8]);
    network.fireTimers();
    certify(10);
    expect([sums(), certified()]).toEqual([[...three, ...three], 10]);
    certify(11);
    expect([sums(), certified()]).toEqual([[], 10]);
    verify.mockRestore();
  });

  test('rounds that waited in vain at one time make others wait once, not once each', () => {
    const network = new Network(4);
    network.patient = true;
    network.start();
    network.silent.add(3);
    for (const height of [1, 2, 3, 4]) network.tellAll(hashed(height, sha256(utf8(`${height}`))));
    expect(network.certifications(0)).toEqual([]);
    network.ms = 16;
    network.fireTimers();
    expect(network.certifications(0)).toHaveLength(4);
    network.tellAll(hashed(6, sha256(utf8('6'))));
    expect(network.certifications(0)).toHaveLength(4);
  });

  test('a bad share that is one more than enough is found out, too', () => {
    const network = new Network(4);
    network.patient = true;
    network.start();
    const late: (() => void)[] = [];
    network.tamper = (message, from, to) => {
      if (message.kind !== 'ArtifactReceived' || from !== 1) return message;
      const body = message.body.slice();
      const wrong = bls.sign(network.dealing.nodes[1]?.highShare as Uint8Array, utf8('other'));
      body.set(wrong, body.length - wrong.length);
      late.push(() => network.tell(to, { ...message, body }));
      return undefined;
    };
    network.tellAll(hashed(1, sha256(utf8('root'))));
    expect(network.certifications(0)).toEqual([]);
    for (const tell of late.splice(0)) tell();
    network.settle();
    for (const index of [0, 2, 3]) expect(network.certifications(index)).toHaveLength(1);
    const bad = network.events.flat().filter((event) => event.kind === 'ShareBad');
    expect(bad.map((event) => event.kind === 'ShareBad' && event.member)).toEqual([1, 1, 1]);
    // Nobody listens to it any more.
    network.tellAll(hashed(2, sha256(utf8('next'))));
    for (const tell of late.splice(0)) tell();
    network.settle();
    expect(network.certifications(0)).toHaveLength(1);
    network.fireTimers();
    expect(network.certifications(0)).toHaveLength(2);
  });

  test('garbage, stolen shares, wrong lengths and false values are rejected, far heights ignored', () => {
    const network = new Network(4);
    network.start();
    const from = network.dealing.nodes[1]?.nodeId as Uint8Array;
    const send = (
      artifactKind: 'beacon_share' | 'beacon' | 'certification',
      body: Uint8Array,
      fromNode = from,
    ): void => {
      network.tell(0, { kind: 'ArtifactReceived', artifactKind, id: sha256(body), body, fromNode });
      network.settle();
    };
    const before = network.beacons(0).length;
    send('beacon_share', utf8('garbage'));
    send('beacon_share', new Uint8Array(0));
    send('beacon', new Uint8Array(200).fill(1));
    send('certification', new Uint8Array(0), utf8('stranger'));
    const published = network.said
      .flat()
      .find((m) => m.kind === 'PublishArtifact' && m.artifactKind === 'beacon_share');
    if (published?.kind !== 'PublishArtifact') throw new Error('no share');
    send('beacon_share', published.body, network.dealing.nodes[2]?.nodeId as Uint8Array);
    const rejected = network.events[0]?.filter((event) => event.kind === 'ArtifactRejected') ?? [];
    expect(rejected.length).toBeGreaterThanOrEqual(4);
    expect(network.beacons(0)).toHaveLength(before);
  });

  test('a value that a peer claims while its other claim is checked is not taken for the checked one', () => {
    const network = new Network(4);
    network.silent.add(3);
    network.start();
    for (let height = 1; height <= 2; height += 1) network.tellAll(finalized(height));
    network.silent.delete(3);
    const good = (network.said[0] ?? []).find(
      (m) => m.kind === 'PublishArtifact' && m.artifactKind === 'tape',
    );
    if (good?.kind !== 'PublishArtifact') throw new Error('no tape');
    const bad = good.body.slice();
    bad[bad.length - 1] = (bad[bad.length - 1] as number) ^ 1;
    const fromNode = network.dealing.nodes[0]?.nodeId as Uint8Array;
    for (const body of [good.body, bad]) {
      // Nothing is solved in between.
      network.tell(3, {
        kind: 'ArtifactReceived',
        artifactKind: 'tape',
        id: sha256(body),
        body,
        fromNode,
      });
    }
    network.settle();
    const [said] = network.tapes(3);
    const [honest] = network.tapes(0);
    expect(said?.height).toBe(honest?.height);
    expect(said?.value).toEqual(honest?.value);
  });

  test('a tape that all others have forgotten in a crash is made again for the one that lacks it (simulator, u/38)', () => {
    const network = new Network(4);
    network.silent.add(0);
    network.start();
    for (let height = 1; height <= 4; height += 1) network.tellAll(finalized(height));
    network.silent.delete(0);
    for (const index of [1, 2, 3]) {
      network.restart(index);
      network.tell(index, finalized(6));
    }
    network.settle();
    network.tell(0, finalized(6));
    network.settle();
    expect(network.tapes(0).map(({ height }) => height)).not.toContain(3);
    network.tell(0, { kind: 'RequestTape', height: 3 });
    network.settle();
    expect(network.tapes(0).map(({ height }) => height)).toContain(3);
  });

  test('a certification that all others have forgotten is made again: state is asked for its root (simulator, chainB/10)', () => {
    const network = new Network(4);
    network.start();
    const hash: Message = hashed(1, sha256(utf8('root')));
    network.silent.add(0);
    network.silent.add(3);
    network.tellAll(hash);
    for (const index of [1, 2]) network.restart(index);
    network.silent.delete(0);
    network.tell(0, hash);
    network.settle();
    expect(network.certifications(0)).toEqual([]);
    for (const index of [1, 2]) {
      const asked = network.said[index]?.filter(({ kind }) => kind === 'RequestCertified');
      expect(asked).toHaveLength(1);
      network.tell(index, hash);
    }
    network.settle();
    expect(network.certifications(0)).toHaveLength(1);
  });

  test('a node that missed everything follows from the values of the others', () => {
    const network = new Network(4);
    network.silent.add(3);
    network.start();
    for (let height = 1; height <= 16; height += 1) network.tellAll(finalized(height));
    network.silent.delete(3);
    offerAgain(network, { from: 0, to: 3 });
    // All at once, the last far above what it knows.
    expect(checkChain(network, 3)).toBe(17);
  });

  test('one whose consensus is far behind forgets nothing that it needs, and gives it several at once', () => {
    const network = new Network(4);
    network.start();
    const { historyHeights, saidAtOnce } = BEACON_LIMITS;
    const behind = 3;
    const heights = behind + historyHeights + 40;
    for (let height = 1; height <= behind; height += 1) network.tellAll(finalized(height));
    // What peers offer reaches it, but its own consensus says nothing; over a restart too.
    for (let height = behind + 1; height <= heights; height += 1) {
      for (const index of [0, 1, 2]) network.tell(index, finalized(height));
      network.settle();
      if (height === historyHeights) network.restart(3);
    }
    const values = new Map(network.beacons(0).map(({ height, value }) => [height, value]));
    for (let height = behind + 1; height <= heights; height += saidAtOnce) {
      network.said[3] = [];
      network.tell(3, finalized(height - 1));
      network.tell(3, { kind: 'RequestBeacon', height });
      const heard = new Map(network.beacons(3).map((said) => [said.height, said.value]));
      for (let next = height; next < Math.min(height + saidAtOnce, heights); next += 1)
        expect(heard.get(next), `beacon ${next}`).toEqual(values.get(next));
      offerAgain(network, { from: 0, to: 3 });
    }
  });

  test('one that peers have left behind says how far it is, and follows what its own consensus holds', () => {
    const network = new Network(4);
    network.start();
    const behind = 20;
    const heights = behind + BEACON_LIMITS.historyHeights + 5;
    for (let height = 1; height <= behind; height += 1) network.tellAll(finalized(height));
    network.silent.add(3);
    for (let height = behind + 1; height <= heights; height += 1)
      network.tellAll(finalized(height));
    network.silent.delete(3);
    network.said[3] = [];
    network.restart(3);
    network.tell(3, { kind: 'RequestBeacon', height: heights });
    network.settle();
    // Its journal is written in groups.
    const left = BEACON_LIMITS.journalEvery;
    expect(network.beacons(3).at(-1)?.height).toBe(left);
    const nodeId = network.dealing.nodes[3]?.nodeId as Uint8Array;
    const values = new Map(network.beacons(0).map(({ height, value }) => [height, value]));
    for (let height = left + 1; height <= heights; height += 1) {
      const content = sha256(values.get(height - 1) as Uint8Array);
      const signature = values.get(height) as Uint8Array;
      const body = VALUE.encode({ height, content, signature });
      const id = sha256(body);
      network.tell(3, {
        kind: 'ArtifactReceived',
        artifactKind: 'beacon',
        id,
        body,
        fromNode: nodeId,
      });
      network.settle();
      expect(network.beacons(3).at(-1)?.height).toBe(height);
    }
  });
});

describe('dealing', () => {
  test('is a function of its entropy; members are sorted; any threshold of shares fits the group key', () => {
    for (const [nodes, low, high] of [
      [1, 1, 1],
      [4, 2, 3],
      [13, 5, 9],
    ] as const) {
      const dealing = deal(nodes);
      expect(deal(nodes)).toEqual(dealing);
      const ids = dealing.subnet.members.map(({ nodeId }) => toHex(nodeId));
      expect([...ids].sort()).toEqual(ids);
      expect(dealing.nodes.map(({ nodeId }) => toHex(nodeId))).toEqual(ids);
      expect([dealing.subnet.low.threshold, dealing.subnet.high.threshold]).toEqual([low, high]);
      const message = utf8('m');
      const chosen = dealing.nodes.map((_, index) => index).slice(-high);
      const shares = chosen.map((index) =>
        bls.sign(dealing.nodes[index]?.highShare as Uint8Array, message),
      );
      const combined = bls.combineShares(chosen, shares);
      if (combined.kind !== 'valid') throw new Error('combine');
      const { groupPublicKey } = dealing.subnet.high;
      expect(
        bls.verify({ publicKey: groupPublicKey, message, signature: combined.value }).kind,
      ).toBe('valid');
    }
  });
});
