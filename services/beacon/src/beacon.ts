// The shell's view of this room: what the service hears and how its core is born.
import type { Hearing, ServiceDefinition, Subjects } from '@internode/actor';
import type { MessageKind } from '@internode/contracts';
import type { BeaconConfig } from './config.ts';
import { BeaconCore } from './core/beacon.ts';
import type { BeaconEvent } from './core/event.ts';
import type { BeaconAnswer, BeaconTask } from './core/task.ts';

const HEARS: readonly Hearing[] = [
  { kind: 'StateHashed', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'BlockNotarized', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'BlockFinalized', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestBeacon', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestTape', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestReadiness', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'EpochBegan', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'DealingsFinalized', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'CheckpointMade', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestOffers', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'PeerAsked', lane: 'bulk', whenFull: 'drop-oldest' },
  { kind: 'PeerAnswered', lane: 'bulk', whenFull: 'drop-oldest' },
  { kind: 'ArtifactReceived', lane: 'bulk', whenFull: 'drop-oldest' },
];

/** The broker lets it say nothing else. */
const SAYS: readonly MessageKind[] = [
  'RequestReceived',
  'RequestEpoch',
  'RequestCertified',
  'Readiness',
  'CatchUpPackageMade',
  'DealingMade',
  'ComplaintMade',
  'PublishArtifact',
  'WithdrawArtifact',
  'BlamePeer',
  'SendArtifact',
  'AskPeer',
  'AnswerPeer',
  'BeaconValue',
  'TapeValue',
  'CertificationValue',
];

export const beaconSubjects: Subjects = { says: SAYS, hears: HEARS.map(({ kind }) => kind) };

export type BeaconDefinition = ServiceDefinition<BeaconTask, BeaconAnswer, BeaconEvent>;

/** The definition of the beacon service of one node. */
export function createBeacon(config: BeaconConfig): BeaconDefinition {
  return {
    name: 'beacon',
    hears: HEARS,
    says: SAYS,
    core: () => new BeaconCore(config),
  };
}
