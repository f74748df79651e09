// The shell's view of this room: what the service hears and how its core is born.
import type { Hearing, ServiceDefinition, Subjects } from '@internode/actor';
import type { MessageKind } from '@internode/contracts';
import type { ConsensusConfig } from './config.ts';
import { ConsensusCore } from './core/consensus.ts';
import { summaryAtGenesis } from './core/epochs.ts';
import type { ConsensusEvent } from './core/event.ts';
import { LOCAL_PARAMETERS } from './core/subnet.ts';
import type { ConsensusAnswer, ConsensusTask } from './core/task.ts';

const HEARS: readonly Hearing[] = [
  { kind: 'ArtifactReceived', lane: 'bulk', whenFull: 'drop-oldest' },
  { kind: 'IngressReceived', lane: 'bulk', whenFull: 'drop-oldest' },
  { kind: 'BeaconValue', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'TapeValue', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'TipAdvanced', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'StateCertified', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'StateCommitted', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'SubnetRecordChanged', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'DealingMade', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'ComplaintMade', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'CatchUpPackageMade', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestEpoch', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestOffers', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'PeerLinkChanged', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'PeerAsked', lane: 'bulk', whenFull: 'drop-oldest' },
  { kind: 'PeerAnswered', lane: 'bulk', whenFull: 'drop-oldest' },
  { kind: 'RequestBatches', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestReadiness', lane: 'control', whenFull: 'drop-oldest' },
];

/** The broker lets it say nothing else. */
const SAYS: readonly MessageKind[] = [
  'AskPeer',
  'AnswerPeer',
  'RequestIngress',
  'RequestCertified',
  'Readiness',
  'WithdrawArtifact',
  'PublishArtifact',
  'EpochBegan',
  'DealingsFinalized',
  'BlockNotarized',
  'BatchReady',
  'BlockFinalized',
  'BlamePeer',
  'ArtifactReceived',
  'SendArtifact',
  'RequestBeacon',
  'RequestTape',
  'RequestSubnetRecord',
  'SyncState',
  'RequestArtifacts',
];

export const consensusSubjects: Subjects = { says: SAYS, hears: HEARS.map(({ kind }) => kind) };

export type ConsensusDefinition = ServiceDefinition<ConsensusTask, ConsensusAnswer, ConsensusEvent>;

/** The definition of the consensus service of one node. */
export function createConsensus(config: ConsensusConfig): ConsensusDefinition {
  const parameters = { ...LOCAL_PARAMETERS, ...config.parameters };
  const { nodeId, subnet, firstLife } = config;
  const { subnetId } = subnet;
  const genesis = config.genesis ?? summaryAtGenesis(subnet);
  const version = config.replicaVersion;
  const core = {
    subnetId,
    genesis,
    nodeId,
    parameters,
    firstLife,
    ...(version !== undefined && { replicaVersion: version }),
  };
  return {
    name: 'consensus',
    hears: HEARS,
    says: SAYS,
    core: () => new ConsensusCore(core),
  };
}
