// The shell's view of this room: what the service hears and how its core is born.
import type { Hearing, ServiceDefinition, Subjects } from '@internode/actor';
import type { Message, MessageKind } from '@internode/contracts';
import type { ExecutionConfig } from './config.ts';
import type { ExecutionEvent } from './core/event.ts';
import { ExecutionLives } from './core/lives.ts';
import { refuse } from './core/refusals.ts';
import type { Answer, Task } from './sandbox/interface.ts';

/** Execution and its followers: each query is for one of them. */
export const QUERIES_GROUP = 'queries';

const HEARS: readonly Hearing[] = [
  // Whatever is refused here is asked for again by the core.
  { kind: 'BatchReady', lane: 'control', whenFull: 'refuse' },
  { kind: 'TipLoaded', lane: 'control', whenFull: 'refuse' },
  { kind: 'RequestsLoaded', lane: 'control', whenFull: 'refuse' },
  { kind: 'MemoryLoaded', lane: 'control', whenFull: 'refuse' },
  { kind: 'ModuleLoaded', lane: 'control', whenFull: 'refuse' },
  { kind: 'DataCertificateRead', lane: 'control', whenFull: 'refuse' },
  { kind: 'StateCommitted', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'StateCertified', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestExecuted', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestSubnetRecord', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestReadiness', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'ExecuteQuery', lane: 'bulk', whenFull: 'refuse', group: QUERIES_GROUP },
  { kind: 'InspectIngress', lane: 'bulk', whenFull: 'refuse' },
];

/** The broker lets it say nothing else. */
const SAYS: readonly MessageKind[] = [
  'QueryAnswered',
  'IngressInspected',
  'BatchExecuted',
  'SubnetRecordChanged',
  'TipAdvanced',
  'ReadDataCertificate',
  'RequestCertified',
  'RequestBatches',
  'Readiness',
  'LoadModule',
  'LoadMemory',
  'LoadTip',
  'LoadRequests',
];

export const executionSubjects: Subjects = { says: SAYS, hears: HEARS.map(({ kind }) => kind) };

/** A module may have 100 MiB. */
export const MAILBOX = { control: { itemsMax: 4096, bytesMax: 256 * 1024 * 1024 } } as const;

export type ExecutionDefinition = ServiceDefinition<Task, Answer, ExecutionEvent>;

/**
 * The definition of the execution service of one node. Needs a solver (`createSandboxSolver`), has
 * no journal.
 */
export function createExecution(config: ExecutionConfig): ExecutionDefinition {
  return {
    name: 'execution',
    hears: HEARS,
    says: SAYS,
    core: ({ seed }) => new ExecutionLives({ ...config, seed }),
    refuse: refusalOf,
    limits: MAILBOX,
  };
}

/** What the asker hears when too many wait: come again. */
export function refusalOf(message: Message): Message | undefined {
  const refusal = refuse('IC0201', 'The replica is overloaded');
  switch (message.kind) {
    case 'ExecuteQuery':
      return {
        kind: 'QueryAnswered',
        queryId: message.queryId,
        outcome: { kind: 'refusal', refusal },
      };
    case 'InspectIngress':
      return { kind: 'IngressInspected', requestId: message.requestId, refusal, known: false };
    default:
      return undefined;
  }
}
