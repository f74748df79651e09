import { toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { ASK_LIMITS, FETCH_LIMITS, OFFER_LIMITS, PEER_LIMITS } from '../src/index.ts';
import { Evil } from './evil.ts';
import { artifact, dice, type Member, Net } from './net.ts';

/** What one peer's misdeeds may leave behind. */
function expectBounded(member: Member): void {
  const { library, members, wanted } = member.core.view();
  const slots = OFFER_LIMITS.slotsMax * PEER_LIMITS.slotsTolerance;
  for (const peer of members.values()) {
    expect(peer.table.size).toBeLessThanOrEqual(slots);
    expect(peer.bodyBytes).toBeLessThanOrEqual(PEER_LIMITS.bodyBytesPerPeerMax);
    expect(peer.inFlight).toBeLessThanOrEqual(FETCH_LIMITS.inFlightPerPeerMax);
  }
  expect(library.size).toBeLessThanOrEqual(slots * members.size);
  expect(wanted).toBeLessThanOrEqual(FETCH_LIMITS.offeredPerPeerMax * members.size);
}

function hearFrame(net: Net, from: Member, to: Member, frame: Uint8Array): void {
  net.hearFrame(to, from.nodeId, frame);
}

describe('a peer that means harm', () => {
  test.each([1, 2, 3])(
    'sends anything, seed %i: nothing is thrown, memory is bounded, the others are served',
    (seed) => {
      const net = Net.started(3);
      const [evil, victim, honest] = [net.member(0), net.member(1), net.member(2)];
      const mind = new Evil(dice(seed));
      net.link(evil, victim, false);
      for (let round = 0; round < 1_500; round += 1) {
        hearFrame(net, evil, victim, mind.frame());
        if (round % 10 === 0) net.run(20);
      }
      expectBounded(victim);
      const made = artifact(`made ${seed}`);
      net.publish(honest, made);
      net.run(50);
      expect(victim.received()).toContain(toHex(made.id));
      expect(victim.count('PeerMisbehaved')).toBeGreaterThan(0);
      // Its own word is worth no more than any other's: what is complete and correct is taken.
      net.link(victim, evil, false);
      net.hear(victim, { kind: 'ConnectPeers', peers: [] });
      expectBounded(victim);
    },
  );

  test('floods with correct artifacts: so many are said, the rest waits, the other peer is said at once', () => {
    const net = Net.started(3);
    const [evil, victim, honest] = [net.member(0), net.member(1), net.member(2)];
    const mind = new Evil(dice());
    const before = victim.received().length;
    for (let i = 0; i < 40; i += 1)
      hearFrame(net, evil, victim, mind.frameOf([mind.flood(i * 500, 500, 100)]));
    const said = victim.received().length - before;
    expect(said).toBeLessThanOrEqual(PEER_LIMITS.callsAtOnce + PEER_LIMITS.othersAtOnce);
    const made = artifact('vote');
    net.publish(honest, made);
    net.run(10);
    expect(victim.received()).toContain(toHex(made.id));
    net.run(1_000);
    const later = victim.received().length - before - said;
    expect(later).toBeGreaterThan(100);
    expect(later).toBeLessThanOrEqual(
      PEER_LIMITS.callsPerSecond +
        PEER_LIMITS.othersPerSecond +
        PEER_LIMITS.sayAgainMessagesMax +
        10,
    );
    expectBounded(victim);
  });

  test('fills its slots with rubbish: what others offer is said again all the same', () => {
    const net = Net.started(3);
    const [evil, victim, honest] = [net.member(0), net.member(1), net.member(2)];
    const mind = new Evil(dice());
    for (let i = 0; i < 40; i += 1) {
      hearFrame(net, evil, victim, mind.frameOf([mind.flood(i * 500, 500, 100)]));
      net.run(1_000);
    }
    const made = artifact('vote');
    net.publish(honest, made);
    net.run(60_000);
    const said = victim.received().filter((id) => id === toHex(made.id));
    expect(said.length).toBeGreaterThanOrEqual(20);
  });

  test('is blamed for rubbish: less of it is said, and nothing less of the others', () => {
    const net = Net.started(3);
    const [evil, victim, honest] = [net.member(0), net.member(1), net.member(2)];
    const mind = new Evil(dice());
    const before = victim.received().length;
    for (let i = 0; i < 100; i += 1) {
      const heard = victim.received().length;
      hearFrame(net, evil, victim, mind.frameOf([mind.flood(i * 100, 100, 100)]));
      for (let said = victim.received().length - heard; said > 0; said -= 1)
        net.hear(victim, { kind: 'BlamePeer', peer: evil.nodeId });
      net.run(100);
    }
    const waited = victim.events.filter(
      (event) => event.kind === 'PeerLimited' && event.what === 'said',
    );
    expect(waited.length).toBeGreaterThan(0);
    expect(new Set(victim.received().slice(before)).size).toBeLessThan(3_000);
    const made = artifact('vote');
    net.publish(honest, made);
    net.run(10);
    expect(victim.received()).toContain(toHex(made.id));
  });

  test('floods with bytes: over its account, frames are not even read', () => {
    const net = Net.started(2);
    const [evil, victim] = [net.member(0), net.member(1)];
    const mind = new Evil(dice());
    for (let i = 0; i < 400; i += 1)
      hearFrame(net, evil, victim, mind.frameOf([mind.flood(i * 10, 10, 50_000)]));
    net.run(1_000);
    const limited = victim.events.filter(
      (event) => event.kind === 'PeerLimited' && event.what === 'heard',
    );
    expect(limited).toHaveLength(1);
    expect(victim.said.some(({ kind }) => kind === 'PausePeer')).toBe(true);
    expectBounded(victim);
  });

  test('names slots out of range, falling commits, a wrong end: the update is refused as a whole', () => {
    const net = Net.started(2);
    const [evil, victim] = [net.member(0), net.member(1)];
    const mind = new Evil(dice());
    const { artifactKind, id, body } = artifact('x');
    const content = { artifactKind, id, size: body.length, body };
    const heard = (changes: readonly { slot: number; commit: number }[], through: number): void =>
      hearFrame(
        net,
        evil,
        victim,
        mind.frameOf([
          {
            kind: 'updates',
            updates: {
              after: 0,
              through,
              commit: through,
              last: false,
              changes: changes.map((change) => ({ ...change, content })),
            },
          },
        ]),
      );
    heard([{ slot: 60_000, commit: 1 }], 1);
    heard(
      [
        { slot: 1, commit: 2 },
        { slot: 2, commit: 2 },
      ],
      2,
    );
    heard([{ slot: 1, commit: 5 }], 4);
    expect(victim.received()).toEqual([]);
    net.run(1_000);
    expect(victim.events).toContainEqual({
      kind: 'PeerMisbehaved',
      peer: toHex(evil.nodeId),
      what: 'updates malformed',
      times: 3,
    });
  });

  test('offers a body that is not what the id says: it is not said, and the right one of another peer is', () => {
    const net = Net.started(3);
    const [evil, victim, honest] = [net.member(0), net.member(1), net.member(2)];
    const mind = new Evil(dice());
    const made = artifact('the right one');
    const { artifactKind, id } = made;
    const body = artifact('the wrong one').body;
    const content = { artifactKind, id, size: body.length, body };
    const changes = [{ slot: 0, commit: 1, content }];
    const updates = { after: 0, through: 1, commit: 1, changes, last: false };
    hearFrame(net, evil, victim, mind.frameOf([{ kind: 'updates', updates }]));
    expect(victim.received()).toEqual([]);
    net.publish(honest, made);
    net.run(10);
    const [said] = victim.said.filter(
      (message) => message.kind === 'ArtifactReceived' && toHex(message.id) === toHex(id),
    );
    expect(said).toMatchObject({ body: made.body, fromNode: honest.nodeId });
  });

  test('withholds what it advertises: it is asked now and then, and another that has it is asked soon', () => {
    const net = Net.started(3);
    const [evil, victim, honest] = [net.member(0), net.member(1), net.member(2)];
    const mind = new Evil(dice());
    const made = artifact('call', { artifactKind: 'ingress', bytes: 5_000 });
    const content = { artifactKind: made.artifactKind, id: made.id, size: made.body.length };
    const updates = {
      after: 0,
      through: 1,
      commit: 1,
      changes: [{ slot: 0, commit: 1, content }],
      last: false,
    };
    net.way = ({ to }) => (toHex(to) === toHex(evil.nodeId) ? [] : [1]);
    hearFrame(net, evil, victim, mind.frameOf([{ kind: 'updates', updates }]));
    net.run(5_000);
    const asked = net.frames.filter(({ to }) => toHex(to) === toHex(evil.nodeId)).length;
    expect(asked).toBeLessThan(60);
    net.publish(honest, made);
    net.run(FETCH_LIMITS.answerMs + FETCH_LIMITS.restMs + 500);
    expect(victim.received()).toEqual([toHex(made.id)]);
  });

  test('denies having it, at once and for ever: it is not asked in a circle', () => {
    const net = Net.started(2);
    const [evil, victim] = [net.member(0), net.member(1)];
    const made = artifact('nowhere', { artifactKind: 'ingress' });
    const ids = [made.id];
    net.hear(victim, {
      kind: 'RequestArtifacts',
      artifactKind: 'ingress',
      ids,
      fromNode: evil.nodeId,
    });
    const before = net.frames.length;
    net.run(3_000);
    expect(net.frames.length - before).toBeLessThan(40);
    net.run(FETCH_LIMITS.giveUpMs);
    expect(victim.core.view().wanted).toBe(0);
  });

  test('asks more than it may: questions over the limit are dropped, answers nobody asked for too', () => {
    const net = Net.started(2);
    const [evil, victim] = [net.member(0), net.member(1)];
    const mind = new Evil(dice());
    const body = new Uint8Array(3);
    for (let i = 0; i < 100; i += 1) {
      const askId = new Uint8Array(16).fill(i);
      hearFrame(
        net,
        evil,
        victim,
        mind.frameOf([
          { kind: 'ask', ask: { askId, topic: 'state_sync', body } },
          { kind: 'answer', answer: { askId, topic: 'state_sync', size: 3, offset: 0, body } },
        ]),
      );
    }
    const count = (kind: string): number => victim.said.filter((said) => said.kind === kind).length;
    expect(count('PeerAsked')).toBe(ASK_LIMITS.openPerPeerMax);
    expect(count('PeerAnswered')).toBe(0);
  });

  test('puts something else beside an answer: it is not gone when the answer is whole and its memory freed', () => {
    const net = Net.started(2);
    const [evil, victim] = [net.member(0), net.member(1)];
    const askId = new Uint8Array(16).fill(7);
    const ask = { topic: 'state_sync', body: new Uint8Array(1), timeoutMs: 1_000 } as const;
    net.hear(victim, { kind: 'AskPeer', askId, peer: evil.nodeId, ...ask });
    net.run(10);
    const body = new Uint8Array(200_000).fill(3);
    const beside = artifact('block', { artifactKind: 'block_proposal', bytes: 1_000 });
    hearFrame(
      net,
      evil,
      victim,
      new Evil(dice()).frameOf([
        {
          kind: 'answer',
          answer: { askId, topic: 'state_sync', size: body.length, offset: 0, body },
        },
        { kind: 'direct', direct: beside },
      ]),
    );
    net.run(10);
    expect(victim.said.find(({ kind }) => kind === 'PeerAnswered')).toMatchObject({ failure: '' });
    const brought = victim.said.find((said) => said.kind === 'ArtifactReceived');
    expect(brought?.body).toEqual(beside.body);
  });

  test('wants the whole table again and again: it gets what its account allows', () => {
    const net = Net.started(2);
    const [evil, victim] = [net.member(0), net.member(1)];
    for (let i = 0; i < 200; i += 1)
      net.publish(
        victim,
        artifact(`block ${i}`, { artifactKind: 'block_proposal', bytes: 100_000 }),
      );
    net.run(3_000);
    const before = net.frames.length;
    const mind = new Evil(dice());
    for (let i = 0; i < 500; i += 1)
      hearFrame(net, evil, victim, mind.frameOf([{ kind: 'want', want: { life: 0, after: 0 } }]));
    const bytes = net.frames.slice(before).reduce((sum, { frame }) => sum + frame.length, 0);
    expect(bytes).toBeLessThan(PEER_LIMITS.servedBytesAtOnce + 2 * PEER_LIMITS.burstBytesMax);
  });
});
