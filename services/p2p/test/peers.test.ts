import { toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { OFFER_LIMITS } from '../src/index.ts';
import { artifact, dice, Net } from './net.ts';

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
    const made = artifact('big', { artifactKind: 'ingress', bytes: 700_000 });
    net.publish(net.member(0), made);
    net.run(500);
    expect(net.member(1).received()).toEqual([toHex(made.id)]);
    expect(Math.max(...net.frames.map(({ frame }) => frame.length))).toBeLessThan(600_000);
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
    expect(answers[0]).toMatchObject({ failure: '', body });
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
