import type { SyncAnswer, SyncQuestion } from '@internode/contracts';
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { assert } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { ANSWER, QUESTION } from '../src/core/exchange.ts';
import { SYNC_LIMITS } from '../src/limits.ts';
import { History, Random } from './history.ts';
import type { MessageOf, Rig } from './rig.ts';
import { epochBegan, type Meddle, packageOf, replica, Subnet } from './subnet.ts';

setHashEngine(nodeHashEngine);

const BATCHES = new History(21).batches(25);
const NOTHING = new Uint8Array(0);

function donor(): Rig {
  const rig = replica();
  rig.tell(epochBegan(0, BATCHES.length));
  for (const each of BATCHES) rig.tell(each);
  return rig;
}

function answerOf(body: Uint8Array): SyncAnswer {
  const answer = ANSWER.decode(body);
  assert(answer.kind === 'valid', 'an answer decodes');
  return answer.value;
}

/** Changes the content of parts of this kind. */
function spoils(change: (answer: SyncAnswer) => Partial<SyncAnswer>): Meddle {
  return (body) => {
    const answer = answerOf(body);
    return ANSWER.encode({ ...answer, ...change(answer) });
  };
}

const LIES: readonly (readonly [string, Meddle])[] = [
  [
    'one bit of each part',
    spoils(({ content }) => ({ content: content.map((byte, i) => (i === 7 ? byte ^ 4 : byte)) })),
  ],
  ['a last byte too few', spoils(({ content }) => ({ content: content.subarray(0, -1) }))],
  [
    'a byte too many',
    spoils(({ content }) => ({
      content: Uint8Array.of(...content.subarray(0, 9), 0, ...content.subarray(9, 900)),
    })),
  ],
  ['nothing', spoils(() => ({ content: NOTHING }))],
  ['four megabytes', spoils(() => ({ content: new Uint8Array(4_000_000).fill(1) }))],
  [
    'what is said to be compressed',
    spoils(({ content }) => ({ compressed: true, content: content.subarray(0, 50) })),
  ],
  ['that there is no such part', spoils(() => ({ outcome: 'no_such_part', content: NOTHING }))],
  ['bytes that are no answer', () => Uint8Array.of(0xff, 0xff, 1)],
];

const SLUGGISH: readonly (readonly [string, Meddle])[] = [
  ['silence', () => undefined],
  ['always that it is busy', spoils(() => ({ outcome: 'busy', content: NOTHING }))],
  [
    'always that it knows no such checkpoint',
    spoils(() => ({ outcome: 'unknown_root', content: NOTHING })),
  ],
];

function made(rig: Rig): MessageOf<'CheckpointMade'> {
  return rig.last('CheckpointMade') as MessageOf<'CheckpointMade'>;
}

function syncWith(first: Meddle, from = 0): { joiner: Rig; subnet: Subnet } {
  const subnet = new Subnet();
  const honest = subnet.add(1, donor());
  subnet.add(3, honest);
  let answers = 0;
  subnet.meddle(3, (body, asked) => (answers++ < from ? body : first(body, asked)));
  const joiner = subnet.add(2, replica());
  joiner.tell({ kind: 'SyncState', package: packageOf(made(honest)), peers: subnet.peers(3, 1) });
  for (let i = 0; i < 60 && joiner.event('SyncDone').length === 0; i++) {
    subnet.carry();
    joiner.advance(600);
  }
  return { joiner, subnet };
}

describe('a peer that lies', () => {
  test.each(LIES)('with %s is asked no more, and the state is fetched from others', (_, lie) => {
    for (const from of [0, 2]) {
      const { joiner, subnet } = syncWith(lie, from);
      expect(joiner.certifiedHeight).toBe(BATCHES.length);
      const dropped = joiner.event('SyncPeerDropped').map(({ peer }) => peer[0]);
      const hasLied = (subnet.asked.get('0302') ?? 0) > from;
      expect(dropped).toEqual(hasLied ? dropped.map(() => 3) : []);
      if (from === 0) expect(dropped.length).toBeGreaterThan(0);
      expect(subnet.asked.get('0302') ?? 0).toBeLessThanOrEqual(from + SYNC_LIMITS.askedOfPeerMax);
    }
  });

  test('when all do, nothing is installed, and an honest one that comes later is enough', () => {
    const subnet = new Subnet();
    const honest = donor();
    subnet.add(3, honest);
    subnet.meddle(3, (LIES[0] as (typeof LIES)[0])[1]);
    const joiner = subnet.add(2, replica());
    const offered = packageOf(made(honest));
    joiner.tell({ kind: 'SyncState', package: offered, peers: subnet.peers(3) });
    for (let i = 0; i < 20; i++) {
      subnet.carry();
      joiner.advance(1_000);
    }
    expect(joiner.certifiedHeight).toBe(0);
    expect(joiner.last('Readiness')).toMatchObject({ ready: false });
    subnet.add(1, honest);
    joiner.tell({ kind: 'SyncState', package: offered, peers: subnet.peers(3, 1) });
    for (let i = 0; i < 20; i++) {
      subnet.carry();
      joiner.advance(1_000);
    }
    expect(joiner.certifiedHeight).toBe(BATCHES.length);
  });

  test('about the answer to another question, or one that was never asked, is not heard', () => {
    const subnet = new Subnet();
    const honest = subnet.add(1, donor());
    const joiner = subnet.add(2, replica());
    joiner.tell({ kind: 'SyncState', package: packageOf(made(honest)), peers: subnet.peers(1) });
    const ask = joiner.last('AskPeer') as MessageOf<'AskPeer'>;
    const answer = {
      kind: 'PeerAnswered',
      topic: 'state_sync',
      body: NOTHING,
      failure: '',
    } as const;
    joiner.tell({ ...answer, askId: new Uint8Array(16), peer: ask.peer });
    joiner.tell({ ...answer, askId: ask.askId, peer: Uint8Array.of(9) });
    expect(joiner.event('SyncPeerDropped')).toHaveLength(0);
    subnet.carry();
    expect(joiner.certifiedHeight).toBe(BATCHES.length);
  });
});

describe('a peer that is slow', () => {
  test.each(SLUGGISH)('or gives %s, does not hold up the others', (_, sloth) => {
    const { joiner } = syncWith(sloth);
    expect(joiner.certifiedHeight).toBe(BATCHES.length);
    expect(joiner.event('SyncPeerDropped')).toHaveLength(0);
  });

  test('whose answer is lost on our own bus too is not waited for longer than a while', () => {
    const subnet = new Subnet();
    const honest = subnet.add(1, donor());
    const joiner = subnet.add(2, replica());
    joiner.tell({ kind: 'SyncState', package: packageOf(made(honest)), peers: subnet.peers(1) });
    const asked = joiner.allSaid('AskPeer').length;
    joiner.advance(SYNC_LIMITS.answerMs + SYNC_LIMITS.answerGraceMs + 2_000);
    expect(joiner.allSaid('AskPeer').length).toBeGreaterThan(asked);
  });
});

describe('questions from outside', () => {
  const ask = (rig: Rig, body: Uint8Array, id: number) =>
    rig.tell({
      kind: 'PeerAsked',
      askId: Uint8Array.of(id & 255, id >> 8),
      topic: 'state_sync',
      peer: Uint8Array.of(5),
      body,
    });

  test('of any bytes are answered shortly or not at all', () => {
    const rig = donor();
    const random = new Random(77);
    const { manifestRoot } = made(rig);
    const whole = QUESTION.encode({ manifestRoot, part: 'chunks', indices: [0, 1] });
    for (let i = 0; i < 600; i++) {
      const body = i % 2 === 0 ? random.bytes(random.below(80)) : Uint8Array.from(whole);
      if (i % 2 === 1) body[random.below(body.length)] = random.below(256);
      ask(rig, body, i);
    }
    for (const { body } of rig.allSaid('AnswerPeer')) expect(body.length).toBeLessThan(4_000_000);
    expect(rig.certifiedHeight).toBe(BATCHES.length);
  });

  test('for chunks that there are not, in disorder, too many or too large are refused', () => {
    const rig = donor();
    const { manifestRoot } = made(rig);
    const outcome = (question: Partial<SyncQuestion>): string => {
      const whole = { manifestRoot, part: 'chunks', indices: [], ...question } as const;
      ask(rig, QUESTION.encode(whole), 1);
      return answerOf((rig.last('AnswerPeer') as MessageOf<'AnswerPeer'>).body).outcome;
    };
    const all = Array.from({ length: 40 }, (_, index) => index);
    expect(outcome({ indices: [0] })).toBe('content');
    expect(outcome({ indices: [] })).toBe('no_such_part');
    expect(outcome({ indices: [1, 0] })).toBe('no_such_part');
    expect(outcome({ indices: [1, 1] })).toBe('no_such_part');
    expect(outcome({ indices: [100_000] })).toBe('no_such_part');
    expect(outcome({ indices: all })).toBe('no_such_part');
    expect(outcome({ indices: Array.from({ length: 20_000 }, (_, index) => index) })).toBe(
      'no_such_part',
    );
    expect(outcome({ part: 'sub_manifest', indices: [7] })).toBe('no_such_part');
    expect(outcome({ manifestRoot: new Uint8Array(32) })).toBe('unknown_root');
  });

  test('of one peer, too many at once, are turned away', () => {
    const rig = donor();
    rig.holdsServing = true;
    const { manifestRoot } = made(rig);
    const body = QUESTION.encode({ manifestRoot, part: 'manifest_head', indices: [] });
    for (let i = 0; i < 20; i++) ask(rig, body, i);
    const busy = rig.allSaid('AnswerPeer').map((said) => answerOf(said.body).outcome);
    expect(busy).toEqual(Array.from({ length: 20 - SYNC_LIMITS.servingOfPeerMax }, () => 'busy'));
    rig.holdsServing = false;
    rig.release();
    ask(rig, body, 99);
    expect(answerOf((rig.last('AnswerPeer') as MessageOf<'AnswerPeer'>).body).outcome).toBe(
      'content',
    );
  });
});
