/**
 * Every way an execution may fail, with texts of our own: what V8 says differs between versions,
 * and trap texts reach certified state (interface-spec 1.14).
 */
import type { Trap } from './types.ts';

/** Thrown by host functions to trap the canister that called them. Nothing else may be thrown. */
export class HostTrap extends Error {
  readonly trap: Trap;

  constructor(trap: Trap) {
    super(trap.message);
    this.name = 'HostTrap';
    this.trap = trap;
  }
}

/** The machine failed, not the canister: no result may be derived; retry elsewhere or stop. */
export class InfrastructureFault extends Error {
  override name = 'InfrastructureFault';
}

/** Values of the reason global, set by generated code before it executes `unreachable`. */
export const REASON = { none: 0, instructions: 1, depth: 2, memoryLimit: 3, dirty: 4, host: 5 };

export const textTrap = (e: string): Trap => ({
  code: 'IC0502',
  message: `Canister trapped: ${e}`,
});

export const HEAP_OUT_OF_BOUNDS = textTrap('heap out of bounds');
export const STABLE_OUT_OF_BOUNDS = textTrap('stable memory out of bounds');
export const STACK_OVERFLOW = textTrap('stack overflow');
export const TOO_MANY_DIRTY_PAGES = textTrap('too many heap pages modified in one message');

export function instructionLimitTrap(limit: number): Trap {
  const message = `Canister exceeded the limit of ${limit} instructions for single message execution.`;
  return { code: 'IC0522', message };
}

export function wasmMemoryLimitTrap(limitBytes: number): Trap {
  return {
    code: 'IC0539',
    message: `Canister exceeded its current Wasm memory limit of ${limitBytes} bytes.`,
  };
}

// Fragments of V8's texts, checked in order; both sides are covered by tests.
const V8_TEXTS: readonly (readonly [string, Trap])[] = [
  ['memory access out of bounds', HEAP_OUT_OF_BOUNDS],
  ['unreachable', textTrap('unreachable')],
  ['divide by zero', textTrap('integer divide by 0')],
  ['remainder by zero', textTrap('integer divide by 0')],
  ['divide result unrepresentable', textTrap('integer overflow')],
  ['float unrepresentable', textTrap('bad conversion to integer')],
  ['signature mismatch', textTrap('indirect call to null or with a bad signature')],
  ['table index is out of bounds', textTrap('table out of bounds')],
  ['table access', textTrap('table out of bounds')],
  ['table or', textTrap('table out of bounds')],
  ['element segment', textTrap('element segment out of bounds')],
  ['data segment', textTrap('data segment out of bounds')],
];

/** The trap for a RuntimeError of V8, or undefined for a text nobody has seen. */
export function trapOfV8(message: string): Trap | undefined {
  return V8_TEXTS.find(([fragment]) => message.includes(fragment))?.[1];
}
