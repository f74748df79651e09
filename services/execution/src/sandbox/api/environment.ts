/** What a canister may know and set about itself, its subnet and the time; logs and traps. */
import { bytesEqual } from '@internode/prelude';
import { ENVIRONMENT_TEXT_BYTES } from '../../limits.ts';
import { HostTrap } from '../../wasm/index.ts';
import type { Execution } from '../execution.ts';
import { calledTrap, violation } from '../failures.ts';
import { CERTIFIED_DATA_BYTES, LOG_BYTES, PRINCIPAL_BYTES, TRAP_TEXT_BYTES } from '../limits.ts';
import {
  copyIn,
  copyOut,
  cyclesOf,
  type Definition,
  define,
  defineBlob,
  narrow,
  textOf,
  writeCycles,
} from './define.ts';

const EVERYWHERE = '* s';
const STATUS = { running: 1, stopping: 2, stopped: 3 } as const;

/** Only the query's own entry shows the certificate, never its callbacks or callees (3.3). */
function certificate(x: Execution): Uint8Array | undefined {
  return x.mode.tag === 'NRQ' || x.mode.tag === 'CQ' ? x.context.dataCertificate : undefined;
}

function presentCertificate(x: Execution): Uint8Array {
  const found = certificate(x);
  if (found === undefined)
    throw violation('ic0.data_certificate_copy: no certificate is available');
  return found;
}

function setCertifiedData(x: Execution, source: number, size: number): void {
  if (size > CERTIFIED_DATA_BYTES) {
    const text = `data of ${size} bytes exceeds the limit of ${CERTIFIED_DATA_BYTES} bytes`;
    throw violation(`ic0.certified_data_set: ${text}`);
  }
  x.certifiedData = copyIn(x, source, size);
}

function setTimer(x: Execution, nanos: bigint): bigint {
  const before = x.globalTimerNanos ?? x.context.globalTimerNanos;
  x.globalTimerNanos = nanos;
  return before;
}

function counter(x: Execution, type: number): bigint {
  const used = BigInt(x.instructionsUsed());
  if (type === 0) return used;
  if (type === 1) return x.context.contextInstructions + used;
  throw violation(`ic0.performance_counter: unknown counter type ${type}`);
}

function isController(x: Execution, source: number, size: number): number {
  if (size > PRINCIPAL_BYTES) throw violation('ic0.is_controller: invalid principal id');
  const id = copyIn(x, source, size);
  return x.context.controllers.some((controller) => bytesEqual(controller, id)) ? 1 : 0;
}

function burn(x: Execution, amount: bigint): bigint {
  const liquid = x.liquid();
  const burned = amount < liquid ? amount : liquid;
  x.balance -= burned;
  x.cyclesBurned += burned;
  return burned;
}

/** Traps only for want of instructions; what lies outside the heap is not printed. */
function print(x: Execution, source: number, size: number): void {
  const length = Math.min(size, LOG_BYTES);
  x.machine.charge(length);
  try {
    x.log(x.machine.hostRead(source, length));
  } catch (error) {
    if (!(error instanceof HostTrap)) throw error;
  }
}

function trap(x: Execution, source: number, size: number): never {
  const bytes = copyIn(x, source, Math.min(size, TRAP_TEXT_BYTES));
  throw calledTrap(new TextDecoder().decode(bytes));
}

function nameAt(x: Execution, index: number): Uint8Array {
  const variable = x.context.environmentVariables[index];
  if (variable === undefined) {
    throw violation(`ic0.env_var_name: index ${index} is out of bounds`);
  }
  return new TextEncoder().encode(variable.name);
}

function findVariable(x: Execution, source: number, size: number): string | undefined {
  if (size > ENVIRONMENT_TEXT_BYTES) {
    const text = `a name of ${size} bytes exceeds the limit of ${ENVIRONMENT_TEXT_BYTES}`;
    throw violation(`ic0.env_var: ${text}`);
  }
  const name = textOf(copyIn(x, source, size), 'ic0.env_var: the name');
  return x.context.environmentVariables.find((variable) => variable.name === name)?.value;
}

function variableValue(x: Execution, source: number, size: number): Uint8Array {
  const value = findVariable(x, source, size);
  if (value === undefined) throw violation('ic0.env_var_value: no variable has this name');
  return new TextEncoder().encode(value);
}

const VARIABLES: readonly Definition[] = [
  define('env_var_count', '*', [[], 'I'], (x) => x.context.environmentVariables.length),
  define('env_var_name_size', '*', [['I'], 'I'], (x, index) => nameAt(x, index).length),
  define(
    'env_var_name_copy',
    '*',
    [['I', 'I', 'I', 'I'], 'none'],
    (x, index, target, offset, size) =>
      copyOut(x, 'ic0.env_var_name_copy', nameAt(x, index), { target, offset, size }),
  ),
  define('env_var_name_exists', '*', [['I', 'I'], 'i32'], (x, source, size) =>
    findVariable(x, source, size) === undefined ? 0 : 1,
  ),
  define(
    'env_var_value_size',
    '*',
    [['I', 'I'], 'I'],
    (x, source, size) => variableValue(x, source, size).length,
  ),
  define(
    'env_var_value_copy',
    '*',
    [['I', 'I', 'I', 'I', 'I'], 'none'],
    (x, source, nameSize, target, offset, size) => {
      const value = variableValue(x, source, nameSize);
      copyOut(x, 'ic0.env_var_value_copy', value, { target, offset, size });
    },
  ),
];

export const ENVIRONMENT_CALLS: readonly Definition[] = [
  ...defineBlob('canister_self', '*', (x) => x.context.canisterId),
  ...defineBlob('subnet_self', '*', (x) => x.context.subnetId),
  ...defineBlob('root_key', 'I G U RQ Ry Rt C T', (x) => x.context.rootKeyDer),
  ...defineBlob('data_certificate', 'NRQ CQ', presentCertificate),
  ...VARIABLES,
  define('subnet_self_node_count', '*', [[], 'i32'], (x) => x.context.subnetNodes),
  define('canister_cycle_balance128', '*', [['I'], 'none'], (x, target) =>
    writeCycles(x, target, x.balance),
  ),
  define('canister_liquid_cycle_balance128', '*', [['I'], 'none'], (x, target) =>
    writeCycles(x, target, x.liquid()),
  ),
  define(
    'cycles_burn128',
    'I G U RQ Ry Rt C T',
    [['i64', 'i64', 'I'], 'none'],
    (x, high, low, target) => writeCycles(x, target, burn(x, cyclesOf(high, low))),
  ),
  define('canister_status', '*', [[], 'i32'], (x) => STATUS[x.context.status]),
  define('canister_version', '*', [[], 'i64'], (x) => x.context.canisterVersion),
  define('certified_data_set', 'I G U Ry Rt T', [['I', 'I'], 'none'], setCertifiedData),
  define('data_certificate_present', '*', [[], 'i32'], (x) =>
    certificate(x) === undefined ? 0 : 1,
  ),
  define('time', '*', [[], 'i64'], (x) => x.context.timeNanos),
  define('global_timer_set', 'I G U Ry Rt C T', [['i64'], 'i64'], setTimer),
  define('performance_counter', EVERYWHERE, [['i32'], 'i64'], counter),
  define('is_controller', EVERYWHERE, [['I', 'I'], 'i32'], isController),
  define('in_replicated_execution', EVERYWHERE, [[], 'i32'], (x) => (x.mode.replicated ? 1 : 0)),
  define('debug_print', EVERYWHERE, [['I', 'I'], 'none'], print, { overhead: 100 }),
  define('trap', EVERYWHERE, [['I', 'I'], 'none'], trap),
  define('canister_cycle_balance', '*', [[], 'i64'], (x) => narrow(x.balance), { only32: true }),
];
