// What an execution sees of its canister and subnet.
import { CALLS_PER_PAIR } from '../limits.ts';
import type { Context } from '../sandbox/interface.ts';
import type { Canister } from './canister.ts';
import type { Subnet } from './subnet.ts';

const NOBODY = new Uint8Array(0);

/** What every execution sees; no caller, no cycles attached, nothing to call. */
export function baseContext(subnet: Subnet, canister: Canister): Context {
  const { state } = canister;
  return {
    canisterId: canister.id,
    caller: NOBODY,
    senderInfo: undefined,
    timeNanos: subnet.timeNanos,
    status: state.status.kind,
    canisterVersion: state.version,
    controllers: state.settings.controllers,
    balance: state.balance,
    freezingReserve: 0n,
    cyclesAvailable: 0n,
    cyclesRefunded: 0n,
    responded: false,
    deadlineNanos: 0n,
    contextInstructions: 0n,
    instructionLimit: 0n,
    wasmMemoryLimit: Number(state.settings.wasmMemoryLimit),
    globalTimerNanos: state.globalTimerNanos,
    subnetId: subnet.config.subnetId,
    subnetNodes: subnet.members,
    rootKeyDer: subnet.config.rootKeyDer,
    environmentVariables: state.settings.environmentVariables,
    dataCertificate: undefined,
    callSlots: 0,
    callSlotsPerCallee: CALLS_PER_PAIR,
    openCalls: {},
    nextLogIndex: state.nextLogIndex,
  };
}
