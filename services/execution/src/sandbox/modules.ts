/** Modules made ready to run: unpacked, checked, instrumented, compiled; by hash of the upload. */
import { sha256 } from '@internode/encoding';
import { assert, toHex } from '@internode/prelude';
import {
  cacheKey,
  instrument,
  type ModuleInfo,
  type ParsedModule,
  parseModule,
} from '../wasm/index.ts';
import type { ModuleFacts, Trap } from './interface.ts';
import { MODULE_BYTES, MODULES_IDLE } from './limits.ts';
import type { SandboxPorts } from './ports.ts';
import { SYSTEM_IMPORTS } from './system-api.ts';

/** Structured-cloneable: one thread prepares, the others adopt. */
export interface PreparedModule {
  readonly key: string;
  readonly facts: ModuleFacts;
  readonly info: ModuleInfo;
  /** Unpacked, as the canister's author made it. */
  readonly bytes: Uint8Array;
  readonly compiled: WebAssembly.Module;
}

export type Preparation =
  | { readonly kind: 'prepared'; readonly module: PreparedModule }
  | { readonly kind: 'unpreparable'; readonly trap: Trap };

/** Modules in use are kept; of the others, the most recently prepared or used ones. */
export class Modules {
  readonly #ports: SandboxPorts;
  readonly #used = new Map<string, { readonly module: PreparedModule; users: number }>();
  /** Used by nobody; least recent first. */
  readonly #idle = new Map<string, PreparedModule>();

  constructor(ports: SandboxPorts) {
    this.#ports = ports;
  }

  get(hash: Uint8Array): PreparedModule | undefined {
    return this.#find(toHex(hash));
  }

  adopt(module: PreparedModule): void {
    if (this.#used.has(module.key)) return;
    this.#idle.delete(module.key);
    this.#idle.set(module.key, module);
    if (this.#idle.size <= MODULES_IDLE) return;
    const [oldest] = this.#idle.keys();
    if (oldest !== undefined) this.#idle.delete(oldest);
  }

  /** One more user: the module stays until as many `release`. */
  use(key: string): void {
    const used = this.#used.get(key);
    if (used !== undefined) {
      used.users += 1;
      return;
    }
    const module = this.#idle.get(key);
    assert(module !== undefined, 'only a prepared module can be used');
    this.#idle.delete(key);
    this.#used.set(key, { module, users: 1 });
  }

  release(key: string): void {
    const used = this.#used.get(key);
    assert(used !== undefined, 'released a module that nobody uses');
    used.users -= 1;
    if (used.users > 0) return;
    this.#used.delete(key);
    this.adopt(used.module);
  }

  #find(key: string): PreparedModule | undefined {
    return this.#used.get(key)?.module ?? this.#idle.get(key);
  }

  prepare(uploaded: Uint8Array): Preparation {
    if (uploaded.length > MODULE_BYTES) return invalid(`the module exceeds ${MODULE_BYTES} bytes`);
    const hash = sha256(uploaded);
    const key = toHex(hash);
    const known = this.#find(key);
    if (known !== undefined) {
      this.adopt(known);
      return { kind: 'prepared', module: known };
    }
    const bytes = this.#unpack(uploaded);
    if (bytes === undefined) return invalid('the gzip data is damaged or too large');
    const parsed = parseModule(bytes, SYSTEM_IMPORTS);
    if (parsed.kind === 'invalid') return { kind: 'unpreparable', trap: parsed.error };
    const compiled = this.#compile(key, bytes, parsed.module);
    if (compiled === undefined) return invalid('the compiler refused the module');
    const { info } = parsed.module;
    const facts = factsOf(hash, uploaded.length, info);
    const module: PreparedModule = { key, facts, info, bytes, compiled };
    this.adopt(module);
    return { kind: 'prepared', module };
  }

  #unpack(uploaded: Uint8Array): Uint8Array | undefined {
    const gzip = uploaded[0] === 0x1f && uploaded[1] === 0x8b && uploaded[2] === 0x08;
    return gzip ? this.#ports.inflate(uploaded, MODULE_BYTES) : uploaded;
  }

  #compile(key: string, bytes: Uint8Array, parsed: ParsedModule): WebAssembly.Module | undefined {
    const { cache } = this.#ports;
    const stored = cache?.load(cacheKey(key));
    const instrumented = stored ?? instrument(bytes, parsed);
    if (stored === undefined) cache?.store(cacheKey(key), instrumented);
    try {
      return new WebAssembly.Module(instrumented);
    } catch (error) {
      if (error instanceof WebAssembly.CompileError) return undefined;
      throw error;
    }
  }
}

function invalid(text: string): Preparation {
  const message = `Canister's Wasm module is not valid: ${text}`;
  return { kind: 'unpreparable', trap: { code: 'IC0505', message } };
}

function factsOf(hash: Uint8Array, binaryBytes: number, info: ModuleInfo): ModuleFacts {
  const metadata = info.customSections.map(({ name, content, visibility }) => ({
    name,
    content,
    private: visibility === 'private',
  }));
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
  return {
    hash,
    memory64: info.memory?.is64 === true,
    updates: info.updates,
    queries: info.queries,
    compositeQueries: info.compositeQueries,
    hooks: info.systemMethods,
    metadata,
    usesDataCertificate: info.imports.some((name) => name.startsWith('data_certificate')),
    binaryBytes,
    customSectionBytes: sum(metadata.map(({ name, content }) => name.length + content.length)),
    globalBytes: sum(info.globals.map(({ type }) => (type === 'v128' ? 16 : 8))),
  };
}
