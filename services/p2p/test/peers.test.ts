import type { NodeRecord } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { bytesEqual, fromHex, toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { P2pCore } from '../src/core/p2p.ts';
import { OFFER_LIMITS, PEER_LIMITS } from '../src/index.ts';
import { artifact, dice, Net, START_NANOS } from './net.ts';

const EMPTY = new Uint8Array(0);

describe('what one node offers', () => {
  test('reaches every peer once', () => {
    const net = Net.started(4);
    const made = artifact('hello');
    net.publish(net.member(0), made);
    net.run(500);
    for (const index of [1, 2, 3]) expect(net.member(index).received()).toEqual([toHex(made.id)]);
    expect(net.member(0).received()).toEqual([]);
  });

  test('and from several, each learns it once, and once more after two seconds', () => {
    const net = Net.started(4);
    const made = artifact('certificate');
    for (const index of [0, 1, 2]) net.publish(net.member(index), made);
    net.run(1_500);
    expect(net.member(3).received()).toHaveLength(1);
    net.run(2_000);
    expect(net.member(3).received()).toHaveLength(2);
    for (const index of [0, 1, 2]) net.withdraw(net.member(index), made);
    net.run(10_000);
    expect(net.member(3).received()).toHaveLength(2);
    expect(net.member(3).core.view().library.size).toBe(0);
    expect(net.member(3).core.view().library.bodyBytes).toBe(0);
  });

  test('is said again every two seconds while the chain stands still, ever more rarely while it moves', () => {
    const timesOf = (moves: boolean): number => {
      const net = Net.started(2);
      net.publish(net.member(0), artifact('certificate'));
      for (let height = 1; height <= 40; height += 1) {
        net.run(1_000);
        if (moves)
          net.hear(net.member(1), {
            kind: 'BlockFinalized',
            height,
            blockHash: EMPTY,
            timeNanos: 0n,
            ingressIds: [],
          });
      }
      return net.member(1).received().length;
    };
    expect(timesOf(false)).toBeGreaterThanOrEqual(18);
    // At first, after 2 s, and 8 s after that; not after 32.
    expect(timesOf(true)).toBe(3);
  });

  test('is said again when a service asks, after its own restart', () => {
    const net = Net.started(2);
    const [maker, peer] = [net.member(0), net.member(1)];
    const made = artifact('certificate');
    net.publish(maker, made);
    net.run(50);
    net.hear(peer, { kind: 'RequestReceived' });
    net.hear(peer, { kind: 'RequestReceived' });
    expect(peer.received()).toEqual([toHex(made.id), toHex(made.id)]);
  });

  test('is said within two seconds even to a node that offers it itself: its maker may have died since', () => {
    const net = Net.started(2);
    const made = artifact('beacon 7');
    for (const member of net.members) net.publish(member, made);
    net.run(500);
    expect(net.member(1).received()).toEqual([]);
    net.run(3_000);
    expect(net.member(1).received()[0]).toBe(toHex(made.id));
  });

  test('large bodies of patient kinds are advertised, then fetched', () => {
    const net = Net.started(2);
    const made = artifact('big', { artifactKind: 'ingress', bytes: 3_000_000 });
    net.publish(net.member(0), made);
    net.run(500);
    expect(net.member(1).received()).toEqual([toHex(made.id)]);
    expect(Math.max(...net.frames.map(({ frame }) => frame.length))).toBeLessThan(1_400_000);
  });

  test('a peer that comes later learns what is on offer, and nothing that was withdrawn', () => {
    const net = new Net(3);
    for (const member of net.members) net.step(member, { kind: 'started' });
    const [a, b] = [artifact('a'), artifact('b')];
    net.publish(net.member(0), a);
    net.publish(net.member(0), b);
    net.withdraw(net.member(0), a);
    net.linkAll();
    net.run(500);
    expect(net.member(1).received()).toEqual([toHex(b.id)]);
  });

  test('survives the loss of most frames', () => {
    const net = Net.started(3);
    const chance = dice();
    net.way = () => (chance() < 0.3 ? [1] : []);
    const made = Array.from({ length: 40 }, (_, index) => artifact(`a${index}`));
    for (const each of made) {
      net.publish(net.member(0), each);
      net.run(3);
    }
    net.run(20_000);
    for (const index of [1, 2])
      expect(new Set(net.member(index).received()).size).toBe(made.length);
  });

  test.each([
    ['repeated frames', () => [1, 1, 7]],
    ['reordered frames', (chance: () => number) => [1 + 80 * chance()]],
    ['all of it', (chance: () => number) => (chance() < 0.5 ? [] : [1 + 80 * chance(), 200])],
  ])('survives %s', (_name, way) => {
    const net = Net.started(3);
    const chance = dice(7);
    net.way = () => way(chance);
    const made = Array.from({ length: 60 }, (_, index) =>
      artifact(`a${index}`, { bytes: index % 10 === 0 ? 300_000 : 50 }),
    );
    for (const [index, each] of made.entries()) {
      net.publish(net.member(0), each);
      if (index >= 20) net.withdraw(net.member(0), made[index - 20] ?? each);
      net.run(40);
    }
    net.run(120_000);
    const current = made.slice(-20).map(({ id }) => toHex(id));
    for (const index of [1, 2]) {
      expect(net.member(index).received()).toEqual(expect.arrayContaining(current));
      expect(net.member(index).core.view().library.size).toBe(current.length);
    }
  });

  test('makes progress when each way holds one frame only', () => {
    const net = Net.started(3);
    const busyUntilMs = new Map<string, number>();
    net.way = ({ from, to }) => {
      const way = `${toHex(from)}>${toHex(to)}`;
      if ((busyUntilMs.get(way) ?? 0) > net.nowMs) return [];
      busyUntilMs.set(way, net.nowMs + 30);
      return [30];
    };
    const made = Array.from({ length: 80 }, (_, index) =>
      artifact(`a${index}`, {
        artifactKind: index % 2 === 0 ? 'ingress' : 'beacon',
        bytes: 20_000,
      }),
    );
    for (const each of made) net.publish(net.member(0), each);
    net.run(60_000);
    const ids = made.map(({ id }) => toHex(id));
    for (const index of [1, 2]) expect(new Set(net.member(index).received())).toEqual(new Set(ids));
  });

  test('after a link was down, only what changed meanwhile is told', () => {
    const net = Net.started(2);
    const [a, b] = [net.member(0), net.member(1)];
    for (let i = 0; i < 50; i += 1) net.publish(a, artifact(`old ${i}`, { bytes: 1_000 }));
    net.run(100);
    net.link(a, b, false);
    net.link(b, a, false);
    const made = artifact('new');
    net.publish(a, made);
    net.run(500);
    net.link(a, b, true);
    net.link(b, a, true);
    const before = net.frames.length;
    net.run(200);
    expect(b.received().at(-1)).toBe(toHex(made.id));
    const bytes = net.frames.slice(before).reduce((sum, { frame }) => sum + frame.length, 0);
    expect(bytes).toBeLessThan(5_000);
  });

  test('a restarted sender offers again, its earlier life is void', () => {
    const net = Net.started(2);
    const [a, b] = [artifact('a'), artifact('b')];
    net.publish(net.member(0), a);
    net.run(100);
    net.restart(net.member(0));
    net.link(net.member(0), net.member(1), true);
    net.publish(net.member(0), b);
    net.run(1_500);
    expect(net.member(1).received()).toEqual([toHex(a.id), toHex(b.id)]);
    expect(net.member(1).core.view().library.size).toBe(1);
  });
});

describe('two processes with the key of one peer', () => {
  test('the newer is heard; when it is gone, the other is heard again', () => {
    const net = Net.started(2);
    const [peer, hearer] = [net.member(0), net.member(1)];
    const [before, meanwhile] = [artifact('a'), artifact('b')];
    const [early, after] = [artifact('c'), artifact('d')];
    net.publish(peer, before);
    net.run(100);
    const first = peer.core;
    net.restart(peer);
    net.link(peer, hearer, true);
    net.publish(peer, meanwhile);
    net.run(1_500);
    peer.core = first;
    net.link(peer, hearer, true);
    net.publish(peer, early);
    net.run(1_000);
    expect(hearer.received()).not.toContain(toHex(early.id));
    net.run(PEER_LIMITS.lifeSilentMs);
    net.publish(peer, after);
    net.run(1_000);
    const ids = new Set([before, meanwhile, early, after].map(({ id }) => toHex(id)));
    expect(new Set(hearer.received())).toEqual(ids);
    const question = {
      topic: 'catch_up_range',
      body: new Uint8Array(0),
      timeoutMs: 2_000,
    } as const;
    const askId = new Uint8Array(16);
    net.hear(peer, { kind: 'AskPeer', askId, peer: hearer.nodeId, ...question });
    net.run(100);
    expect(hearer.said.filter(({ kind }) => kind === 'PeerAsked')).toHaveLength(1);
  });
});

describe('what is missing', () => {
  test('is asked of the named peer, then of others', () => {
    const net = Net.started(3);
    const n0 = toHex(net.member(0).nodeId);
    const made = artifact('block', { artifactKind: 'ingress', bytes: 5_000 });
    net.way = ({ from, to }) => (toHex(from) === n0 || toHex(to) === n0 ? [] : [1]);
    net.publish(net.member(2), made);
    net.run(10);
    net.way = () => [1];
    const request = {
      kind: 'RequestArtifacts',
      artifactKind: 'ingress',
      ids: [made.id],
      fromNode: net.member(1).nodeId,
    } as const;
    net.hear(net.member(0), request);
    net.run(50);
    expect(net.member(0).received()).toEqual([toHex(made.id)]);
    net.hear(net.member(0), request);
    net.run(50);
    expect(net.member(0).received()).toHaveLength(2);
  });
});

describe('questions', () => {
  test('are asked, answered in chunks, and said to have failed when they are not', () => {
    const net = Net.started(3);
    const [asker, peer] = [net.member(0), net.member(1)];
    const ask = { topic: 'state_sync', body: new Uint8Array(10), timeoutMs: 1_000 } as const;
    const askId = new Uint8Array(16).fill(7);
    net.hear(asker, { kind: 'AskPeer', askId, peer: peer.nodeId, ...ask });
    net.run(10);
    const asked = peer.said.find((message) => message.kind === 'PeerAsked');
    expect(asked).toMatchObject({ askId, peer: asker.nodeId, topic: 'state_sync' });
    const body = new Uint8Array(3_000_000).fill(9);
    net.hear(peer, { kind: 'AnswerPeer', askId, topic: 'state_sync', peer: asker.nodeId, body });
    net.run(2_000);
    const answers = asker.said.filter((message) => message.kind === 'PeerAnswered');
    expect(answers).toHaveLength(1);
    const [answer] = answers;
    expect(answer?.failure).toBe('');
    // Not by the matcher: it looks at each of three million numbers.
    expect(answer !== undefined && bytesEqual(answer.body, body)).toBe(true);
    const late = new Uint8Array(16).fill(8);
    net.hear(asker, { kind: 'AskPeer', askId: late, peer: peer.nodeId, ...ask });
    net.run(1_100);
    expect(asker.said.at(-1)).toMatchObject({ kind: 'PeerAnswered', failure: 'no answer in time' });
  });
});

test('a hundred shares in one slot table leave in few frames', () => {
  const net = Net.started(2);
  for (let i = 0; i < 100; i += 1)
    net.publish(net.member(0), artifact(`i${i}`, { artifactKind: 'ingress' }));
  const before = net.frames.length;
  net.run(OFFER_LIMITS.ingressFlushMs + 5);
  expect(net.frames.length - before).toBeLessThan(5);
  expect(net.member(1).received()).toHaveLength(100);
});

describe('calls of own users', () => {
  const call = (name: string) => ({
    kind: 'SubmitIngress' as const,
    sender: new Uint8Array(3),
    ingress: {
      requestId: sha256(utf8(name)),
      envelope: utf8(name),
      expiryNanos: START_NANOS + 60_000_000_000n,
      effectiveCanisterId: utf8('c'),
    },
  });
  const finalized = (name: string) => ({
    kind: 'BlockFinalized' as const,
    height: 1,
    blockHash: new Uint8Array(32),
    timeNanos: 0n,
    ingressIds: [sha256(utf8(name))],
  });

  test('reach the peers until they are final, and can be fetched for a while longer', () => {
    const net = Net.started(3);
    const [owner, peer, late] = [net.member(0), net.member(1), net.member(2)];
    net.way = ({ to }) => (toHex(to) === toHex(late.nodeId) ? [] : [1]);
    net.hear(owner, call('a'));
    net.run(50);
    const [heard] = peer.said.filter(({ kind }) => kind === 'IngressReceived');
    expect(heard).toMatchObject({ fromNode: owner.nodeId });
    net.hear(owner, finalized('a'));
    net.run(OFFER_LIMITS.withdrawalFlushMs + 10);
    expect(peer.core.view().library.size).toBe(0);
    expect(owner.core.view().slots.size).toBe(0);
    net.way = () => [1];
    net.run(1_000);
    expect(late.received()).toEqual([]);
    const ids = peer.received().map(fromHex);
    net.hear(late, {
      kind: 'RequestArtifacts',
      artifactKind: 'ingress',
      ids,
      fromNode: owner.nodeId,
    });
    net.run(50);
    expect(late.received()).toEqual(peer.received());
  });

  test('wait for slots when theirs are taken, and never take those of votes', () => {
    const net = Net.started(2);
    const [owner, peer] = [net.member(0), net.member(1)];
    owner.core.view().slots.slotsMax = 30;
    for (let i = 0; i < 25; i += 1) net.hear(owner, call(`c${i}`));
    for (let i = 0; i < 10; i += 1) net.publish(owner, artifact(`vote ${i}`));
    net.run(100);
    expect(new Set(peer.received()).size).toBe(30);
    expect(owner.count('SlotTableFull')).toBe(0);
    for (let i = 0; i < 5; i += 1) net.hear(owner, finalized(`c${i}`));
    net.run(100);
    expect(new Set(peer.received()).size).toBe(35);
  });

  test('of the time before there were peers are offered when there are', () => {
    const net = new Net(2);
    const [owner, peer] = [net.member(0), net.member(1)];
    net.step(peer, { kind: 'started' });
    net.hear(owner, call('early'));
    expect(owner.said.some(({ kind }) => kind === 'SendFrame')).toBe(false);
    net.step(owner, { kind: 'started' });
    net.linkAll();
    net.run(200);
    expect(peer.received()).toHaveLength(1);
  });
});

describe('members', () => {
  const record = (nodes: readonly string[]): NodeRecord[] =>
    nodes.map((name) => ({
      nodeId: utf8(name),
      publicKey: utf8(`key of ${name}`),
      voteKey: EMPTY,
      voteKeyProof: EMPTY,
      receiverKey: EMPTY,
      address: `${name}:1`,
    }));
  const epoch = (
    height: number,
    current: readonly string[],
    next: readonly string[],
    coming: readonly string[] = next,
  ) => {
    const transcript = {
      target: { summaryHeight: 0, key: 'low' as const },
      threshold: 1,
      members: [],
      groupKey: EMPTY,
      shareKeys: [],
      dealers: [],
      sharingHash: new Uint8Array(0),
    };
    const keys = (nodes: readonly string[]) => ({
      record: {
        version: 1,
        nodes: record(nodes),
        controller: EMPTY,
        replicaVersion: '',
        halted: false,
        epochLength: 0,
      },
      low: transcript,
      high: transcript,
    });
    const { record: last } = keys(coming);
    const summary = {
      height,
      nextHeight: height + 10,
      current: keys(current),
      next: keys(next),
      configs: [],
      record: last,
    };
    return { kind: 'EpochBegan' as const, height, summary, beacon: EMPTY };
  };

  test('are also those for whom keys are dealt: they have to hear the dealings', () => {
    const net = Net.started(2);
    const said = net.hear(net.member(0), epoch(10, ['n0', 'n1'], ['n0', 'n1'], ['n1', 'n6']));
    expect(said.find(({ kind }) => kind === 'ConnectPeers')).toMatchObject({
      peers: [{ nodeId: utf8('n1') }, { nodeId: utf8('n6') }],
    });
  });

  test('a node that joins keeps those it was told of until the chain has come as far', () => {
    const told = { nodeId: utf8('n9'), publicKey: utf8('key of n9'), address: 'n9:1' };
    const core = new P2pCore({ nodeId: utf8('n0'), peers: [told], peersVersion: 2 });
    const now = { ms: 0, unixNanos: 0n };
    core.step(now, { kind: 'started' });
    const connected = (version: number, height: number): readonly string[] => {
      const message = epoch(height, ['n1'], ['n1']);
      const { summary } = message;
      const record = { ...summary.current.record, version };
      const current = { ...summary.current, record };
      const input = { ...message, summary: { ...summary, current } };
      core.step(now, { kind: 'message', message: input, sender: 'test' });
      return [...core.view().members.values()].map(({ address }) => address.address).sort();
    };
    expect(connected(1, 10)).toEqual(['n1:1', 'n9:1']);
    expect(connected(2, 20)).toEqual(['n1:1']);
  });

  test('are asked of consensus from the start until it says who they are, and again when its news of an epoch was lost', () => {
    const net = new Net(2);
    const self = net.member(0);
    const asks = (ms: number): number => {
      const before = self.said.length;
      net.run(ms);
      return self.said.slice(before).filter(({ kind }) => kind === 'RequestEpoch').length;
    };
    const final = (height: number): void => {
      net.hear(self, {
        kind: 'BlockFinalized',
        height,
        blockHash: new Uint8Array(32),
        timeNanos: 0n,
        ingressIds: [],
      });
    };
    const said = net.step(self, { kind: 'started' });
    expect(said.some(({ kind }) => kind === 'RequestEpoch')).toBe(true);
    expect(asks(2_500)).toBe(2);
    net.hear(self, epoch(10, ['n0', 'n1'], ['n0', 'n1']));
    expect(asks(5_000)).toBe(0);
    // The block of the next summary is final before its news is here.
    final(20);
    expect(asks(5_000)).toBe(0);
    final(21);
    expect(asks(2_500)).toBe(2);
    net.hear(self, epoch(20, ['n0', 'n1'], ['n0', 'n1']));
    final(22);
    expect(asks(5_000)).toBe(0);
  });

  test('are those of this epoch and the next; whoever is none any more is forgotten and not heard', () => {
    const net = Net.started(3);
    const [self, gone] = [net.member(0), net.member(2)];
    net.publish(gone, artifact('old'));
    net.run(50);
    expect(self.core.view().library.size).toBe(1);
    const said = net.hear(self, epoch(10, ['n0', 'n1'], ['n1', 'n5']));
    expect(said.find(({ kind }) => kind === 'ConnectPeers')).toMatchObject({
      peers: [{ nodeId: utf8('n1') }, { nodeId: utf8('n5') }],
    });
    expect(self.core.view().library.size).toBe(0);
    expect(self.core.view().library.bodyBytes).toBe(0);
    const before = self.received().length;
    net.publish(gone, artifact('new'));
    net.run(50);
    expect(self.received()).toHaveLength(before);
    expect(
      net.hear(self, epoch(5, ['n0', 'n2'], ['n2'])).some(({ kind }) => kind === 'ConnectPeers'),
    ).toBe(false);
  });
});
