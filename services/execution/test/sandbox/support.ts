/** Canisters under test: WAT with its imports written by itself, and one sandbox that runs them. */
import { gunzipSync } from 'node:zlib';
import { fromHex, utf8 } from '@internode/prelude';
import { createInPlaceSandbox, type InPlaceSandbox } from '../../src/sandbox/in-place.ts';
import type {
  Answer,
  Context,
  Entry,
  Executed,
  ModuleFacts,
  Task,
} from '../../src/sandbox/interface.ts';
import { SYSTEM_IMPORTS } from '../../src/sandbox/system-api.ts';
import { wat } from '../wasm/canisters.ts';

export { motoko } from '../wasm/canisters.ts';

export const CANISTER = fromHex('00000000000000010101');
export const OTHER = fromHex('00000000000000020101');
export const USER = fromHex(`${'aa'.repeat(28)}02`);

export const CONTEXT: Context = {
  canisterId: CANISTER,
  caller: USER,
  senderInfo: undefined,
  timeNanos: 1_700_000_000_000_000_000n,
  status: 'running',
  canisterVersion: 7n,
  controllers: [USER],
  balance: 100_000_000_000_000n,
  freezingReserve: 0n,
  cyclesAvailable: 0n,
  cyclesRefunded: 0n,
  responded: false,
  deadlineNanos: 0n,
  contextInstructions: 0n,
  instructionLimit: 40_000_000_000n,
  wasmMemoryLimit: 0,
  globalTimerNanos: 0n,
  subnetId: fromHex(`${'bb'.repeat(28)}02`),
  subnetNodes: 13,
  rootKeyDer: new Uint8Array(133).fill(9),
  environmentVariables: [],
  dataCertificate: undefined,
  callSlots: 500,
  callSlotsPerCallee: 500,
  openCalls: {},
  nextLogIndex: 0n,
};

/**
 * A module with one memory of `bits` address bits. Every `call $name` of a system call is imported;
 * `pages` is the initial size.
 */
export function module(body: string, { bits = 32, pages = 1 } = {}): Uint8Array {
  const names = new Set([...body.matchAll(/\(call \$(\w+)/g)].map((match) => match[1] ?? ''));
  const imports = [...names]
    .filter((name) => SYSTEM_IMPORTS.has(name))
    .map((name) => importOf(name, bits));
  const memory = `(memory (export "memory") ${bits === 64 ? 'i64 ' : ''}${pages})`;
  return wat(`(module ${imports.join('\n')} ${memory} ${body})`);
}

export function importOf(name: string, bits: number): string {
  const signature = SYSTEM_IMPORTS.get(name);
  if (signature === undefined) throw new Error(`no system call ${name}`);
  const width = (type: string): string => (type === 'I' ? `i${bits}` : type);
  const params = signature.params.map(width).join(' ');
  const results = signature.results.map(width).join(' ');
  return `(import "ic0" "${name}" (func $${name} (param ${params}) (result ${results})))`;
}

/** `(func (export "canister_update name") body)`. */
export const update = (name: string, body: string): string =>
  `(func (export "canister_update ${name}") ${body})`;
export const query = (name: string, body: string): string =>
  `(func (export "canister_query ${name}") ${body})`;
/** Replies with bytes of the heap. */
export const reply = (start: number, length: number): string =>
  `(call $msg_reply_data_append (i32.const ${start}) (i32.const ${length})) (call $msg_reply)`;

/** One i64 as 8 bytes, little endian, as reply. */
export const replyNumber = (value: string): string =>
  `(i64.store (i32.const 1000) ${value}) ${reply(1000, 8)}`;

export function inflate(bytes: Uint8Array, bytesMax: number): Uint8Array | undefined {
  try {
    return new Uint8Array(gunzipSync(bytes, { maxOutputLength: bytesMax }));
  } catch {
    return undefined;
  }
}

export function prepare(sandbox: { run(task: Task): Answer }, wasm: Uint8Array): ModuleFacts {
  const answer = sandbox.run({ kind: 'prepare', wasm });
  if (answer.kind !== 'prepared') throw new Error(JSON.stringify(answer));
  return answer.facts;
}

/** What the code of an unpreparable module is refused with. */
export function refusalOf(wasm: Uint8Array): { code: string; message: string } | undefined {
  const answer = createInPlaceSandbox({ inflate }).run({ kind: 'prepare', wasm });
  return answer.kind === 'unpreparable' ? answer.trap : undefined;
}

export interface InstallOptions {
  readonly mode?: 'install' | 'reinstall' | 'upgrade';
  readonly argument?: Uint8Array;
  readonly keepHeap?: boolean;
  readonly skipPreUpgrade?: boolean;
  readonly context?: Partial<Context>;
}

export class TestCanister {
  readonly sandbox: InPlaceSandbox;
  readonly id: Uint8Array;

  constructor(sandbox = createInPlaceSandbox({ inflate }), id = CANISTER) {
    this.sandbox = sandbox;
    this.id = id;
  }

  install(wasm: Uint8Array, options: InstallOptions = {}): Executed {
    const { hash } = prepare(this.sandbox, wasm);
    return this.sandbox.run({
      kind: 'install',
      mode: options.mode ?? 'install',
      moduleHash: hash,
      argument: options.argument ?? new Uint8Array(0),
      skipPreUpgrade: options.skipPreUpgrade ?? false,
      keepHeap: options.keepHeap ?? false,
      context: {
        ...CONTEXT,
        canisterId: this.id,
        instructionLimit: 300_000_000_000n,
        ...options.context,
      },
      versionAfter: 8n,
    }) as Executed;
  }

  execute(entry: Entry, context: Partial<Context> = {}, session?: string): Executed {
    const whole = { ...CONTEXT, canisterId: this.id, ...context };
    return this.sandbox.run({ kind: 'execute', entry, context: whole, session }) as Executed;
  }

  update(
    method: string,
    argument: Uint8Array = new Uint8Array(0),
    context: Partial<Context> = {},
  ): Executed {
    return this.execute({ kind: 'update', method, argument }, context);
  }

  query(
    method: string,
    argument: Uint8Array = new Uint8Array(0),
    context: Partial<Context> = {},
  ): Executed {
    return this.execute({ kind: 'query', method, argument, replicated: false }, context);
  }
}

/** Installed, or the test ends. */
export function installed(wasm: Uint8Array, options: InstallOptions = {}): TestCanister {
  const canister = new TestCanister();
  const { trap } = canister.install(wasm, options);
  if (trap !== undefined) throw new Error(trap.message);
  return canister;
}

export function replyOf(executed: Executed): Uint8Array {
  if (executed.trap !== undefined) throw new Error(executed.trap.message);
  if (executed.response?.kind !== 'reply') throw new Error('no reply');
  return executed.response.content;
}

export const textOf = (executed: Executed): string => new TextDecoder().decode(replyOf(executed));

/** The first eight bytes of the reply. */
export function numberOf(executed: Executed): bigint {
  const content = replyOf(executed);
  return new DataView(content.buffer, content.byteOffset).getBigUint64(0, true);
}

export const bytes = utf8;
