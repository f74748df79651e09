/**
 * Install, reinstall and upgrade as one atomic step (interface-spec 5.9). The old instance is only
 * read after `canister_pre_upgrade`: its changes are taken out and rolled back, so that whatever
 * happens later the old canister is as it was; stable memory keeps one open transaction throughout.
 */
import {
  type HeapChanges,
  Instance,
  instructionLimitTrap,
  type MetaMemory,
  type Origin,
  StableMemory,
} from '../wasm/index.ts';
import { Canister } from './canister.ts';
import { hook } from './entry-point.ts';
import { Execution, type Machine, NO_MACHINE } from './execution.ts';
import { logTextOf } from './failures.ts';
import type { Context, Executed, Task, Trap } from './interface.ts';
import { STABLE_PAGES_WRITTEN } from './limits.ts';
import { MODES, type Mode } from './modes.ts';
import type { PreparedModule } from './modules.ts';

export type InstallTask = Extract<Task, { kind: 'install' }>;

export interface Installed {
  readonly executed: Executed;
  /** Present on success; replaces the old one. */
  readonly canister: Canister | undefined;
}

interface Step {
  readonly name: string;
  readonly mode: Mode;
  readonly context: Context;
}

const START = { kind: 'run', entry: { kind: 'start' } } as const;

export class Installation {
  readonly #task: InstallTask;
  readonly #meta: MetaMemory;
  readonly #old: Canister | undefined;
  readonly #next: Canister;
  readonly #upgrade: boolean;
  /** Of the last step; what steps leave behind adds up in it. */
  #execution: Execution;
  #used = 0;

  constructor(
    task: InstallTask,
    place: { meta: MetaMemory; old: Canister | undefined; module: PreparedModule },
  ) {
    const { old } = place;
    this.#task = task;
    this.#meta = place.meta;
    this.#old = old;
    this.#upgrade = task.mode === 'upgrade' && old !== undefined;
    const kept = task.mode === 'upgrade' ? old : undefined;
    const heap = kept === undefined || !task.keepHeap || kept.cleared.heap;
    this.#next = new Canister({
      id: task.context.canisterId,
      module: place.module,
      stable: kept?.stable ?? new StableMemory(),
      cleared: { heap, stable: kept?.cleared.stable ?? true },
      collectedBytes: kept?.collectedBytes,
      unsaved: task.keepHeap ? kept?.unsaved : undefined,
    });
    this.#execution = this.#begin(this.#next, NO_MACHINE, {
      mode: MODES.init,
      context: task.context,
    });
  }

  run(): Installed {
    const before = this.#leaveOld();
    if (before.trap !== undefined) return this.#failed(before.trap);
    const origin = this.#origin(before.changes);
    if ('code' in origin) return this.#failed(origin);
    // A timer that pre_upgrade set is void, like every timer at a change of module.
    this.#execution.globalTimerNanos = undefined;
    const made = Instance.create(this.#next.options(this.#meta), origin);
    if (made.kind === 'trapped') return this.#failed(made.trap);
    this.#next.attach(made.instance);
    const trap = this.#enterNew(made.instance);
    if (trap !== undefined) return this.#failed(trap);
    this.#next.commit();
    return { executed: this.#result(undefined, this.#next), canister: this.#next };
  }

  /** Runs pre_upgrade; answers the heap's changes if they are wanted. The old heap is as before. */
  #leaveOld(): { trap: Trap | undefined; changes: HeapChanges | undefined } {
    const old = this.#old;
    if (!this.#upgrade || old === undefined) return { trap: undefined, changes: undefined };
    const instance = old.wake(this.#meta);
    const { context, skipPreUpgrade, keepHeap } = this.#task;
    const step = { name: 'canister_pre_upgrade', mode: MODES.preUpgrade, context };
    const trap = skipPreUpgrade ? undefined : this.#step(old, instance, step);
    const changes = trap === undefined && keepHeap ? instance.pendingChanges() : undefined;
    instance.rollback();
    return { trap, changes };
  }

  #origin(changes: HeapChanges | undefined): Origin | Trap {
    const { bytes, info } = this.#next.module;
    const old = this.#old;
    if (changes === undefined || old === undefined) return { kind: 'install', bytes };
    const { memory } = info;
    const fits = memory !== undefined && memory.pagesMax >= changes.memoryPages;
    if (!fits || memory.is64 !== old.module.facts.memory64) {
      const text = 'its memory cannot hold the heap that is to be kept';
      return { code: 'IC0505', message: `Canister's Wasm module is not valid: ${text}` };
    }
    return { kind: 'keep', bytes, previous: old.wake(this.#meta), changes };
  }

  #enterNew(instance: Instance): Trap | undefined {
    const { context, versionAfter } = this.#task;
    const after = { ...context, canisterVersion: versionAfter, globalTimerNanos: 0n };
    if (this.#next.module.info.hasStart) {
      const trap = this.#step(this.#next, instance, {
        name: 'start',
        mode: MODES.start,
        context: after,
      });
      if (trap !== undefined) return trap;
    }
    const name = this.#upgrade ? 'canister_post_upgrade' : 'canister_init';
    return this.#step(this.#next, instance, { name, mode: MODES.init, context: after });
  }

  #step(canister: Canister, instance: Instance, { name, mode, context }: Step): Trap | undefined {
    const found = mode === MODES.start ? START : hook(canister.module.info, name);
    if (found.kind !== 'run') return undefined;
    this.#execution = this.#begin(canister, instance, { mode, context }, this.#execution);
    canister.host.execution = this.#execution;
    const { instructionLimit } = this.#execution.input;
    const result = instance.run(found.entry, { instructions: instructionLimit });
    canister.host.execution = undefined;
    this.#used += result.instructionsUsed;
    if (result.kind === 'returned') return undefined;
    const outOfInstructions = result.trap.code === 'IC0522';
    return outOfInstructions ? instructionLimitTrap(Number(context.instructionLimit)) : result.trap;
  }

  #begin(
    canister: Canister,
    machine: Machine,
    { mode, context }: { mode: Mode; context: Context },
    earlier?: Execution,
  ): Execution {
    const input = {
      mode,
      context,
      argument: this.#task.argument,
      methodName: '',
      rejectCode: 0,
      rejectMessage: new Uint8Array(0),
      instructionLimit: Number(context.instructionLimit) - this.#used,
      stablePagesWrittenMax: STABLE_PAGES_WRITTEN.install,
    };
    const { stable, module } = canister;
    return new Execution(input, { machine, stable, memory64: module.facts.memory64 }, earlier);
  }

  #failed(trap: Trap): Installed {
    this.#next.rollback();
    this.#old?.rollback();
    this.#execution.log(new TextEncoder().encode(logTextOf(trap)));
    return { executed: this.#result(trap, this.#old), canister: undefined };
  }

  #result(trap: Trap | undefined, canister: Canister | undefined): Executed {
    const heapBytes = canister?.heapBytes ?? 0;
    const stableBytes = canister?.stableBytes ?? 0;
    return this.#execution.result(trap, { instructions: this.#used, heapBytes, stableBytes });
  }
}
