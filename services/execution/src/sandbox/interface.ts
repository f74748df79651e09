// What execution's core asks of the sandbox (a worker thread that holds canisters' instances, or the same code in place in the
// simulator), as plain structured-cloneable data. The core owns queues, call contexts, cycles and settings; the sandbox owns
// memories, globals and instances. A task on one canister ends before the next task on it starts; order is kept per canister.
import type { MemoryChange } from '@internode/contracts';
import type { Absence, PageRange, StablePage } from '../wasm/index.ts';

/** Why Wasm runs: the contexts of interface-spec 3.1. */
export type Entry =
  | { readonly kind: 'update'; readonly method: string; readonly argument: Uint8Array }
  /** A query or composite query method: replicated (as an update or by an inter-canister call) or not. State is never kept. */
  | {
      readonly kind: 'query';
      readonly method: string;
      readonly argument: Uint8Array;
      readonly replicated: boolean;
    }
  | { readonly kind: 'composite_query'; readonly method: string; readonly argument: Uint8Array }
  | { readonly kind: 'inspect_message'; readonly method: string; readonly argument: Uint8Array }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'global_timer' }
  | { readonly kind: 'on_low_wasm_memory' }
  | { readonly kind: 'reply_callback'; readonly callback: Callback; readonly reply: Uint8Array }
  | {
      readonly kind: 'reject_callback';
      readonly callback: Callback;
      readonly code: number;
      readonly message: string;
    }
  /** Runs on the state before the trapped callback. `code` is what msg_reject_code shows. */
  | { readonly kind: 'cleanup'; readonly callback: Callback; readonly code: number };

/** A table slot and its environment; 64-bit values for memory64 canisters. */
export interface Callback {
  readonly function: bigint;
  readonly environment: bigint;
}

/** Everything the system API may show to one execution. All cycles in units of one cycle. */
export interface Context {
  readonly canisterId: Uint8Array;
  readonly caller: Uint8Array;
  readonly senderInfo: { readonly info: Uint8Array; readonly signer: Uint8Array } | undefined;
  readonly timeNanos: bigint;
  readonly status: 'running' | 'stopping' | 'stopped';
  readonly canisterVersion: bigint;
  readonly controllers: readonly Uint8Array[];
  /** Main balance after prepayment of the execution, and the part of it that must stay (0n when freezing does not count). */
  readonly balance: bigint;
  readonly freezingReserve: bigint;
  /** Cycles still attached to the call being answered; refund that came with the response. */
  readonly cyclesAvailable: bigint;
  readonly cyclesRefunded: bigint;
  /** An earlier execution of the call context answered already: msg_reply and msg_reject trap. */
  readonly responded: boolean;
  /** ns, 0n = unbounded wait. */
  readonly deadlineNanos: bigint;
  /** Instructions already used by earlier executions of this call context (performance_counter 1). */
  readonly contextInstructions: bigint;
  readonly instructionLimit: bigint;
  /** Bytes; 0 = no limit beyond the heap maximum (4 GiB wasm32, 6 GiB wasm64). Enforced for update methods only. */
  readonly wasmMemoryLimit: number;
  readonly globalTimerNanos: bigint;
  readonly subnetId: Uint8Array;
  readonly subnetNodes: number;
  readonly rootKeyDer: Uint8Array;
  /** Sorted by name. */
  readonly environmentVariables: readonly { readonly name: string; readonly value: string }[];
  /** Present only in a query's own entry when the canister has a certificate. */
  readonly dataCertificate: Uint8Array | undefined;
  /** Calls that may still be queued in this execution, in total and to one callee; call_perform answers 2 beyond. */
  readonly callSlots: number;
  readonly callSlotsPerCallee: number;
  /** Calls already open to a callee (lower-case hex of its id), to count against `callSlotsPerCallee`. */
  readonly openCalls: Readonly<Record<string, number>>;
  readonly nextLogIndex: bigint;
}

export interface OutgoingCall {
  readonly callee: Uint8Array;
  readonly method: string;
  readonly payload: Uint8Array;
  readonly cycles: bigint;
  readonly onReply: Callback;
  readonly onReject: Callback;
  readonly onCleanup: Callback | undefined;
  /** undefined = guaranteed response. */
  readonly timeoutSeconds: number | undefined;
  /** What call_perform took from the balance besides `cycles`: transmission, and the prepaid response. */
  readonly prepaidCycles: bigint;
}

export interface LogRecord {
  readonly index: bigint;
  readonly timeNanos: bigint;
  readonly content: Uint8Array;
}

export type Response =
  | { readonly kind: 'reply'; readonly content: Uint8Array }
  | { readonly kind: 'reject'; readonly message: string };

/** Error code of interface-spec 1.14 (`IC0502`) and the text after "Error from Canister <id>: ". */
export interface Trap {
  readonly code: string;
  readonly message: string;
}

/** What a finished execution leaves behind, all of it absent or empty after a trap except instructions and logs. */
export interface Executed {
  readonly kind: 'executed';
  readonly trap: Trap | undefined;
  readonly instructions: bigint;
  readonly logs: readonly LogRecord[];
  readonly response: Response | undefined;
  readonly calls: readonly OutgoingCall[];
  readonly cyclesAccepted: bigint;
  readonly cyclesBurned: bigint;
  readonly certifiedData: Uint8Array | undefined;
  readonly globalTimerNanos: bigint | undefined;
  /** inspect_message only. */
  readonly messageAccepted: boolean;
  readonly heapBytes: number;
  readonly stableBytes: number;
}

/** What core needs to know of a module before it can run. */
export interface ModuleFacts {
  /** SHA-256 of the bytes as uploaded (gzip stays gzip). */
  readonly hash: Uint8Array;
  readonly memory64: boolean;
  readonly updates: readonly string[];
  readonly queries: readonly string[];
  readonly compositeQueries: readonly string[];
  /** `canister_init`, `canister_heartbeat`, … that are exported. */
  readonly hooks: readonly string[];
  readonly metadata: readonly {
    readonly name: string;
    readonly content: Uint8Array;
    readonly private: boolean;
  }[];
  readonly usesDataCertificate: boolean;
  readonly binaryBytes: number;
  readonly customSectionBytes: number;
  readonly globalBytes: number;
}

/** A call that waits behind another at the same canister. */
export interface Follower {
  readonly entry: Entry;
  readonly caller: Uint8Array;
  readonly senderInfo: Context['senderInfo'];
  readonly instructionLimit: bigint;
}

/** One execution of a series, with the part of its context that the sandbox found out by itself. */
export interface SeriesStep {
  readonly executed: Executed;
  readonly balance: bigint;
  readonly canisterVersion: bigint;
}

export type Task =
  /** Unpack (gzip), validate, instrument and compile. Cached by hash. */
  | { readonly kind: 'prepare'; readonly wasm: Uint8Array }
  | {
      readonly kind: 'execute';
      readonly entry: Entry;
      readonly context: Context;
      /**
       * Only for a composite query and its callbacks: the name under which its changes are set aside between executions
       * (`reply_callback` and the like run on the canister's state plus those changes; never committed). Core lets no
       * update run while a session is open, and ends it with `forget`.
       */
      readonly session: string | undefined;
    }
  /**
   * Calls of users to one canister in one trip: each is executed as a task of its own would be, on what the one before left
   * (`series.ts`). Ends early, after an execution that did more than answer, or that used up `instructionsMax` of all of
   * them; those behind it have not begun.
   */
  | {
      readonly kind: 'series';
      readonly first: Extract<Task, { kind: 'execute' }>;
      readonly then: readonly Follower[];
      readonly instructionsMax: bigint;
    }
  /** Forget all canisters and sessions: the tip is another one. */
  | { readonly kind: 'reset' }
  /** Ends a session: drops its changes on every canister. */
  | { readonly kind: 'forget'; readonly session: string }
  /**
   * install | reinstall | upgrade as one atomic step on a canister (interface-spec 5.9): pre_upgrade on the old instance, new
   * instance, start, init or post_upgrade. After a trap everything is as before. `moduleHash` was prepared before.
   * Answered by `executed`; its certifiedData is init's or post_upgrade's, else pre_upgrade's, else undefined.
   */
  | {
      readonly kind: 'install';
      readonly mode: 'install' | 'reinstall' | 'upgrade';
      readonly moduleHash: Uint8Array;
      readonly argument: Uint8Array;
      readonly skipPreUpgrade: boolean;
      readonly keepHeap: boolean;
      readonly context: Context;
      readonly versionAfter: bigint;
    }
  /** Forget a canister's instance and memories (uninstall, delete). */
  | { readonly kind: 'remove'; readonly canisterId: Uint8Array }
  /** Memory changes of every canister since the last collect, in order of canister id. */
  | { readonly kind: 'collect' }
  /** Bring a stored canister back: the module must be prepared. Its stable memory is supplied when it is touched: see `Absent`. */
  | {
      readonly kind: 'open';
      readonly canisterId: Uint8Array;
      readonly moduleHash: Uint8Array;
      readonly heapBytes: number;
      readonly stableBytes: number;
      readonly heap: MemoryChange['pages'];
      /** From `Collected`: globals and other instance state outside memories. */
      readonly instance: Uint8Array;
    }
  /**
   * Of a follower: what a height changed of an open canister, nothing of it cleared. What is absent of its stable memory stays absent:
   * it is supplied as it is by then.
   */
  | {
      readonly kind: 'apply';
      readonly canisterId: Uint8Array;
      readonly memories: readonly MemoryChange[];
      /** Globals, as of `open`. */
      readonly instance: Uint8Array;
    }
  /** All that is stored of a range of pages of 64 KiB of a canister's stable memory. */
  | {
      readonly kind: 'supply';
      readonly canisterId: Uint8Array;
      readonly range: PageRange;
      readonly pages: readonly StablePage[];
    };

/**
 * The task met a page of stable memory that is still in the store, and did nothing. Once it is supplied `rest` is to be done in its
 * place: nobody can tell. Of a series `steps` were done before and belong before those of its rest.
 */
export interface Absent {
  readonly kind: 'absent';
  readonly canisterId: Uint8Array;
  readonly absence: Absence;
  readonly rest: Task;
  readonly steps: readonly SeriesStep[];
}

export interface Collected {
  readonly canisterId: Uint8Array;
  readonly memories: readonly MemoryChange[];
  /** The instance's globals in the sandbox's own encoding, to be stored in the canister's system state. */
  readonly instance: Uint8Array;
}

export type Answer =
  | { readonly kind: 'prepared'; readonly facts: ModuleFacts }
  | { readonly kind: 'unpreparable'; readonly trap: Trap }
  | Executed
  /** At least one step. */
  | { readonly kind: 'series'; readonly steps: readonly SeriesStep[] }
  | { readonly kind: 'removed' }
  | { readonly kind: 'forgotten' }
  | { readonly kind: 'collected'; readonly canisters: readonly Collected[] }
  | { readonly kind: 'opened' }
  | { readonly kind: 'supplied' }
  | { readonly kind: 'applied' }
  | Absent;
