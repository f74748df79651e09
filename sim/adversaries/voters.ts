// Members whose votes and shares are not honest.
import type { Message } from '@internode/contracts';
import { bytesEqual, toHex } from '@internode/prelude';
import { bytesOfValue, CERTIFICATE, SHARE, VALUE, VOTE } from '../wire.ts';
import {
  blockHashOf,
  directOf,
  inventiveness,
  offerOf,
  proposalIn,
  signedVote,
  spoiled,
  twoSides,
} from './artifacts.ts';
import type { Evil, Temptation } from './behaviour.ts';

/** Two inventive makers would else be voted for without end. */
const VOTES_MAX = 400;

/** Votes for every block that it hears of, to notarise and to finalise it, to all or to one half of the others. */
export const equivocatingVoter: Temptation = (evil) => {
  const voted = new Set<string>();
  return {
    service: 'consensus',
    heard: (message, say) => {
      const proposal = proposalIn(message);
      if (proposal === undefined || message.kind !== 'ArtifactReceived') return;
      const blockHash = blockHashOf(proposal);
      const name = toHex(blockHash);
      if (voted.has(name) || voted.size >= VOTES_MAX) return;
      voted.add(name);
      const [here] = twoSides(evil);
      for (const purpose of ['notarization', 'finalization'] as const) {
        const vote = signedVote(evil, purpose, { height: proposal.block.height, blockHash });
        say(evil.random.chance(0.5) ? directOf(vote, here) : vote);
      }
    },
  };
};

const SHARES = [
  'notarization_share',
  'finalization_share',
  'beacon_share',
  'tape_share',
  'certification_share',
] as const;

/** Keeps some kinds of shares to itself. */
function withholding(service: string): Temptation {
  return ({ random }) => {
    const kept = new Set<string>(SHARES.filter(() => random.chance(0.6)));
    return {
      service,
      said: (message) =>
        message.kind === 'PublishArtifact' && kept.has(message.artifactKind) ? [] : [message],
    };
  };
}

export const withheldVotes = withholding('consensus');
export const withheldShares = withholding('beacon');

/** Signatures of its shares are wrong, or those of somebody else, or of something else. */
export const invalidVotes: Temptation = (evil) => ({
  service: 'consensus',
  said: (message) => {
    if (message.kind !== 'PublishArtifact' || !message.artifactKind.endsWith('_share'))
      return [message];
    const vote = VOTE.decode(message.body);
    if (vote.kind !== 'valid') return [message];
    const { random, subnet } = evil;
    const { signature, blockHash } = vote.value;
    const wrong = random.pick([
      { signature: spoiled(signature, evil) },
      { blockHash: spoiled(blockHash, evil) },
      { signer: random.pick(subnet.members).nodeId },
      { height: vote.value.height + 1 },
    ]);
    const bad = offerOf(message.artifactKind, VOTE.encode({ ...vote.value, ...wrong }));
    return random.chance(0.5) ? [bad] : [bad, message];
  },
});

export const invalidShares: Temptation = (evil) => ({
  service: 'beacon',
  said: (message) => {
    if (message.kind !== 'PublishArtifact' || !message.artifactKind.endsWith('_share'))
      return [message];
    const share = SHARE.decode(message.body);
    if (share.kind !== 'valid') return [message];
    const { random, subnet } = evil;
    const { signature, content } = share.value;
    const other = evil.crypto.bls.sign(evil.node.lowShare, content);
    const wrong = random.pick([
      { signature: other },
      { signature: spoiled(signature, evil) },
      { content: spoiled(content, evil) },
      { signer: random.pick(subnet.members).nodeId },
    ]);
    const bad = offerOf(message.artifactKind, SHARE.encode({ ...share.value, ...wrong }));
    return random.chance(0.5) ? [bad] : [bad, message];
  },
});

/** Claims proofs that it does not have: of votes, with a signer twice, too few, or wrong signatures; and of randomness. */
export const falseProofs: Temptation = (evil) => {
  const invents = inventiveness(evil);
  return {
    service: 'consensus',
    heard: (message, say) => {
      const proposal = proposalIn(message);
      if (proposal === undefined || message.kind !== 'ArtifactReceived') return;
      if (!invents()) return;
      const { height } = proposal.block;
      const blockHash = blockHashOf(proposal);
      const purpose = evil.random.pick(['notarization', 'finalization'] as const);
      const own = VOTE.decode(signedVote(evil, purpose, { height, blockHash }).body);
      if (own.kind !== 'valid') return;
      const signatures = signersOf(evil, own.value.signature);
      say(offerOf(purpose, CERTIFICATE.encode({ height, blockHash, signatures })));
    },
    said: (message) => {
      const value = falseValue(message, evil);
      return value === undefined ? [message] : [message, value];
    },
  };
};

function signersOf({ subnet, node, random }: Evil, signature: Uint8Array) {
  const faults = Math.floor((subnet.members.length - 1) / 3);
  const quorum = 2 * faults + 1;
  const twice = random.chance(0.5);
  return Array.from({ length: quorum }, (_, i) => {
    const signer = twice ? node.nodeId : (subnet.members[i]?.nodeId ?? node.nodeId);
    return { signer, signature };
  });
}

function falseValue(message: Message, evil: Evil): Message | undefined {
  if (message.kind !== 'RequestBeacon' && message.kind !== 'RequestTape') return undefined;
  const isBeacon = message.kind === 'RequestBeacon';
  const content = new Uint8Array(isBeacon ? 32 : 0);
  const signature = evil.crypto.bls.sign(evil.node.lowShare, new Uint8Array(8));
  const body = VALUE.encode({ height: message.height, content, signature });
  return offerOf(isBeacon ? 'beacon' : 'tape', body);
}

/** Shows shares of randomness for as many heights as it can, before anyone may. */
export const earlyShares: Temptation = (evil) => {
  let shown = 0;
  return {
    service: 'beacon',
    said: (message) => {
      if (message.kind !== 'TapeValue' || message.height < shown) return [message];
      const early = [1, 2, 3].map((ahead) => {
        shown = message.height + ahead;
        const content = new Uint8Array(0);
        const round = { height: shown, content };
        const bytes = bytesOfValue('tape', evil.subnet.subnetId, round);
        const signature = evil.crypto.bls.sign(evil.node.lowShare, bytes);
        const signer = evil.node.nodeId;
        return offerOf('tape_share', SHARE.encode({ ...round, signer, signature }));
      });
      return [message, ...early];
    },
  };
};

/** Of its own votes only those for blocks of its friends reach anyone, and only some of the others. */
export const partialVoter: Temptation = (evil) => ({
  service: 'consensus',
  said: (message) => {
    if (message.kind !== 'PublishArtifact' || !message.artifactKind.endsWith('_share'))
      return [message];
    const vote = VOTE.decode(message.body);
    const own = vote.kind === 'valid' && bytesEqual(vote.value.signer, evil.node.nodeId);
    return own ? [directOf(message, twoSides(evil)[0])] : [message];
  },
});

/** Says each value rightly, and at once wrongly, so that a check of the one might be taken for a check of the other. */
export const turncoat: Temptation = (evil) => ({
  service: 'beacon',
  said: (message) => {
    if (message.kind !== 'PublishArtifact' || message.artifactKind.endsWith('_share'))
      return [message];
    const value = VALUE.decode(message.body);
    if (value.kind !== 'valid') return [message];
    const all = evil.subnet.members.map(({ nodeId }) => nodeId);
    const signature = spoiled(value.value.signature, evil);
    const wrong = offerOf(message.artifactKind, VALUE.encode({ ...value.value, signature }));
    return [directOf(message, all), directOf(wrong, all), message];
  },
});
