/**
 * One batch from start to BatchExecuted (protocol.md 4.1): time-outs, induction, rounds, and the
 * sum of what changed. Time is the batch's; nothing here depends on when answers come.
 */
import type {
  BatchExecuted,
  BatchReady,
  CanisterChange,
  MemoryChange,
  SubnetRecordChanged,
  TipAdvanced,
} from '@internode/contracts';
import { fromHex, toHex } from '@internode/prelude';
import { STOP_TIMEOUT_NANOS } from '../limits.ts';
import type { Collected } from '../sandbox/interface.ts';
import type { Canister } from './canister.ts';
import { chargeIdle, isSweepDue } from './charging.ts';
import { type Fiber, solveFor } from './fibers.ts';
import { induct } from './induction.ts';
import { ensureOpen, type Raise } from './loading.ts';
import { refuse } from './refusals.ts';
import { expireCalls, reject, respond } from './responding.ts';
import { type RoundFigures, runRounds } from './rounds.ts';
import type { Subnet } from './subnet.ts';
import { SECOND_NANOS } from './time.ts';
import { uninstallIfOutOfCycles } from './uninstall.ts';

export interface Applied {
  readonly executed: BatchExecuted;
  readonly advanced: TipAdvanced;
  readonly figures: RoundFigures;
}

export function* applyBatch(subnet: Subnet, batch: BatchReady, raise: Raise): Fiber<Applied> {
  const before = subnet.timeNanos;
  subnet.height = batch.height;
  subnet.timeNanos = batch.timeNanos;
  subnet.randomness = batch.randomness;
  subnet.draws = 0;
  if (batch.members !== undefined) subnet.setMembers(batch.members.nodes.length);
  if (isSweepDue(before, batch.timeNanos)) yield* sweep(subnet);
  const forgottenRequests = subnet.history.forget(batch.timeNanos);
  expireCalls(subnet);
  expireStops(subnet);
  for (const ingress of batch.ingress) induct(subnet, ingress);
  scheduleTasks(subnet);
  const figures = yield* runRounds(subnet, raise);
  forgetTasks(subnet);
  const executed = yield* describe(subnet, batch, { forgottenRequests, raise });
  return { executed, advanced: advancedOf(subnet), figures };
}

function* sweep(subnet: Subnet): Fiber {
  for (const key of [...subnet.canisters.keys()].sort()) {
    const canister = subnet.canisters.get(key) as Canister;
    chargeIdle(subnet, canister);
    yield* uninstallIfOutOfCycles(subnet, canister);
  }
}

function expireStops(subnet: Subnet): void {
  for (const key of subnet.sortedKeys(subnet.stopping)) {
    const { status } = (subnet.canisters.get(key) as Canister).state;
    if (status.kind !== 'stopping') continue;
    const isOver = (since: bigint): boolean => since + STOP_TIMEOUT_NANOS <= subnet.timeNanos;
    const over = status.requests.filter(({ sinceNanos }) => isOver(sinceNanos));
    if (over.length === 0) continue;
    status.requests = status.requests.filter(({ sinceNanos }) => !isOver(sinceNanos));
    subnet.touch(subnet.canisters.get(key) as Canister);
    for (const { origin, cycles } of over) {
      respond(subnet, origin, reject(refuse('IC0206', 'Stop request timed out')), cycles);
    }
  }
}

/** Timers that are due, and a heartbeat for everyone who has one (5.5). */
function scheduleTasks(subnet: Subnet): void {
  for (const key of subnet.withTimer) {
    const canister = subnet.canisters.get(key) as Canister;
    canister.timerDue = canister.running && canister.state.globalTimerNanos <= subnet.timeNanos;
    subnet.index(canister);
  }
  for (const key of subnet.withHeartbeat) {
    const canister = subnet.canisters.get(key) as Canister;
    canister.heartbeatDue = canister.running;
    subnet.index(canister);
  }
}

/** What had no turn is scheduled afresh at the next height, as it would be after a restart. */
function forgetTasks(subnet: Subnet): void {
  for (const key of [...subnet.runnable]) {
    const canister = subnet.canisters.get(key) as Canister;
    canister.timerDue = false;
    canister.heartbeatDue = false;
    subnet.index(canister);
  }
}

interface Rest {
  readonly forgottenRequests: Uint8Array[];
  readonly raise: Raise;
}

function* describe(subnet: Subnet, batch: BatchReady, rest: Rest): Fiber<BatchExecuted> {
  const keys = subnet.sortedKeys(subnet.changed);
  const collected = new Map<string, Collected>();
  if (keys.length > 0) {
    const answer = yield* solveFor('collected', { kind: 'collect' });
    for (const one of answer.canisters) collected.set(toHex(one.canisterId), one);
  }
  const canisters: CanisterChange[] = [];
  for (const key of keys) {
    const canister = subnet.canisters.get(key) as Canister;
    // The record shows the module's metadata, which is known only once the module was prepared.
    if (canister.recordChanged) yield* ensureOpen(subnet, canister, rest.raise);
    canisters.push(changeOf(canister, collected.get(key)));
  }
  for (const key of [...subnet.deleted.keys()].sort()) {
    const canisterId = subnet.deleted.get(key) as Uint8Array;
    canisters.push({ canisterId, deleted: true, memories: [] });
  }
  subnet.changed.clear();
  subnet.deleted.clear();
  const modules = subnet.modules.takeChanges();
  const consumed = subnet.takeConsumed();
  return {
    kind: 'BatchExecuted',
    session: subnet.session,
    height: batch.height,
    timeNanos: batch.timeNanos,
    blockHash: batch.blockHash,
    requests: subnet.history.takeChanges(),
    canisters,
    modules: modules.stored,
    droppedModules: modules.dropped,
    subnetState: subnet.encode(),
    forgottenRequests: rest.forgottenRequests,
    ...(consumed === undefined ? {} : { consumedCycles: bigEndian(consumed) }),
    ...(batch.members === undefined ? {} : { members: batch.members }),
  };
}

function bigEndian(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
}

function changeOf(canister: Canister, collected: Collected | undefined): CanisterChange {
  const { code } = canister.state;
  if (code !== undefined && collected !== undefined) code.instance = collected.instance;
  const memories = collected?.memories ?? [];
  const change: CanisterChange = {
    canisterId: canister.id,
    deleted: false,
    ...(canister.recordChanged ? { record: recordOf(canister) } : {}),
    systemState: canister.encode(),
    memories: canister.memoriesCleared ? clearedFirst(memories) : memories,
  };
  canister.changed = false;
  canister.recordChanged = false;
  canister.memoriesCleared = false;
  return change;
}

/** Whatever was stored before is gone, also of a memory that the new code does not have. */
function clearedFirst(memories: readonly MemoryChange[]): MemoryChange[] {
  return (['heap', 'stable'] as const).flatMap((memory) => {
    const changes = memories.filter((change) => change.memory === memory);
    if (changes.some(({ cleared }) => cleared)) return changes;
    return [{ memory, cleared: true, sizeBytes: 0, pages: [] }, ...changes];
  });
}

function recordOf(canister: Canister): NonNullable<CanisterChange['record']> {
  const { settings, code, certifiedData, creationNanos, lastInstallNanos } = canister.state;
  return {
    controllers: settings.controllers,
    ...(code === undefined ? {} : { moduleHash: code.moduleHash, certifiedData }),
    metadata: canister.facts?.metadata ?? [],
    creationNanos,
    lastInstallNanos,
  };
}

export function recordsOf({ height, records }: Subnet): SubnetRecordChanged {
  return { kind: 'SubnetRecordChanged', height, records: records.inForce(height) };
}

export function advancedOf(subnet: Subnet): TipAdvanced {
  const workPending = subnet.runnable.size > 0 || subnet.queue.length > 0;
  const nextTimerNanos = nextDue(subnet);
  const { newest } = subnet.records;
  return {
    kind: 'TipAdvanced',
    height: subnet.height,
    workPending,
    nextTimerNanos,
    recordVersion: newest?.version,
  };
}

/**
 * When the next height is needed although nobody calls: timers, heartbeats (once a second),
 * time-outs.
 */
function nextDue(subnet: Subnet): bigint | undefined {
  let due: bigint | undefined;
  const at = (nanos: bigint): void => {
    if (due === undefined || nanos < due) due = nanos;
  };
  for (const key of subnet.withTimer) {
    const canister = subnet.canisters.get(key) as Canister;
    if (canister.running) at(canister.state.globalTimerNanos);
  }
  for (const key of subnet.withHeartbeat) {
    if (subnet.canisters.get(key)?.running) at(subnet.timeNanos + SECOND_NANOS);
  }
  for (const key of subnet.withDeadline) {
    for (const { deadlineNanos, answered } of subnet.canisters.get(key)?.state.callbacks.values() ??
      []) {
      if (deadlineNanos !== 0n && !answered) at(deadlineNanos);
    }
  }
  for (const key of subnet.stopping) {
    const status = subnet.canisters.get(key)?.state.status;
    if (status?.kind !== 'stopping') continue;
    for (const { sinceNanos } of status.requests) at(sinceNanos + STOP_TIMEOUT_NANOS);
  }
  return due;
}
