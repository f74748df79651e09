import { toHex } from '@internode/prelude';
import { expect, test } from 'vitest';
import { FETCH_LIMITS } from '../src/limits.ts';
import { artifact, type Frame, Net } from './net.ts';

const LARGE_BYTES = 20_000;

test('a body that another peer has brought meanwhile may come late: nobody is accused', () => {
  const net = Net.started(3);
  const [slow, quick, victim] = [net.member(0), net.member(1), net.member(2)];
  const isSlow = ({ from, to, frame }: Frame): boolean =>
    toHex(from) === toHex(slow.nodeId) &&
    toHex(to) === toHex(victim.nodeId) &&
    frame.length > LARGE_BYTES;
  net.way = (frame) => [isSlow(frame) ? FETCH_LIMITS.answerMs + 1_000 : 1];
  const made = artifact('late', { artifactKind: 'ingress', bytes: 2 * LARGE_BYTES });
  net.publish(slow, made);
  net.run(100);
  net.publish(quick, made);
  net.run(10_000);
  expect(net.frames.filter(isSlow).length).toBeGreaterThan(0);
  expect(victim.received()).toContain(toHex(made.id));
  expect(victim.count('PeerMisbehaved')).toBe(0);
});

test('an answer after its time is of no use, and no misdeed', () => {
  const net = Net.started(2);
  const [peer, asker] = [net.member(0), net.member(1)];
  const askId = new Uint8Array(16).fill(1);
  const question = { askId, topic: 'state_sync', body: new Uint8Array(3) } as const;
  net.hear(asker, { kind: 'AskPeer', ...question, peer: peer.nodeId, timeoutMs: 100 });
  net.run(300);
  net.hear(peer, { kind: 'AnswerPeer', ...question, peer: asker.nodeId });
  net.run(3_000);
  const answers = asker.said.filter(({ kind }) => kind === 'PeerAnswered');
  expect(answers).toMatchObject([{ failure: 'no answer in time' }]);
  expect(asker.count('PeerMisbehaved')).toBe(0);
});

test('an answer that was under way when a connection broke may come over the next one', () => {
  const net = Net.started(2);
  const [peer, asker] = [net.member(0), net.member(1)];
  const askId = new Uint8Array(16).fill(2);
  const question = { askId, topic: 'state_sync', body: new Uint8Array(3) } as const;
  net.hear(asker, { kind: 'AskPeer', ...question, peer: peer.nodeId, timeoutMs: 5_000 });
  net.run(100);
  // Only one side has noticed so far.
  for (const up of [false, true])
    net.hear(asker, { kind: 'PeerLinkChanged', peer: peer.nodeId, up });
  net.hear(peer, { kind: 'AnswerPeer', ...question, peer: asker.nodeId });
  net.run(3_000);
  const answers = asker.said.filter(({ kind }) => kind === 'PeerAnswered');
  expect(answers).toMatchObject([{ failure: 'connection lost' }]);
  expect(asker.count('PeerMisbehaved')).toBe(0);
});
