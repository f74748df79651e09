/**
 * The state of one execution: what the system API reads and changes besides memories and globals.
 * Created per execution; `result` turns it into the answer for core.
 *
 * Cycles: `balance` starts as the context's and follows accept, burn and calls, so that every check
 * inside the execution sees what the canister really has left (interface-spec 5.10).
 */
import { toHex } from '@internode/prelude';
import { addCycles } from '../core/cycles.ts';
import type { StableMemory } from '../wasm/index.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { violation } from './failures.ts';
import type {
  Callback,
  Context,
  Executed,
  LogRecord,
  OutgoingCall,
  Response,
  Trap,
} from './interface.ts';
import { LOG_BYTES, RESPONSE_BYTES } from './limits.ts';
import type { Mode } from './modes.ts';

/** The running instance, as the system API sees it; `Instance` of the Wasm room is one. */
export interface Machine {
  hostRead(offset: number, length: number): Uint8Array;
  hostWrite(offset: number, bytes: Uint8Array): void;
  charge(instructions: number): void;
  instructionsLeft(): number;
}

/** Stands in where no code of the canister runs. */
export const NO_MACHINE: Machine = {
  hostRead: () => new Uint8Array(0),
  hostWrite: () => undefined,
  charge: () => undefined,
  instructionsLeft: () => 0,
};

/** What the execution was started with. */
export interface Input {
  readonly mode: Mode;
  readonly context: Context;
  /** Argument, or the reply in a reply callback. */
  readonly argument: Uint8Array;
  readonly methodName: string;
  readonly rejectCode: number;
  readonly rejectMessage: Uint8Array;
  /** Of this run; the context's limit less what earlier steps of the same task used. */
  readonly instructionLimit: number;
  readonly stablePagesWrittenMax: number;
}

/** A call between `call_new` and `call_perform`. */
export interface CallDraft {
  readonly callee: Uint8Array;
  readonly method: string;
  readonly methodBytes: number;
  readonly onReply: Callback;
  readonly onReject: Callback;
  onCleanup: Callback | undefined;
  readonly payload: ByteBuffer;
  cycles: bigint;
  timeoutSeconds: number | undefined;
}

export class Execution {
  readonly input: Input;
  readonly mode: Mode;
  readonly context: Context;
  readonly machine: Machine;
  readonly stable: StableMemory;
  readonly memory64: boolean;

  reply = new ByteBuffer();
  response: Response | undefined;
  draft: CallDraft | undefined;
  readonly calls: OutgoingCall[] = [];
  /** Bytes of their payloads. */
  callsBytes = 0;
  balance: bigint;
  cyclesAvailable: bigint;
  cyclesAccepted = 0n;
  cyclesBurned = 0n;
  certifiedData: Uint8Array | undefined;
  globalTimerNanos: bigint | undefined;
  messageAccepted = false;
  #logs: LogRecord[];
  #logBytes: number;
  #nextLogIndex: bigint;

  constructor(
    input: Input,
    place: { machine: Machine; stable: StableMemory; memory64: boolean },
    earlier?: Execution,
  ) {
    this.input = input;
    this.mode = input.mode;
    this.context = input.context;
    this.machine = place.machine;
    this.stable = place.stable;
    this.memory64 = place.memory64;
    // Later steps of an install go on with the cycles, data and logs of the earlier ones.
    this.balance = earlier?.balance ?? input.context.balance;
    this.cyclesAvailable = input.context.cyclesAvailable;
    this.cyclesBurned = earlier?.cyclesBurned ?? 0n;
    this.certifiedData = earlier?.certifiedData;
    this.#logs = earlier === undefined ? [] : earlier.#logs;
    this.#logBytes = earlier === undefined ? 0 : earlier.#logBytes;
    this.#nextLogIndex = earlier === undefined ? input.context.nextLogIndex : earlier.#nextLogIndex;
  }

  instructionsUsed(): number {
    return this.input.instructionLimit - this.machine.instructionsLeft();
  }

  /** What may be spent: the balance less what the freezing threshold holds back. */
  liquid(): bigint {
    const liquid = this.balance - this.context.freezingReserve;
    return liquid > 0n ? liquid : 0n;
  }

  responseBytesMax(): number {
    return this.mode.replicated ? RESPONSE_BYTES.replicated : RESPONSE_BYTES.query;
  }

  /** In this execution, or in an earlier one of the same call context. */
  get hasResponded(): boolean {
    return this.response !== undefined || this.context.responded;
  }

  respond(response: Response, systemCall: string): void {
    if (this.hasResponded) {
      throw violation(`${systemCall}: the call is already replied`);
    }
    this.response = response;
    // Cycles that were not accepted go back with the response.
    this.cyclesAvailable = 0n;
  }

  /** Drops an unfinished call; its cycles return. */
  discardDraft(): void {
    if (this.draft === undefined) return;
    this.balance = addCycles(this.balance, this.draft.cycles);
    this.draft = undefined;
  }

  callsTo(callee: Uint8Array): number {
    const id = toHex(callee);
    const open = this.context.openCalls[id] ?? 0;
    return open + this.calls.filter((call) => toHex(call.callee) === id).length;
  }

  /** Adds to the log, in replicated executions only (5.13). */
  log(content: Uint8Array): void {
    if (!this.mode.replicated) return;
    const kept = content.length > LOG_BYTES ? content.slice(0, LOG_BYTES) : content;
    const timeNanos = this.context.timeNanos;
    this.#logs.push({ index: this.#nextLogIndex, timeNanos, content: kept });
    this.#nextLogIndex += 1n;
    this.#logBytes += kept.length + 32;
    while (this.#logBytes > LOG_BYTES + 32) {
      const oldest = this.#logs.shift();
      this.#logBytes -= (oldest?.content.length ?? 0) + 32;
    }
  }

  /** `instructions` of the whole task; sizes as they are after commit or rollback. */
  result(
    trap: Trap | undefined,
    left: { instructions: number; heapBytes: number; stableBytes: number },
  ): Executed {
    const kept = trap === undefined;
    return {
      kind: 'executed',
      trap,
      instructions: BigInt(left.instructions),
      logs: this.#logs,
      response: kept ? this.response : undefined,
      calls: kept ? this.calls : [],
      cyclesAccepted: kept ? this.cyclesAccepted : 0n,
      cyclesBurned: kept ? this.cyclesBurned : 0n,
      certifiedData: kept ? this.certifiedData : undefined,
      globalTimerNanos: kept ? this.globalTimerNanos : undefined,
      messageAccepted: kept && this.messageAccepted,
      heapBytes: left.heapBytes,
      stableBytes: left.stableBytes,
    };
  }
}
