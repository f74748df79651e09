// Nodes that did not hear the dealings of keys that they hold a share of: they joined late, or lost their disks.
import type { Message, SharingRows } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { ANSWER, ENTRY, QUESTION } from '../src/core/wire.ts';
import { BEACON_LIMITS } from '../src/index.ts';
import { advance, certify, DkgNetwork, epoch, kept } from './dkg-network.ts';

const ALL = [0, 1, 2, 3, 4, 5, 6];

/** Four grow to seven; the three new ones begin with the summary before the one that makes them members. */
function grown(prepare: (network: DkgNetwork) => void = () => {}): DkgNetwork {
  const network = new DkgNetwork(4, 3);
  prepare(network);
  network.start();
  network.reaches = (node) => node < 4;
  epoch(network, ALL);
  network.reaches = () => true;
  epoch(network, ALL);
  return network;
}

function rejected(network: DkgNetwork, index: number): string[] {
  return network
    .node(index)
    .events.flatMap((event) =>
      event.kind === 'ArtifactRejected' && event.artifact === 'key_shares' ? [event.peer] : [],
    );
}

describe('joiners', () => {
  test('that begin in the very epoch before they are members have their shares when they are', () => {
    const network = grown();
    expect(network.summary.next.high.target.summaryHeight).toBe(20);
    for (const index of [4, 5, 6]) expect(kept(network, index)).toBe(2);
    epoch(network, ALL);
    expect(network.summary.current.record.nodes).toHaveLength(7);
    // Five of seven are needed: all that are new, and two.
    network.crash(0);
    network.crash(1);
    expect(certify(network, 61)).toEqual([2, 3, 4, 5, 6]);
  });

  test('that begin when they are members already sign in that epoch, and deal in it', () => {
    const network = new DkgNetwork(4, 3);
    network.start();
    network.reaches = (node) => node < 4;
    epoch(network, ALL);
    epoch(network, ALL);
    network.nextEpoch(ALL);
    network.reaches = () => true;
    network.sayEpoch();
    network.crash(0);
    network.run(12);
    for (const index of [4, 5, 6])
      expect(network.node(index).events.filter(({ kind }) => kind === 'Dealt')).toHaveLength(2);
    network.crash(1);
    expect(certify(network, 61)).toEqual([2, 3, 4, 5, 6]);
  });

  test('ask for what they sign with before all else, so that a peer which gives little at a time delays no key', () => {
    const network = grown();
    network.answers = (_, body) => {
      const decoded = ANSWER.decode(body);
      const found = decoded.kind === 'valid' ? decoded.value.found : undefined;
      if (found === undefined) return body;
      return ANSWER.encode({ found: { ...found, rows: found.rows.slice(0, 1) } });
    };
    network.restart(4, 0);
    network.sayEpoch();
    network.node(4).said.length = 0;
    network.fireTimers(4);
    network.settle();
    const asked = network.node(4).said.flatMap((message) => {
      const question = message.kind === 'AskPeer' ? QUESTION.decode(message.body) : undefined;
      return question?.kind === 'valid' ? [question.value.target.key] : [];
    });
    expect(asked.slice(0, 3)).toEqual(['low', 'high', 'low']);
    expect(asked).toHaveLength(14);
  });

  test('of a subnet of one: all that the others know is what its only member tells them', () => {
    const network = new DkgNetwork(1, 3);
    network.start();
    network.reaches = (node) => node === 0;
    epoch(network, [0, 1, 2, 3]);
    network.reaches = () => true;
    epoch(network, [0, 1, 2, 3]);
    epoch(network, [0, 1, 2, 3]);
    network.crash(0);
    expect(certify(network, 61)).toEqual([1, 2, 3]);
    expect(network.summary.current.high.groupKey).toEqual(network.subnet.high.groupPublicKey);
  });

  test('have what they were told in their journals, and can tell it', () => {
    const network = grown();
    for (const index of [0, 1, 2, 3]) network.crash(index);
    network.restart(5);
    network.restart(4);
    network.restart(6, 0);
    network.sayEpoch();
    network.run();
    expect(kept(network, 6)).toBe(4);
  });
});

/** What a peer that lies makes of its answer. */
const LIES: Readonly<Record<string, (found: SharingRows) => SharingRows | undefined>> = {
  'rows that are not those of the key': (found) => ({
    ...found,
    rows: found.rows.map((row) => row.map((byte) => byte ^ 1)),
  }),
  'rows of others in the place of the own': (found) => ({
    ...found,
    rows: found.rows.toReversed(),
  }),
  'rows that are too many': (found) => ({ ...found, rows: [...found.rows, ...found.rows] }),
  'no rows at all': (found) => ({ ...found, rows: [] }),
  'rows of nobody': (found) => ({ ...found, first: 7 }),
  'row hashes that fit false rows': (found) => ({
    ...found,
    sharing: { ...found.sharing, rowHashes: found.sharing.rowHashes.toReversed() },
    rows: found.rows.toReversed(),
  }),
  'keys that open nothing': (found) => ({
    ...found,
    sharing: { ...found.sharing, ephemeralKeys: found.sharing.ephemeralKeys.toReversed() },
  }),
  'a configuration that is not that of the chain': (found) => ({
    ...found,
    sharing: { ...found.sharing, config: { ...found.sharing.config, threshold: 1 } },
  }),
};

describe('a peer that lies to joiners', () => {
  test.each(Object.keys(LIES))('with %s is refused and blamed; another one is asked', (name) => {
    const lie = LIES[name] as (typeof LIES)[string];
    const network = grown((young) => {
      young.answers = (node, body) => {
        const decoded = ANSWER.decode(body);
        if (node > 2 || decoded.kind !== 'valid' || decoded.value.found === undefined) return body;
        const told = lie(decoded.value.found);
        return ANSWER.encode(told === undefined ? {} : { found: told });
      };
    });
    epoch(network, ALL);
    const liars = [0, 1, 2].map((index) => toHex(network.node(index).record.nodeId));
    const blamed = [4, 5, 6].flatMap((index) => rejected(network, index));
    expect(blamed.length).toBeGreaterThan(0);
    expect(liars).toEqual(expect.arrayContaining(blamed));
    network.crash(0);
    network.crash(1);
    expect(certify(network, 61)).toEqual([2, 3, 4, 5, 6]);
  });

  test.each([
    ['rubbish', new Uint8Array([1, 2, 3])],
    ['silence', undefined],
    ['that it has nothing', ANSWER.encode({})],
  ])('or tells %s holds nobody up', (_, told) => {
    const network = grown((young) => {
      young.answers = (node, body) => (node < 3 ? told : body);
    });
    network.run();
    epoch(network, ALL);
    network.crash(0);
    network.crash(1);
    expect(certify(network, 61)).toEqual([2, 3, 4, 5, 6]);
  });
});

describe('what was dealt', () => {
  test('is no more when no key in sight comes of it', () => {
    const network = grown();
    const targets = (): Set<number> =>
      new Set(
        network.node(0).journal.flatMap((bytes) => {
          const entry = ENTRY.decode(bytes);
          const sharing = entry.kind === 'valid' ? entry.value.sharing : undefined;
          return sharing === undefined ? [] : [sharing.sharing.config.target.summaryHeight];
        }),
      );
    for (let i = 0; i < 2; i += 1) epoch(network, ALL);
    expect(targets()).toEqual(new Set([20, 40, 60]));
    const { height, current, next } = network.summary;
    advance(network, height + 1);
    certify(network, height + 1);
    expect(targets()).toEqual(
      new Set([current.high.target.summaryHeight, next.high.target.summaryHeight]),
    );
  });

  test('to a receiver that was cheated and could not complain is not asked for again, and nobody is blamed', () => {
    const network = new DkgNetwork(4, 3);
    network.start();
    network.cheats.add(2);
    network.reaches = (node) => node < 4;
    network.complains = false;
    epoch(network, ALL);
    network.reaches = () => true;
    epoch(network, ALL);
    expect(kept(network, 4)).toBe(0);
    expect(rejected(network, 4)).toEqual([]);
    const asks = (): number => network.node(4).said.filter(({ kind }) => kind === 'AskPeer').length;
    network.node(4).said.length = 0;
    network.run();
    expect(asks()).toBe(0);
  });

  test('is told to one peer so many times and no more', () => {
    const network = grown();
    const { target } = network.summary.next.high;
    const body = QUESTION.encode({ target, first: 0 });
    const asked: Message[] = Array.from({ length: 40 }, (_, i) => ({
      kind: 'PeerAsked',
      askId: new Uint8Array(16).fill(i),
      topic: 'key_shares',
      peer: network.node(4).record.nodeId,
      body,
    }));
    network.node(0).said.length = 0;
    for (const message of asked) network.tell(0, message);
    network.settle();
    const answers = network.node(0).said.filter(({ kind }) => kind === 'AnswerPeer');
    expect(answers.length).toBeGreaterThan(4);
    expect(answers.length).toBeLessThanOrEqual(BEACON_LIMITS.sharingAnswersAtOnce);
  });
});
