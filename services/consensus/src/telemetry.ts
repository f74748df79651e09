import type { Description } from '@internode/actor';
import { unreachable } from '@internode/prelude';
import type { ConsensusEvent } from './core/event.ts';

/** How consensus looks to people. */
export function describeConsensus(event: ConsensusEvent): Description {
  switch (event.kind) {
    case 'BlockProposed':
      return {
        metrics: [{ kind: 'count', name: 'blocks_proposed_total' }],
        block: { height: event.height, proposed: true },
      };
    case 'HeightNotarized':
      return {
        metrics: [{ kind: 'histogram', name: 'round_seconds', value: event.roundMs / 1000 }],
        block: {
          height: event.height,
          roundMs: event.roundMs,
          attributes: { 'internode.rank': event.rank },
        },
      };
    case 'HeightFinalized':
      return {
        log: {
          level: 'debug',
          text: 'block final',
          fields: { height: event.height, messages: event.messages },
        },
        metrics: [
          { kind: 'gauge', name: 'height_finalized', value: event.height },
          { kind: 'count', name: 'blocks_finalized_total' },
          { kind: 'count', name: 'messages_finalized_total', by: event.messages },
          { kind: 'histogram', name: 'block_bytes', value: event.bytes },
        ],
        block: {
          height: event.height,
          attributes: { 'internode.messages': event.messages, 'internode.bytes': event.bytes },
        },
      };
    case 'ArtifactRejected':
      return {
        log: {
          level: 'warn',
          text: 'artifact rejected',
          fields: { artifact: event.artifact, peer: event.peer, reason: event.reason },
        },
        metrics: [{ kind: 'count', name: 'artifacts_rejected_total' }],
      };
    case 'ArtifactDropped':
      return {
        metrics: [
          { kind: 'count', name: 'artifacts_dropped_total', labels: { reason: event.reason } },
        ],
      };
    case 'IngressDropped':
      return {
        metrics: [
          { kind: 'count', name: 'ingress_dropped_total', labels: { reason: event.reason } },
        ],
      };
    case 'VotesHeld':
      return {
        log: {
          level: event.from === 1 ? 'debug' : 'warn',
          text:
            event.from === undefined
              ? 'the vote log is empty: nothing is signed before others have said how far they are'
              : 'nothing is signed below this height',
          fields: { height: event.from ?? 0 },
        },
      };
    case 'VoteBad':
      return {
        log: {
          level: 'warn',
          text: 'a member sent a vote that does not hold',
          fields: { height: event.height, member: event.member },
        },
        metrics: [{ kind: 'count', name: 'votes_bad_total' }],
      };
    case 'MakerEquivocated':
      return {
        log: {
          level: 'warn',
          text: 'a block maker signed two blocks',
          fields: { height: event.height, maker: event.maker },
        },
        metrics: [{ kind: 'count', name: 'equivocations_total' }],
      };
    case 'JournalCompacted':
      return { log: { level: 'debug', text: 'journal compacted', fields: { base: event.base } } };
    case 'BatchesForgotten':
      return {
        log: {
          level: 'error',
          text: 'batches asked for are older than the journal',
          fields: { asked: event.asked, oldest: event.oldest },
        },
      };
    case 'KeyGenerated':
      return {
        log: {
          level: event.succeeded ? 'info' : 'warn',
          text: event.succeeded ? 'key generated' : 'key generation failed, the keys stay',
          fields: {},
        },
        metrics: [
          { kind: 'count', name: 'keys_generated_total', labels: { outcome: outcomeOf(event) } },
        ],
      };
    case 'PackageKept':
      return { metrics: [{ kind: 'gauge', name: 'height_package', value: event.height }] };
    case 'PackageAdopted':
      return {
        log: {
          level: 'warn',
          text: 'too far behind: going on from a catch-up package',
          fields: { height: event.height },
        },
        metrics: [{ kind: 'count', name: 'packages_adopted_total' }],
      };
    case 'Replayed':
      return {
        log: { level: 'info', text: 'chain restored', fields: { height: event.finalized } },
        metrics: [{ kind: 'gauge', name: 'height_finalized', value: event.finalized }],
      };
    default:
      return unreachable(event);
  }
}

function outcomeOf({ succeeded }: { readonly succeeded: boolean }): string {
  return succeeded ? 'key' : 'failure';
}
