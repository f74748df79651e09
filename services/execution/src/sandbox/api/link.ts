/** Makes the functions that V8 calls out of definitions: checks the context, charges, converts. */

import type { Execution } from '../execution.ts';
import { violation } from '../failures.ts';
import type { Definition, ParamType, ResultType } from './define.ts';

/** Whose system calls these are; one per canister. The execution changes, the functions stay. */
export interface Host {
  execution: Execution | undefined;
}

export type HostFunction = (...values: (number | bigint)[]) => number | bigint | undefined;

type Convert = (value: number | bigint) => number | bigint;

const unsigned32: Convert = (value) => (value as number) >>> 0;
const unsigned64: Convert = (value) => BigInt.asUintN(64, value as bigint);
/** Addresses beyond 2^53 lose digits; no memory reaches that far, so every check still fails. */
const address64: Convert = (value) => ((value as bigint) < 0n ? 2 ** 64 : Number(value as bigint));

function converterOf(type: ParamType, memory64: boolean): Convert {
  if (type === 'i32') return unsigned32;
  if (type === 'i64') return unsigned64;
  if (type === 'opaque') return memory64 ? unsigned64 : (value) => BigInt((value as number) >>> 0);
  return memory64 ? address64 : unsigned32;
}

function backOf(
  type: ResultType,
  memory64: boolean,
): (value: unknown) => number | bigint | undefined {
  if (type === 'none') return () => undefined;
  if (type === 'i64') return (value) => BigInt.asIntN(64, value as bigint);
  if (type === 'I' && memory64) return (value) => BigInt(value as number);
  return (value) => (value as number) | 0;
}

export function linkOne(definition: Definition, memory64: boolean, host: Host): HostFunction {
  const run = definition.run as (x: Execution, ...values: (number | bigint)[]) => unknown;
  const [first, second, third] = definition.params.map((type) => converterOf(type, memory64));
  const all = definition.params.map((type) => converterOf(type, memory64));
  const back = backOf(definition.result, memory64);
  const enter = (): Execution => entered(definition, host);
  if (first === undefined) return () => back(run(enter()));
  if (second === undefined) return (a) => back(run(enter(), first(a as number)));
  if (third === undefined) {
    return (a, b) => back(run(enter(), first(a as number), second(b as number)));
  }
  if (all.length === 3) {
    return (a, b, c) =>
      back(run(enter(), first(a as number), second(b as number), third(c as number)));
  }
  return (...values) => {
    const converted = all.map((convert, index) => convert(values[index] as number));
    return back(run(enter(), ...converted));
  };
}

function entered(definition: Definition, host: Host): Execution {
  const execution = host.execution;
  if (execution === undefined) throw new Error('a system call outside of an execution');
  if ((definition.contexts & execution.mode.bit) === 0) {
    const mode = execution.mode.name;
    throw violation(`"ic0_${definition.name}" cannot be executed in ${mode} mode.`);
  }
  execution.machine.charge(definition.overhead);
  return execution;
}
