// The shell's view of this room: what the service hears and how its core is born.
import type { Hearing, ServiceDefinition, Subjects } from '@internode/actor';
import type { Message, MessageKind } from '@internode/contracts';
import type { StateConfig } from './config.ts';
import type { StateEvent } from './core/event.ts';
import { noDataCertificate, refusedRead } from './core/reads.ts';
import { StateCore } from './core/state.ts';
import type { StateAnswer, StateTask } from './core/task.ts';

/** What execution says stays in one lane, in order: a restarted execution asks for the tip after its last batch. */
const HEARS: readonly Hearing[] = [
  { kind: 'BatchExecuted', lane: 'bulk', whenFull: 'refuse' },
  { kind: 'LoadTip', lane: 'bulk', whenFull: 'refuse' },
  { kind: 'LoadRequests', lane: 'bulk', whenFull: 'refuse' },
  { kind: 'LoadMemory', lane: 'bulk', whenFull: 'refuse' },
  { kind: 'LoadModule', lane: 'bulk', whenFull: 'refuse' },
  { kind: 'CertificationValue', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'ReadCertified', lane: 'control', whenFull: 'refuse' },
  { kind: 'ReadDataCertificate', lane: 'control', whenFull: 'refuse' },
  { kind: 'RequestCertified', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'Readiness', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestReadiness', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'EpochBegan', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'SyncState', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'PeerAsked', lane: 'bulk', whenFull: 'drop-oldest' },
  { kind: 'PeerAnswered', lane: 'bulk', whenFull: 'drop-oldest' },
];

/** The broker lets it say nothing else. */
const SAYS: readonly MessageKind[] = [
  'RequestExecuted',
  'StateHashed',
  'StateCertified',
  'RequestEpoch',
  'CheckpointMade',
  'AnswerPeer',
  'StateCommitted',
  'AskPeer',
  'RequestsLoaded',
  'TipLoaded',
  'MemoryLoaded',
  'ModuleLoaded',
  'CertifiedRead',
  'DataCertificateRead',
  'Readiness',
  'RequestReadiness',
];

export const stateSubjects: Subjects = { says: SAYS, hears: HEARS.map(({ kind }) => kind) };

export type StateDefinition = ServiceDefinition<StateTask, StateAnswer, StateEvent>;

/** The definition of the state service of one node. Needs a solver (`createStateSolver`), has no journal. */
export function createState(config: StateConfig): StateDefinition {
  const { subnet, checksCertifications = true, checkpoints = false } = config;
  return {
    name: 'state',
    hears: HEARS,
    says: SAYS,
    core: ({ seed }) => new StateCore({ subnet, checksCertifications, checkpoints, seed }),
    refuse,
    limits: { bulk: { itemsMax: 1_024, bytesMax: 256 * 1024 * 1024 } },
  };
}

function refuse(message: Message): Message | undefined {
  if (message.kind === 'ReadDataCertificate') return noDataCertificate(message.readId);
  if (message.kind !== 'ReadCertified') return undefined;
  return refusedRead(message.readId, 0, 'the replica is overloaded');
}
