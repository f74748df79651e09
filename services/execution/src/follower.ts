// The shell's view of a follower: what it hears, and how little it says.
import type { Hearing, Subjects } from '@internode/actor';
import type { MessageKind } from '@internode/contracts';
import type { ExecutionConfig } from './config.ts';
import { FollowerCore } from './core/follower/follower.ts';
import { Lives } from './core/lives.ts';
import { type ExecutionDefinition, MAILBOX, QUERIES_GROUP, refusalOf } from './execution.ts';

const HEARS: readonly Hearing[] = [
  // Whatever is refused here is asked for again by the core.
  { kind: 'BatchExecuted', lane: 'control', whenFull: 'refuse' },
  { kind: 'TipLoaded', lane: 'control', whenFull: 'refuse' },
  { kind: 'MemoryLoaded', lane: 'control', whenFull: 'refuse' },
  { kind: 'ModuleLoaded', lane: 'control', whenFull: 'refuse' },
  { kind: 'DataCertificateRead', lane: 'control', whenFull: 'refuse' },
  { kind: 'StateCommitted', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'StateCertified', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'RequestReadiness', lane: 'control', whenFull: 'drop-oldest' },
  { kind: 'ExecuteQuery', lane: 'bulk', whenFull: 'refuse', group: QUERIES_GROUP },
];

/** Nothing that changes what anybody holds. */
const SAYS: readonly MessageKind[] = [
  'QueryAnswered',
  'Readiness',
  'ReadDataCertificate',
  'RequestCertified',
  'RequestExecuted',
  'LoadTip',
  'LoadMemory',
  'LoadModule',
];

export const followerSubjects: Subjects = { says: SAYS, hears: HEARS.map(({ kind }) => kind) };

/** A follower of the execution of one node. Needs a solver of its own, has no journal. */
export function createFollower(config: ExecutionConfig): ExecutionDefinition {
  return {
    name: 'follower',
    hears: HEARS,
    says: SAYS,
    core: ({ seed }) => new Lives({ ...config, seed }, (one) => new FollowerCore(one)),
    refuse: refusalOf,
    limits: MAILBOX,
  };
}
