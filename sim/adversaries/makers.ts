// Makers of blocks that are not honest.
import { sha256 } from '@internode/encoding';
import { bytesEqual } from '@internode/prelude';
import { PROPOSAL } from '../wire.ts';
import {
  blockHashOf,
  directOf,
  inventiveness,
  offerOf,
  proposalIn,
  signedProposal,
  twoSides,
} from './artifacts.ts';
import type { Temptation } from './behaviour.ts';

/** Two blocks at one height, one for each half of the others; sometimes both for all. */
export const equivocatingMaker: Temptation = (evil) => ({
  service: 'consensus',
  said: (message) => {
    const proposal = proposalIn(message);
    if (message.kind !== 'PublishArtifact' || proposal === undefined) return [message];
    if (!bytesEqual(proposal.maker, evil.node.nodeId)) return [message];
    const { timeNanos } = proposal.block;
    const other = signedProposal(evil, proposal, { timeNanos: timeNanos + 1n });
    const [here, there] = twoSides(evil);
    const whispered = [directOf(message, here), directOf(other, there)];
    return evil.random.chance(0.3) ? [...whispered, message, other] : whispered;
  },
});

/** Blocks that break a rule: from the future, of a certified height that nobody has, of another rank, on another parent. */
export const lawlessMaker: Temptation = (evil) => ({
  service: 'consensus',
  said: (message) => {
    const proposal = proposalIn(message);
    if (proposal === undefined || !bytesEqual(proposal.maker, evil.node.nodeId)) return [message];
    const { random } = evil;
    const { block } = proposal;
    const changes = [
      { timeNanos: block.timeNanos + 3_600_000_000_000n },
      { timeNanos: 1n },
      { certifiedHeight: block.certifiedHeight + 1 + random.below(100) },
      { certifiedHeight: Math.max(0, block.certifiedHeight - 1) },
      { rank: 0 },
      { rank: block.rank + 1 },
      { height: block.height + 1 },
      { parent: sha256(block.parent) },
      { payloadHash: sha256(block.payloadHash) },
      { registryVersion: block.registryVersion + 1 },
    ];
    if (!random.chance(0.7)) return [message];
    return [signedProposal(evil, proposal, random.pick(changes))];
  },
});

/** Its blocks stand on any parent, notarised or not: each block that it hears of gets children, of every rank. */
export const hastyMaker: Temptation = (evil) => {
  const invents = inventiveness(evil);
  const ranks = Math.floor((evil.subnet.members.length - 1) / 3) + 1;
  return {
    service: 'consensus',
    heard: (message, say) => {
      const proposal = proposalIn(message);
      if (proposal === undefined || message.kind !== 'ArtifactReceived') return;
      if (!invents()) return;
      const { block } = proposal;
      for (let rank = 0; rank < ranks; rank++) {
        const child = {
          height: block.height + 1,
          parent: blockHashOf(proposal),
          rank,
          timeNanos: block.timeNanos + 1n,
        };
        say(signedProposal(evil, proposal, child));
      }
    },
  };
};

/** Passes on blocks of others with their signatures spoiled, as its own, or with another payload. */
export const forger: Temptation = (evil) => {
  const invents = inventiveness(evil);
  return {
    service: 'consensus',
    heard: (message, say) => {
      const proposal = proposalIn(message);
      if (proposal === undefined || message.kind !== 'ArtifactReceived') return;
      if (!invents()) return;
      const { maker } = proposal;
      const stolen = signedProposal(evil, proposal, { timeNanos: proposal.block.timeNanos + 1n });
      say(stolen);
      const again = proposalIn(stolen);
      if (again !== undefined) say(offerOf('block_proposal', PROPOSAL.encode({ ...again, maker })));
    },
  };
};
