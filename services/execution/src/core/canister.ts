// A canister without its memories (interface-spec 5.1): everything the core owns of it, and its
// encoding.
import { toHex } from '@internode/prelude';
import { LOG_BYTES_DEFAULT, LOG_RECORD_OVERHEAD, WASM_MEMORY_LIMIT_DEFAULT } from '../limits.ts';
import type { ModuleFacts } from '../sandbox/interface.ts';
import {
  bytes,
  type Coded,
  count,
  decodeState,
  encodeState,
  flag,
  list,
  nat,
  optional,
  record,
  table,
  text,
  variants,
} from './codec.ts';
import { freezingReserve, type Prices } from './cycles.ts';
import { callbackCodec, callContextCodec, inputCodec, originCodec } from './messages.ts';

const STATE_VERSION = 1;

const visibilityCodec = variants({
  controllers: record({}),
  public: record({}),
  allowed_viewers: record({ viewers: list(bytes) }),
});
export type Visibility = Coded<typeof visibilityCodec>;

const settingsCodec = record({
  controllers: list(bytes),
  computeAllocation: nat,
  memoryAllocation: nat,
  freezingThreshold: nat,
  reservedCyclesLimit: nat,
  minimumIncomingCycles: nat,
  wasmMemoryLimit: nat,
  wasmMemoryThreshold: nat,
  logVisibility: visibilityCodec,
  snapshotVisibility: visibilityCodec,
  statusVisibility: visibilityCodec,
  logMemoryLimit: nat,
  environmentVariables: list(record({ name: text, value: text })),
});
export type Settings = Coded<typeof settingsCodec>;

const changeCodec = record({
  timeNanos: nat,
  version: nat,
  origin: variants({
    user: record({ id: bytes }),
    canister: record({ id: bytes, version: optional(nat) }),
  }),
  details: variants({
    creation: record({ controllers: list(bytes), environmentHash: optional(bytes) }),
    uninstall: record({}),
    deployment: record({ mode: text, moduleHash: bytes }),
    controllers: record({ controllers: list(bytes) }),
  }),
});
export type Change = Coded<typeof changeCodec>;

/** What stays known of an installed module when it is not loaded. */
const codeCodec = record({
  moduleHash: bytes,
  memory64: flag,
  hooks: list(text),
  binaryBytes: count,
  customSectionBytes: count,
  globalBytes: count,
  heapBytes: count,
  stableBytes: count,
  /** The sandbox's own encoding of globals. */
  instance: bytes,
});
export type Code = Coded<typeof codeCodec>;

const statusCodec = variants({
  running: record({}),
  stopping: record({
    requests: list(record({ origin: originCodec, caller: bytes, cycles: nat, sinceNanos: nat })),
  }),
  stopped: record({}),
});

const stateCodec = record({
  settings: settingsCodec,
  status: statusCodec,
  balance: nat,
  reserved: nat,
  version: nat,
  chargedNanos: nat,
  creationNanos: nat,
  lastInstallNanos: optional(nat),
  certifiedData: bytes,
  globalTimerNanos: nat,
  /** idle → ready → executed (5.5). */
  lowMemoryHook: text,
  code: optional(codeCodec),
  history: list(changeCodec),
  historyTotal: nat,
  logs: list(record({ index: nat, timeNanos: nat, content: bytes })),
  nextLogIndex: nat,
  contexts: table(callContextCodec),
  callbacks: table(callbackCodec),
  nextContext: count,
  nextCallback: count,
  inputs: list(inputCodec),
});
export type CanisterState = Coded<typeof stateCodec>;

export type MethodKind = 'update' | 'query' | 'composite';

export class Canister {
  readonly id: Uint8Array;
  /** Lower-case hex of the id: the key of every map. */
  readonly key: string;
  readonly state: CanisterState;
  /** The sandbox holds its instance; `facts` and `methods` are known then. */
  open = false;
  opening = false;
  facts: ModuleFacts | undefined;
  methods: ReadonlyMap<string, MethodKind> = new Map();
  /** State or certified view changed since the last height. */
  changed = false;
  recordChanged = false;
  memoriesCleared = false;
  /** The height whose certificate first shows the current certified data. */
  certifiedDataHeight = 0;
  /** System tasks due in this height, not stored: found again from the state. */
  heartbeatDue = false;
  timerDue = false;

  constructor(id: Uint8Array, state: CanisterState) {
    this.id = id;
    this.key = toHex(id);
    this.state = state;
  }

  static decode(id: Uint8Array, stored: Uint8Array): Canister {
    return new Canister(id, decodeState(STATE_VERSION, stateCodec, stored));
  }

  encode(): Uint8Array {
    return encodeState(STATE_VERSION, stateCodec, this.state);
  }

  isController(principal: Uint8Array): boolean {
    const hex = toHex(principal);
    return this.state.settings.controllers.some((controller) => toHex(controller) === hex);
  }

  learn(facts: ModuleFacts | undefined): void {
    this.facts = facts;
    const methods = new Map<string, MethodKind>();
    for (const name of facts?.updates ?? []) methods.set(name, 'update');
    for (const name of facts?.queries ?? []) methods.set(name, 'query');
    for (const name of facts?.compositeQueries ?? []) methods.set(name, 'composite');
    this.methods = methods;
  }

  hasHook(name: string): boolean {
    return this.state.code?.hooks.includes(name) ?? false;
  }

  get running(): boolean {
    return this.state.status.kind === 'running';
  }

  get hasTaskDue(): boolean {
    const isLow = this.state.lowMemoryHook === 'ready' && this.running;
    return this.timerDue || this.heartbeatDue || isLow;
  }

  get memory64(): boolean {
    return this.state.code?.memory64 ?? false;
  }

  memory(): { readonly [Part in MemoryPart]: number } {
    const { code, history, logs } = this.state;
    let logBytes = 0;
    for (const log of logs) logBytes += log.content.length + LOG_RECORD_OVERHEAD;
    return {
      wasmMemory: code?.heapBytes ?? 0,
      stableMemory: code?.stableBytes ?? 0,
      globalMemory: code?.globalBytes ?? 0,
      wasmBinary: code?.binaryBytes ?? 0,
      customSections: code?.customSectionBytes ?? 0,
      history: history.length * HISTORY_ENTRY_BYTES,
      logs: logBytes,
    };
  }

  memoryBytes(): number {
    return Object.values(this.memory()).reduce((sum, part) => sum + part, 0);
  }

  idlePerDay(prices: Prices): bigint {
    const { memoryAllocation, computeAllocation } = this.state.settings;
    const used = BigInt(this.memoryBytes());
    const charged = used > memoryAllocation ? used : memoryAllocation;
    return prices.idlePerDay(charged, computeAllocation);
  }

  freezingReserve(prices: Prices): bigint {
    const { settings, reserved } = this.state;
    return freezingReserve(this.idlePerDay(prices), settings.freezingThreshold, reserved);
  }
}

type MemoryPart =
  | 'wasmMemory'
  | 'stableMemory'
  | 'globalMemory'
  | 'wasmBinary'
  | 'customSections'
  | 'history'
  | 'logs';

/** A history entry with two controllers, roughly; exactness would change nothing for anyone. */
const HISTORY_ENTRY_BYTES = 128;

export function defaultSettings(controllers: Uint8Array[]): Settings {
  return {
    controllers,
    computeAllocation: 0n,
    memoryAllocation: 0n,
    freezingThreshold: 2_592_000n,
    reservedCyclesLimit: 5_000_000_000_000n,
    minimumIncomingCycles: 0n,
    wasmMemoryLimit: WASM_MEMORY_LIMIT_DEFAULT,
    wasmMemoryThreshold: 0n,
    logVisibility: { kind: 'controllers' },
    snapshotVisibility: { kind: 'controllers' },
    statusVisibility: { kind: 'controllers' },
    logMemoryLimit: BigInt(LOG_BYTES_DEFAULT),
    environmentVariables: [],
  };
}

/** Empty and running (5.1). */
export function emptyCanister(
  id: Uint8Array,
  settings: Settings,
  born: { timeNanos: bigint; balance: bigint },
): Canister {
  return new Canister(id, {
    settings,
    status: { kind: 'running' },
    balance: born.balance,
    reserved: 0n,
    version: 0n,
    chargedNanos: born.timeNanos,
    creationNanos: born.timeNanos,
    lastInstallNanos: undefined,
    certifiedData: new Uint8Array(0),
    globalTimerNanos: 0n,
    lowMemoryHook: 'idle',
    code: undefined,
    history: [],
    historyTotal: 0n,
    logs: [],
    nextLogIndex: 0n,
    contexts: new Map(),
    callbacks: new Map(),
    nextContext: 0,
    nextCallback: 0,
    inputs: [],
  });
}
