/**
 * Runs canisters' code: answers one task after another, each to its end (see interface.ts).
 *
 * 1. Between tasks no transaction is open: each task ends in commit or rollback, also by a trap.
 * 2. Only an InfrastructureFault or a broken invariant is thrown; then nothing may be derived, and
 *    the whole sandbox must be rebuilt from stored state.
 * 3. Answers depend on the tasks alone, never on what is cached, awake or asleep.
 */
import { assert, compareBytes, toHex, unreachable } from '@internode/prelude';
import {
  type HeapChanges,
  type Instance,
  MetaMemory,
  type RunResult,
  type StableChanges,
  StableMemory,
  WASM_PAGE_BYTES,
  wasmMemoryLimitTrap,
} from '../wasm/index.ts';
import { Canister, removal } from './canister.ts';
import { type EntryPoint, entryPointOf, inputOf } from './entry-point.ts';
import { Execution, NO_MACHINE } from './execution.ts';
import { logTextOf } from './failures.ts';
import { Installation, type InstallTask } from './install.ts';
import type {
  Absent,
  Answer,
  Collected,
  Entry,
  Executed,
  SeriesStep,
  Task,
  Trap,
} from './interface.ts';
import { INSTANCES_LIVE, SESSIONS, STABLE_PAGES_WRITTEN } from './limits.ts';
import { modeOf } from './modes.ts';
import { Modules, type PreparedModule } from './modules.ts';
import type { SandboxPorts } from './ports.ts';
import { contextAfter } from './series.ts';

type ExecuteTask = Extract<Task, { kind: 'execute' }>;
type SeriesTask = Extract<Task, { kind: 'series' }>;
type SeriesAnswer = Absent | Extract<Answer, { kind: 'series' }>;
type OpenTask = Extract<Task, { kind: 'open' }>;
type ApplyTask = Extract<Task, { kind: 'apply' }>;

/** Changes of a composite query, set aside between its executions. */
interface SetAside {
  readonly heap: HeapChanges;
  readonly stable: StableChanges;
}

const NO_MODULE: Trap = {
  code: 'IC0537',
  message: 'Attempted to execute a message, but the canister contains no Wasm module.',
};
const SESSION_LOST: Trap = {
  code: 'IC0529',
  message: 'The state of the composite query was lost.',
};

const NO_MEMORY = { heapBytes: 0, stableBytes: 0 } as const;

/** State is kept after these; queries and inspections leave none (5.2, 5.12). */
const KEEPS: ReadonlySet<Entry['kind']> = new Set<Entry['kind']>([
  'update',
  'heartbeat',
  'global_timer',
  'on_low_wasm_memory',
  'reply_callback',
  'reject_callback',
  'cleanup',
]);

export class Sandbox {
  readonly modules: Modules;
  readonly #meta = new MetaMemory();
  readonly #instancesMax: number;
  /** By id in hex. */
  readonly #canisters = new Map<string, Canister>();
  /** Those awake; the least recently used first. */
  readonly #live = new Map<string, Canister>();
  readonly #changed = new Set<string>();
  readonly #removed = new Map<string, Uint8Array>();
  /** By session, then by canister. */
  readonly #sessions = new Map<string, Map<string, SetAside>>();

  constructor(ports: SandboxPorts, instancesMax = INSTANCES_LIVE) {
    this.modules = new Modules(ports);
    this.#instancesMax = instancesMax;
  }

  solve(task: Task): Answer {
    switch (task.kind) {
      case 'prepare': {
        const made = this.modules.prepare(task.wasm);
        return made.kind === 'prepared' ? { kind: 'prepared', facts: made.module.facts } : made;
      }
      case 'execute':
        return this.#execute(task);
      case 'series':
        return this.#series(task);
      case 'install':
        return this.#install(task);
      case 'remove':
        return this.#remove(task.canisterId);
      case 'forget':
        this.#sessions.delete(task.session);
        return { kind: 'forgotten' };
      case 'reset':
        for (const key of [...this.#canisters.keys()]) this.#drop(key);
        this.#removed.clear();
        this.#sessions.clear();
        return { kind: 'forgotten' };
      case 'collect':
        return { kind: 'collected', canisters: this.#collect() };
      case 'open':
        return this.#open(task);
      case 'supply':
        this.#canisters.get(toHex(task.canisterId))?.stable.supply(task.range, task.pages);
        return { kind: 'supplied' };
      case 'apply':
        return this.#apply(task);
      default:
        return unreachable(task);
    }
  }

  #series({ first, then, instructionsMax }: SeriesTask): SeriesAnswer {
    const key = toHex(first.context.canisterId);
    const steps: SeriesStep[] = [];
    let task = first;
    let instructionsLeft = instructionsMax;
    for (;;) {
      const canister = this.#canisters.get(key);
      const { heapBytes, stableBytes } = canister ?? NO_MEMORY;
      const executed = this.#execute(task);
      if (executed.kind === 'absent') {
        const rest = {
          first: task,
          then: then.slice(steps.length),
          instructionsMax: instructionsLeft,
        };
        return { ...executed, rest: { kind: 'series', ...rest }, steps };
      }
      const { balance, canisterVersion } = task.context;
      const next = then[steps.length];
      steps.push({ executed, balance, canisterVersion });
      instructionsLeft -= executed.instructions;
      if (next === undefined || canister === undefined || instructionsLeft <= 0n)
        return { kind: 'series', steps };
      const { memory64 } = canister.module.facts;
      const place = { memory64, heapBytes, stableBytes };
      const context = contextAfter(task, executed, { next, place });
      if (context === undefined) return { kind: 'series', steps };
      task = { kind: 'execute', entry: next.entry, context, session: undefined };
    }
  }

  #execute(task: ExecuteTask): Executed | Absent {
    const { entry, context, session } = task;
    const key = toHex(context.canisterId);
    const canister = this.#canisters.get(key);
    if (canister === undefined) return withoutCode(task, NO_MODULE, undefined);
    const point = entryPointOf(entry, canister.module.info);
    if (point.kind !== 'run') {
      return withoutCode(task, point.kind === 'missing' ? point.trap : undefined, canister);
    }
    const instance = this.#use(key, canister);
    if (session !== undefined && entry.kind !== 'composite_query') {
      const aside = this.#sessions.get(session)?.get(key);
      if (aside === undefined) return withoutCode(task, SESSION_LOST, canister);
      instance.applyChanges(aside.heap);
      if (!canister.applyToStable(aside.stable)) return absent(canister, task);
    }
    return this.#run(task, { canister, key, instance, point });
  }

  #run(task: ExecuteTask, place: Place): Executed | Absent {
    const { entry, context, session } = task;
    const { canister, key, instance } = place;
    const x = executionOf(task, place);
    canister.host.execution = x;
    const limits = { instructions: x.input.instructionLimit, ...memoryLimit(task) };
    const result = instance.run(place.point.entry, limits);
    canister.host.execution = undefined;
    if (canister.stable.absence !== undefined) return absent(canister, task);
    const trap = trapOf(result, task, instance);
    x.discardDraft();
    if (trap !== undefined) x.log(new TextEncoder().encode(logTextOf(trap)));
    if (trap === undefined && session !== undefined)
      this.#setAside(session, key, canister, instance);
    if (trap === undefined && session === undefined && KEEPS.has(entry.kind)) {
      canister.commit();
      this.#changed.add(key);
    } else {
      canister.rollback();
    }
    const { heapBytes, stableBytes } = canister;
    assert(x.balance >= 0n || context.balance < 0n, 'an execution spent more than the balance');
    return x.result(trap, { instructions: result.instructionsUsed, heapBytes, stableBytes });
  }

  #setAside(session: string, key: string, canister: Canister, instance: Instance): void {
    const byCanister = this.#sessions.get(session) ?? new Map<string, SetAside>();
    byCanister.set(key, {
      heap: instance.pendingChanges(),
      stable: canister.stable.pendingChanges(),
    });
    this.#sessions.set(session, byCanister);
    if (this.#sessions.size <= SESSIONS) return;
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined) this.#sessions.delete(oldest);
  }

  #install(task: InstallTask): Executed | Absent {
    const key = toHex(task.context.canisterId);
    const old = this.#canisters.get(key);
    if (old !== undefined) this.#use(key, old);
    const module = this.#prepared(task.moduleHash);
    const { executed, canister } = new Installation(task, { meta: this.#meta, old, module }).run();
    if (old?.stable.absence !== undefined) return absent(old, task);
    if (canister !== undefined) {
      this.modules.use(module.key);
      this.#drop(key);
      this.#makeRoom();
      this.#canisters.set(key, canister);
      this.#live.set(key, canister);
      this.#changed.add(key);
      this.#removed.delete(key);
    }
    return executed;
  }

  #remove(canisterId: Uint8Array): Answer {
    const key = toHex(canisterId);
    if (this.#drop(key)) this.#removed.set(key, canisterId);
    return { kind: 'removed' };
  }

  #collect(): readonly Collected[] {
    const changed = [...this.#changed].map((key) => {
      const canister = this.#canisters.get(key);
      assert(canister !== undefined, 'a changed canister is gone');
      return canister.collect();
    });
    const removed = [...this.#removed.values()].map(removal);
    this.#changed.clear();
    this.#removed.clear();
    return [...changed, ...removed].sort((left, right) =>
      compareBytes(left.canisterId, right.canisterId),
    );
  }

  #open(task: OpenTask): Answer {
    const key = toHex(task.canisterId);
    assert(!this.#canisters.has(key), 'a canister is opened once');
    const module = this.#prepared(task.moduleHash);
    this.modules.use(module.key);
    this.#canisters.set(key, Canister.open(task.canisterId, module, task));
    return { kind: 'opened' };
  }

  #apply({ canisterId, memories, instance }: ApplyTask): Answer {
    const key = toHex(canisterId);
    const canister = this.#canisters.get(key);
    if (canister !== undefined) {
      this.#use(key, canister);
      canister.apply(memories, instance);
    }
    return { kind: 'applied' };
  }

  #prepared(hash: Uint8Array): PreparedModule {
    const module = this.modules.get(hash);
    assert(module !== undefined, 'a module must be prepared before it is installed or opened');
    return module;
  }

  #use(key: string, canister: Canister): Instance {
    this.#live.delete(key);
    if (!canister.awake) this.#makeRoom();
    this.#live.set(key, canister);
    return canister.wake(this.#meta);
  }

  #makeRoom(): void {
    for (const [key, canister] of this.#live) {
      if (this.#live.size < this.#instancesMax) return;
      canister.sleep();
      this.#live.delete(key);
    }
  }

  #drop(key: string): boolean {
    const canister = this.#canisters.get(key);
    if (canister === undefined) return false;
    this.modules.release(canister.module.key);
    this.#live.delete(key);
    this.#changed.delete(key);
    return this.#canisters.delete(key);
  }
}

/** Nothing happened: whatever was begun is undone. */
function absent(canister: Canister, rest: Task): Absent {
  canister.rollback();
  const absence = canister.stable.takeAbsence();
  return { kind: 'absent', canisterId: canister.id, absence, rest, steps: [] };
}

interface Place {
  readonly canister: Canister;
  readonly key: string;
  readonly instance: Instance;
  readonly point: Extract<EntryPoint, { kind: 'run' }>;
}

function executionOf({ entry, context, session }: ExecuteTask, place: Place): Execution {
  const { canister, instance } = place;
  const mode = modeOf(entry, session !== undefined);
  const written = mode.replicated ? STABLE_PAGES_WRITTEN.message : STABLE_PAGES_WRITTEN.query;
  const input = {
    mode,
    context,
    ...inputOf(entry),
    instructionLimit: Number(context.instructionLimit),
    stablePagesWrittenMax: written,
  };
  const memory64 = canister.module.facts.memory64;
  return new Execution(input, { machine: instance, stable: canister.stable, memory64 });
}

/** The answer when no code of the canister runs: nothing happened, or the reason why it cannot. */
function withoutCode(
  { entry, context, session }: ExecuteTask,
  trap: Trap | undefined,
  canister: Canister | undefined,
): Executed {
  const input = {
    mode: modeOf(entry, session !== undefined),
    context,
    ...inputOf(entry),
    instructionLimit: 0,
    stablePagesWrittenMax: 0,
  };
  const stable = canister?.stable ?? new StableMemory();
  const x = new Execution(input, { machine: NO_MACHINE, stable, memory64: false });
  const { heapBytes, stableBytes } = canister ?? NO_MEMORY;
  // Without the hook every message is accepted (5.12).
  x.messageAccepted = entry.kind === 'inspect_message';
  return x.result(trap, { instructions: 0, heapBytes, stableBytes });
}

function memoryLimit({ entry, context }: ExecuteTask): { wasmMemoryLimitBytes?: number } {
  const limited = entry.kind === 'update' && context.wasmMemoryLimit > 0;
  return limited ? { wasmMemoryLimitBytes: context.wasmMemoryLimit } : {};
}

/** How the execution failed: by itself, or by a check on its return (5.3). */
function trapOf(result: RunResult, task: ExecuteTask, instance: Instance): Trap | undefined {
  if (result.kind === 'trapped') return result.trap;
  const limit = memoryLimit(task).wasmMemoryLimitBytes;
  if (limit === undefined || instance.memoryPages * WASM_PAGE_BYTES <= limit) return undefined;
  return wasmMemoryLimitTrap(limit);
}
