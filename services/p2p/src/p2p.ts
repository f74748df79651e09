// The shell's view of this room: what the service hears and how its core is born.
import type { Hearing, ServiceDefinition, Subjects } from '@internode/actor';
import type { Message, MessageKind } from '@internode/contracts';
import type { P2pConfig } from './config.ts';
import type { P2pEvent } from './core/event.ts';
import { P2pCore } from './core/p2p.ts';

const HEARS: readonly Hearing[] = [
  { kind: 'BlockFinalized', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestIngress', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestReceived', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestReadiness', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'BlamePeer', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'EpochBegan', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'PublishArtifact', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'WithdrawArtifact', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'SendArtifact', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestArtifacts', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'AskPeer', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'AnswerPeer', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'PeerLinkChanged', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'FrameReceived', lane: 'bulk', whenFull: 'drop-oldest' },
  { kind: 'SubmitIngress', lane: 'bulk', whenFull: 'refuse' },
];

/** The broker lets it say nothing else. */
const SAYS: readonly MessageKind[] = [
  'IngressRefused',
  'IngressAdmitted',
  'ArtifactReceived',
  'IngressReceived',
  'PeerAsked',
  'PeerAnswered',
  'PausePeer',
  'ConnectPeers',
  'SendFrame',
  'RequestOffers',
  'RequestEpoch',
  'Readiness',
  'FrameReceived',
  'PeerLinkChanged',
];

/** Of the service and of the adapter beside it. */
export const p2pSubjects: Subjects = {
  says: SAYS,
  hears: [...HEARS.map(({ kind }) => kind), 'ConnectPeers', 'SendFrame', 'PausePeer'],
};

export type P2pDefinition = ServiceDefinition<never, never, P2pEvent>;

/** The definition of the p2p service of one node. */
export function createP2p(config: P2pConfig): P2pDefinition {
  return {
    name: 'p2p',
    hears: HEARS,
    says: SAYS,
    core: ({ seed }) => new P2pCore(config, seed),
    refuse: refuseIngress,
  };
}

/** The answer to a call that finds the mailbox full. */
function refuseIngress(message: Message): Message | undefined {
  if (message.kind !== 'SubmitIngress') return undefined;
  const { requestId } = message.ingress;
  const refusal = { rejectCode: 2, message: 'Overloaded: too many requests', errorCode: '' };
  return { kind: 'IngressRefused', requestId, refusal };
}
