/** Compiles and installs canisters under test. */
import { createRequire } from 'node:module';
import {
  type Entry,
  Instance,
  instrument,
  MetaMemory,
  type ModuleInfo,
  type Origin,
  type ParsedModule,
  parseModule,
  type RunResult,
} from '../../src/wasm/index.ts';
import { IMPORTS, TestHost } from './system-api.ts';

const require = createRequire(import.meta.url);

interface Motoko {
  write(file: string, source: string): void;
  wasm(file: string, mode: string): { readonly wasm: Uint8Array };
}

interface Wabt {
  parseWat(
    name: string,
    text: string,
    features: Record<string, boolean>,
  ): {
    toBinary(options: object): { readonly buffer: Uint8Array };
    destroy(): void;
  };
}

export function motoko(source: string): Uint8Array {
  const compiler = require('motoko').default as Motoko;
  compiler.write('main.mo', source);
  return new Uint8Array(compiler.wasm('main.mo', 'ic').wasm);
}

const FEATURES = {
  memory64: true,
  table64: true,
  multi_memory: true,
  simd: true,
  bulk_memory: true,
  reference_types: true,
  threads: true,
  exceptions: true,
  tail_call: true,
  relaxed_simd: true,
};

const wabt = await (require('wabt') as () => Promise<Wabt>)();

export function wat(text: string): Uint8Array {
  const module = wabt.parseWat('test.wat', text, FEATURES);
  const { buffer } = module.toBinary({});
  module.destroy();
  return new Uint8Array(buffer);
}

export function parsed(bytes: Uint8Array): ParsedModule {
  const result = parseModule(bytes, IMPORTS);
  if (result.kind === 'invalid') throw new Error(result.error.message);
  return result.module;
}

export interface Canister {
  readonly instance: Instance;
  readonly host: TestHost;
  readonly info: ModuleInfo;
  readonly run: (entry: Entry | string, instructions?: number) => RunResult;
}

/** An instance by any origin; `install` by default, with start run, not yet committed. */
export function canister(bytes: Uint8Array, origin?: Origin, meta = new MetaMemory()): Canister {
  const module = parsed(bytes);
  const { info } = module;
  const host = new TestHost(info.memory?.is64 === true);
  const options = {
    module: new WebAssembly.Module(instrument(bytes, module)),
    info,
    functions: host.functions(info.imports),
    meta,
  };
  const created = Instance.create(options, origin ?? { kind: 'install', bytes });
  if (created.kind === 'trapped') throw new Error(created.trap.message);
  const { instance } = created;
  host.instance = instance;
  const run = (entry: Entry | string, instructions = 40e9): RunResult => {
    host.reply = [];
    return instance.run(typeof entry === 'string' ? { kind: 'export', name: entry } : entry, {
      instructions,
    });
  };
  return { instance, host, info, run };
}

/** Installed and committed, with `canister_init` run when it exists. */
export function installed(bytes: Uint8Array): Canister {
  const made = canister(bytes);
  const entries: (Entry | string)[] = [];
  if (made.info.hasStart) entries.push({ kind: 'start' });
  if (made.info.systemMethods.includes('canister_init')) entries.push('canister_init');
  for (const entry of entries) {
    const result = made.run(entry);
    if (result.kind === 'trapped') throw new Error(result.trap.message);
  }
  made.instance.commit();
  return made;
}
