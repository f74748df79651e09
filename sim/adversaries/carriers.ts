// Nodes whose p2p is not honest: they flood, lie, spoil, and answer questions wrongly.
import {
  type ArtifactKind,
  contract,
  decodeSyncAnswer,
  decodeSyncQuestion,
  encodeSyncAnswer,
  encodeSyncQuestion,
  type Message,
} from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { offerOf, spoiled } from './artifacts.ts';
import type { Evil, Temptation } from './behaviour.ts';

const SYNC_ANSWER = contract(
  'SyncAnswer',
  'types',
  'sync_answer',
  encodeSyncAnswer,
  decodeSyncAnswer,
);
const SYNC_QUESTION = contract(
  'SyncQuestion',
  'types',
  'sync_question',
  encodeSyncQuestion,
  decodeSyncQuestion,
);
/** Questions that a lying server remembers. */
const ASKED_MAX = 10_000;

const KINDS: readonly ArtifactKind[] = [
  'ingress',
  'block_proposal',
  'notarization_share',
  'notarization',
  'finalization_share',
  'finalization',
  'beacon_share',
  'beacon',
  'tape_share',
  'tape',
  'catch_up_share',
  'catch_up',
  'certification_share',
  'certification',
  'equivocation_proof',
  'dealing',
  'complaint',
];

function rubbish({ random }: Evil, bytesMax: number): Uint8Array {
  const bytes = new Uint8Array(1 + random.below(bytesMax));
  random.fill(bytes.subarray(0, 64));
  return bytes;
}

/** Frames of rubbish, as fast as it likes. */
export const floodingPeer: Temptation = (evil) => ({
  service: 'p2p',
  started: (say, clock) => {
    const { random, subnet } = evil;
    const everyMs = random.pick([5, 20, 100]);
    const peers = subnet.members.map(({ nodeId }) => nodeId);
    const flood = (): void => {
      for (let i = random.below(5); i >= 0; i--) {
        say({
          kind: 'SendFrame',
          peers,
          frame: rubbish(evil, 20_000),
          bulk: false,
          tail: new Uint8Array(0),
          done: false,
        });
      }
      clock.after(everyMs, flood);
    };
    clock.after(everyMs, flood);
  },
});

/** Artifacts of all kinds that are none, in slots and directly. */
export const floodingOffers: Temptation = (evil) => ({
  service: 'consensus',
  started: (say, clock) => {
    const { random, subnet } = evil;
    const everyMs = random.pick([5, 20, 100]);
    const toNodes = subnet.members.map(({ nodeId }) => nodeId);
    const flood = (): void => {
      const { artifactKind, id, body } = offerOf(random.pick(KINDS), rubbish(evil, 2_000));
      const wrongId = random.chance(0.2) ? sha256(id) : id;
      say(
        random.chance(0.5)
          ? { kind: 'PublishArtifact', artifactKind, id: wrongId, body }
          : { kind: 'SendArtifact', artifactKind, id: wrongId, body, toNodes },
      );
      clock.after(everyMs, flood);
    };
    clock.after(everyMs, flood);
  },
});

/** Some of its frames have a bit wrong, come twice, or never. */
export const spoiledFrames: Temptation = (evil) => ({
  service: 'p2p',
  said: (message) => {
    if (message.kind !== 'SendFrame') return [message];
    const { random } = evil;
    if (random.chance(0.1)) return [];
    if (random.chance(0.1)) return [message, message];
    const isTail = message.tail.length > 0 && random.chance(0.5);
    const part = isTail ? 'tail' : 'frame';
    if (random.chance(0.2)) return [{ ...message, [part]: spoiled(message[part], evil) }];
    return [message];
  },
});

/** Answers to peers' questions are spoiled, of another question, or missing. */
export const lyingServer: Temptation = (evil) => {
  let last: Uint8Array | undefined;
  const lie = (message: Message): readonly Message[] => {
    if (message.kind !== 'AnswerPeer') return [message];
    const { random } = evil;
    const before = last ?? message.body;
    last = message.body;
    if (random.chance(0.2)) return [];
    if (random.chance(0.3)) return [{ ...message, body: before }];
    if (random.chance(0.8)) return [{ ...message, body: spoiled(message.body, evil) }];
    return [message];
  };
  return { service: 'consensus', said: lie };
};

/** The same of a beacon: what was dealt, to those who did not hear it. */
export const lyingKeyServer: Temptation = (evil) => ({ ...lyingServer(evil), service: 'beacon' });

/** The same of a state. In some lives it is in order but for a bit of what it holds: who lies about the manifest is found out before. */
export const lyingStateServer: Temptation = (evil) => {
  const lying = lyingServer(evil);
  const isSubtle = evil.random.chance(0.5);
  const chunks = new Set<string>();
  return {
    service: 'state',
    heard: (message) => {
      if (message.kind !== 'PeerAsked' || chunks.size >= ASKED_MAX) return;
      const question = SYNC_QUESTION.decode(message.body);
      if (question.kind === 'valid' && question.value.part === 'chunks')
        chunks.add(toHex(message.askId));
    },
    said: (message) => {
      if (!isSubtle || message.kind !== 'AnswerPeer') return lying.said?.(message) ?? [message];
      const answer = SYNC_ANSWER.decode(message.body);
      if (answer.kind !== 'valid' || !chunks.has(toHex(message.askId))) return [message];
      const content = spoiled(answer.value.content, evil);
      return [{ ...message, body: SYNC_ANSWER.encode({ ...answer.value, content }) }];
    },
  };
};

/** Hears everything and says nothing. */
export const silent: Temptation = () => ({
  service: 'p2p',
  said: (message) => (message.kind === 'SendFrame' ? [] : [message]),
});
