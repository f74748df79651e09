/**
 * The mutable tip: all canisters, the management canister's queue, the request history. Rules
 * change it; `takeChanges` answers what a height changed.
 *
 * Sets of keys (runnable, timers, …) are only an index over canisters, rebuilt after a restart;
 * whoever iterates them sorts first, so that no result depends on the order in which things were
 * added.
 */

import type { SubnetRecord } from '@internode/contracts';
import { canisterIdFromIndex, canisterIndexOf } from '@internode/encoding';
import { assert, toHex } from '@internode/prelude';
import type { Canister } from './canister.ts';
import {
  bytes,
  count,
  decodeState,
  encodeState,
  list,
  nat,
  record,
  versionOfState,
} from './codec.ts';
import { Prices } from './cycles.ts';
import { type Call, type InputMessage, type SubnetCall, subnetCallCodec } from './messages.ts';
import { ModuleUse } from './module-use.ts';
import { RequestHistory } from './request-history.ts';
import { recordsCodec, SubnetRecords } from './subnet-records.ts';

const STATE_VERSION = 3;

const firstFields = {
  nextIndex: nat,
  queue: list(subnetCallCodec),
  late: list(record({ requestId: bytes, completedNanos: nat })),
  /** Specified ids outside the sequence (development only), so that none is given twice. */
  specified: list(bytes),
  height: count,
  consumed: nat,
};
const firstCodec = record(firstFields);
const secondCodec = record({ ...firstFields, records: recordsCodec });
const stateCodec = record({ ...firstFields, records: recordsCodec, members: count });

export interface SubnetConfig {
  readonly subnetId: Uint8Array;
  readonly subnetNodes: number;
  readonly rootKeyDer: Uint8Array;
  /** The subnet record of genesis; absent: nobody may change the subnet. */
  readonly record?: SubnetRecord;
}

export interface Life {
  /** 32 random bytes, for names of questions and of this life towards state. */
  readonly seed: Uint8Array;
}

export class Subnet {
  readonly config: SubnetConfig;
  /** Names this life of execution to state, so that it is not taken for one of before a restart. */
  readonly session: Uint8Array;
  #members: number;
  #prices: Prices;
  readonly canisters = new Map<string, Canister>();
  readonly history = new RequestHistory();
  readonly records: SubnetRecords;
  readonly runnable = new Set<string>();
  readonly withTimer = new Set<string>();
  readonly withHeartbeat = new Set<string>();
  readonly withDeadline = new Set<string>();
  readonly stopping = new Set<string>();
  readonly modules = new ModuleUse();
  readonly deleted = new Map<string, Uint8Array>();
  readonly changed = new Set<string>();
  /** Canisters being loaded from the store now. */
  opening = 0;
  /** Payloads in the queues of all canisters. */
  queuedBytes = 0;
  queue: SubnetCall[] = [];
  /** Of the batch being applied, or of the newest applied. */
  height = 0;
  timeNanos = 0n;
  randomness: Uint8Array = new Uint8Array(32);
  /** Draws of this height. */
  draws = 0;
  /** Cycles consumed since genesis, by whatever they were charged for. */
  #consumed = 0n;
  #consumedSaid = 0n;
  #nextIndex = 0n;
  #specified: string[] = [];
  #specifiedIds: Uint8Array[] = [];

  constructor(config: SubnetConfig & Life) {
    this.config = config;
    this.session = config.seed;
    this.#members = config.subnetNodes;
    this.#prices = new Prices(config.subnetNodes);
    this.records = new SubnetRecords(config.record);
  }

  /** In force at this height: what canisters see, and what prices grow with. */
  get members(): number {
    return this.#members;
  }

  get prices(): Prices {
    return this.#prices;
  }

  setMembers(members: number): void {
    if (members === this.#members) return;
    this.#members = members;
    this.#prices = new Prices(members);
  }

  encode(): Uint8Array {
    return encodeState(STATE_VERSION, stateCodec, {
      nextIndex: this.#nextIndex,
      queue: this.queue,
      late: this.history.lateCompletions.map((late) => ({ ...late })),
      specified: this.#specifiedIds,
      height: this.height,
      consumed: this.#consumed,
      records: this.records.toState(this.height),
      members: this.#members,
    });
  }

  restore(stored: Uint8Array): void {
    const state = decodeStored(stored);
    assert(state.height === this.height, 'stored subnet state is of another height');
    this.#nextIndex = state.nextIndex;
    this.queue = state.queue;
    this.#consumed = state.consumed;
    this.#consumedSaid = state.consumed;
    this.history.restoreLate(state.late);
    if (state.records !== undefined) this.records.restore(state.records);
    if (state.members !== undefined) this.setMembers(state.members);
    this.#specifiedIds = state.specified;
    this.#specified = state.specified.map(toHex);
  }

  consume(cycles: bigint): void {
    this.#consumed += cycles;
  }

  /** The sum since genesis, if it grew since the last call. */
  takeConsumed(): bigint | undefined {
    if (this.#consumed === this.#consumedSaid) return undefined;
    this.#consumedSaid = this.#consumed;
    return this.#consumed;
  }

  get(id: Uint8Array): Canister | undefined {
    return this.canisters.get(toHex(id));
  }

  add(canister: Canister): void {
    this.canisters.set(canister.key, canister);
    for (const input of canister.state.inputs) this.queuedBytes += bytesOf(input);
    this.index(canister);
  }

  /** Brings the index up to date with a canister's state. */
  index(canister: Canister): void {
    const { key, state } = canister;
    const put = (set: Set<string>, member: boolean): void => {
      if (member) set.add(key);
      else set.delete(key);
    };
    put(this.runnable, state.inputs.length > 0 || canister.hasTaskDue);
    put(this.withTimer, state.globalTimerNanos !== 0n && canister.hasHook('canister_global_timer'));
    put(this.withHeartbeat, canister.hasHook('canister_heartbeat'));
    put(this.stopping, state.status.kind === 'stopping');
  }

  /** Marks for the next BatchExecuted. */
  touch(canister: Canister): void {
    canister.changed = true;
    this.changed.add(canister.key);
  }

  touchRecord(canister: Canister): void {
    this.touch(canister);
    canister.recordChanged = true;
  }

  enqueue(canister: Canister, input: InputMessage): void {
    canister.state.inputs.push(input);
    this.queuedBytes += bytesOf(input);
    this.runnable.add(canister.key);
    this.touch(canister);
  }

  /** The oldest message of a canister, out of its queue. */
  dequeue(canister: Canister): InputMessage | undefined {
    const input = canister.state.inputs.shift();
    if (input !== undefined) this.queuedBytes -= bytesOf(input);
    return input;
  }

  enqueueSubnetCall(call: Call, callerVersion?: bigint): void {
    this.queue.push({ call, notBefore: 0, callerVersion });
  }

  remove(canister: Canister): void {
    this.canisters.delete(canister.key);
    for (const set of [this.runnable, this.withTimer, this.withHeartbeat, this.withDeadline]) {
      set.delete(canister.key);
    }
    this.stopping.delete(canister.key);
    this.changed.delete(canister.key);
    this.deleted.set(canister.key, canister.id);
  }

  /** The next id of the sequence; never given before and never again. */
  nextCanisterId(): Uint8Array {
    for (;;) {
      const id = canisterIdFromIndex(this.#nextIndex++);
      if (!this.#specified.includes(toHex(id))) return id;
    }
  }

  /** Takes an id of the caller's choice; false when it was given before or is no canister id. */
  takeSpecifiedId(id: Uint8Array): boolean {
    const index = canisterIndexOf(id);
    const key = toHex(id);
    if (index === undefined || index < this.#nextIndex || this.#specified.includes(key))
      return false;
    this.#specified.push(key);
    this.#specifiedIds.push(id);
    return true;
  }

  sortedKeys(keys: ReadonlySet<string>): string[] {
    return [...keys].sort();
  }
}

/** Before version 2 there was no record in the state, before version 3 no number of members: those of genesis are in force. */
function decodeStored(stored: Uint8Array) {
  const version = versionOfState(stored);
  if (version === 1)
    return { ...decodeState(1, firstCodec, stored), records: undefined, members: undefined };
  if (version === 2) return { ...decodeState(2, secondCodec, stored), members: undefined };
  return decodeState(STATE_VERSION, stateCodec, stored);
}

function bytesOf(input: InputMessage): number {
  if (input.kind === 'call') return input.argument.length;
  return input.outcome.kind === 'reply'
    ? input.outcome.content.length
    : input.outcome.message.length;
}
