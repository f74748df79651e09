// `install_code`: install, reinstall and upgrade as one atomic step (interface-spec 5.9).
import { principalToText } from '@internode/encoding';
import { assert, bytesEqual } from '@internode/prelude';
import { INSTRUCTIONS } from '../../limits.ts';
import type { Context, Executed, ModuleFacts } from '../../sandbox/interface.ts';
import { certify, keepLogs, keepSizes } from '../aftermath.ts';
import type { Canister } from '../canister.ts';
import { chargeIdle } from '../charging.ts';
import { baseContext } from '../context.ts';
import { addCycles } from '../cycles.ts';
import { type Fiber, solve } from '../fibers.ts';
import { ensureOpen } from '../loading.ts';
import { fromCanister, noModule, outOfCycles, refuse, trapped } from '../refusals.ts';
import { take } from '../responding.ts';
import type { Subnet } from '../subnet.ts';
import { recordChange } from '../uninstall.ts';
import {
  changeOrigin,
  done,
  failed,
  type ManagementCall,
  type Result,
  readControlled,
} from './call.ts';
import { type InstallArgument, installType } from './types.ts';

const PERSISTENCE_SECTION = 'enhanced-orthogonal-persistence';

interface Installation {
  readonly subnet: Subnet;
  readonly canister: Canister;
  readonly argument: InstallArgument;
  readonly facts: ModuleFacts;
}

export function* installCode(management: ManagementCall): Fiber<Result> {
  const read = readControlled(installType, management);
  if (read.kind === 'refused') return failed(read.refusal);
  const { argument, canister } = read.value;
  const { subnet, call, raise } = management;
  chargeIdle(subnet, canister);
  yield* ensureOpen(subnet, canister, raise);
  const { mode } = argument;
  if (mode.kind === 'install' && canister.state.code !== undefined) {
    const name = principalToText(canister.id);
    return failed(
      refuse(
        'IC0514',
        `Canister ${name} cannot be installed because the canister is not empty. Try installing with mode='reinstall' instead.`,
      ),
    );
  }
  if (mode.kind === 'upgrade' && canister.state.code === undefined)
    return failed(noModule(canister.id));
  const prepared = yield* solve({ kind: 'prepare', wasm: argument.wasm_module });
  if (prepared.kind === 'unpreparable') return failed(trapped(canister.id, prepared.trap));
  assert(prepared.kind === 'prepared', 'sandbox answered something else to prepare');
  const installation = { subnet, canister, argument, facts: prepared.facts };
  const problem = persistenceProblem(installation);
  if (problem !== undefined) return failed(fromCanister(canister.id, 'IC0504', problem));
  return yield* install(installation, call);
}

/** What the old and the new module demand of an upgrade (5.9, rule for Motoko). */
function persistenceProblem({ canister, argument, facts }: Installation): string | undefined {
  if (argument.mode.kind !== 'upgrade') return undefined;
  const chosen = argument.mode.value?.wasm_memory_persistence?.kind;
  const persists = (module: ModuleFacts | undefined): boolean =>
    module?.metadata.some(({ name, private: hidden }) => hidden && name === PERSISTENCE_SECTION) ??
    false;
  if (persists(canister.facts) && chosen === undefined) {
    return 'Missing upgrade option: Enhanced orthogonal persistence requires the `wasm_memory_persistence` upgrade option.';
  }
  if (chosen === 'keep' && !persists(facts)) {
    return 'Invalid upgrade option: The `wasm_memory_persistence: opt Keep` upgrade option requires that the new canister module supports enhanced orthogonal persistence.';
  }
  return undefined;
}

function* install(installation: Installation, call: ManagementCall['call']): Fiber<Result> {
  const { subnet, canister, argument, facts } = installation;
  const { state } = canister;
  const spendable = state.balance - canister.freezingReserve(subnet.prices);
  const affordable = spendable <= 0n ? 0n : subnet.prices.instructionsFor(spendable, facts);
  const limit = affordable < INSTRUCTIONS.install ? affordable : INSTRUCTIONS.install;
  if (limit === 0n) {
    return failed(outOfCycles(canister.id, subnet.prices.execution(0n, facts) - spendable));
  }
  const prepaid = subnet.prices.execution(limit, facts);
  const upgrade = argument.mode.kind === 'upgrade' ? argument.mode.value : undefined;
  const context: Context = {
    ...baseContext(subnet, canister),
    caller: call.caller,
    balance: take(state.balance, prepaid),
    freezingReserve: canister.freezingReserve(subnet.prices),
    instructionLimit: limit,
  };
  const executed = yield* solve({
    kind: 'install',
    mode: argument.mode.kind,
    moduleHash: facts.hash,
    argument: argument.arg,
    skipPreUpgrade: upgrade?.skip_pre_upgrade ?? false,
    keepHeap: upgrade?.wasm_memory_persistence?.kind === 'keep',
    context,
    versionAfter: state.version + 1n,
  });
  assert(executed.kind === 'executed', `sandbox answered ${executed.kind} to install`);
  const left = take(state.balance, subnet.prices.execution(executed.instructions, facts));
  subnet.consume(state.balance - left + executed.cyclesBurned);
  state.balance = left;
  subnet.touch(canister);
  if (executed.trap !== undefined) {
    keepLogs(canister, executed);
    // Less than the usual limit was all that the canister could pay.
    const isPoor = executed.trap.code === 'IC0522' && limit < INSTRUCTIONS.install;
    const missing = subnet.prices.execution(INSTRUCTIONS.install, facts) - spendable;
    const refusal = isPoor
      ? outOfCycles(canister.id, missing)
      : trapped(canister.id, executed.trap);
    return failed(refusal, executed.instructions);
  }
  replaceCode(installation, executed);
  recordChange(subnet, canister, {
    origin: changeOrigin(call, argument.sender_canister_version),
    details: { kind: 'deployment', mode: argument.mode.kind, moduleHash: facts.hash },
  });
  return done(undefined, { instructions: executed.instructions });
}

function replaceCode(
  { subnet, canister, argument, facts }: Installation,
  executed: Executed,
): void {
  const { state } = canister;
  const isUpgrade = argument.mode.kind === 'upgrade';
  if (state.code !== undefined) subnet.modules.release(state.code.moduleHash);
  subnet.modules.use(facts.hash, argument.wasm_module);
  if (!isUpgrade) {
    canister.memoriesCleared = true;
    state.logs = [];
  }
  state.code = {
    moduleHash: facts.hash,
    memory64: facts.memory64,
    hooks: [...facts.hooks],
    binaryBytes: facts.binaryBytes,
    customSectionBytes: facts.customSectionBytes,
    globalBytes: facts.globalBytes,
    heapBytes: executed.heapBytes,
    stableBytes: executed.stableBytes,
    instance: new Uint8Array(0),
  };
  canister.learn(facts);
  canister.open = true;
  state.lowMemoryHook = 'idle';
  keepSizes(canister, executed);
  keepLogs(canister, executed);
  state.version += 1n;
  state.balance = addCycles(take(state.balance, executed.cyclesBurned), executed.cyclesAccepted);
  state.globalTimerNanos = executed.globalTimerNanos ?? 0n;
  state.lastInstallNanos = subnet.timeNanos;
  const data = executed.certifiedData ?? (isUpgrade ? state.certifiedData : new Uint8Array(0));
  if (!bytesEqual(data, state.certifiedData)) certify(subnet, canister, data);
  subnet.touchRecord(canister);
  subnet.index(canister);
}
