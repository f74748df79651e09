/**
 * Rewrites a module: the original plus metering, depth limit, undo log and canonical NaNs.
 *
 * Nothing is renumbered: types, functions and globals are appended, heap and undo memory become
 * imports 0 and 1. The start function is exported instead of run; active data is emptied, because
 * the host writes it once, at install, and an instance may be made again later. Other exports and
 * custom sections are dropped.
 */

import { assignDuties, type FunctionDuty } from './call-graph.ts';
import { CodeWriter } from './code-writer.ts';
import { EditList } from './edit-list.ts';
import { FunctionEmitter, simpleBlockType } from './emit-function.ts';
import { CallTargets, type FunctionType } from './function-plan.ts';
import { GLOBAL_TYPES, type Helper } from './helper-scope.ts';
import { type HelperSet, helperSet } from './helpers.ts';
import { HELPER_PREFIX } from './machine.ts';
import { META_PAGES_MAX, META_PAGES_MIN } from './meta-memory.ts';
import type { ModuleParser } from './module-parser.ts';
import { TYPE } from './opcodes.ts';
import type { ParsedModule } from './parse.ts';

/** Raised whenever the output or a weight changes. */
export const REWRITER_VERSION = 1;

/** Under what name instrumented bytes may be cached; `moduleHash` in hex. */
export function cacheKey(moduleHash: string): string {
  return `${moduleHash}-r${REWRITER_VERSION}`;
}

/** The bytes to compile for `Instance`. `bytes` must be those that `parseModule` read. */
export function instrument(bytes: Uint8Array, module: ParsedModule): Uint8Array {
  return new ModuleRewriter(bytes, module).rewrite();
}

const KIND = { function: 0, memory: 2, global: 3 };

class ModuleRewriter {
  readonly #bytes: Uint8Array;
  readonly #sections: ModuleParser;
  readonly #edits: EditList;
  readonly #out: CodeWriter;
  readonly #helpers: HelperSet;
  /** Types appended to those of the module, by encoding. */
  readonly #types: FunctionType[] = [];
  /** Branches that are hardly ever taken, by function index. */
  readonly #unlikely: (readonly [number, readonly number[]])[] = [];

  constructor(bytes: Uint8Array, { sections, edits }: ParsedModule) {
    this.#bytes = bytes;
    this.#sections = sections;
    this.#edits = edits ?? new EditList();
    this.#out = new CodeWriter(bytes.length + 65_536);
    const table = sections.tables[0];
    const pointer = this.#is64 ? TYPE.i64 : TYPE.i32;
    this.#helpers = helperSet({
      is64: this.#is64,
      pagesMax: sections.memory?.pagesMax ?? 0,
      tableIs64: table?.type === TYPE.funcref ? table.is64 : undefined,
      globals: sections.globals,
      functionBase: sections.functions.length,
      callbackType: this.#typeIndex([pointer], []),
    });
  }

  get #is64(): boolean {
    return this.#sections.memory?.is64 === true;
  }

  rewrite(): Uint8Array {
    // Code first: it says which types it needs.
    const code = this.#code();
    const functions = this.#functions();
    this.#out.op(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);
    this.#extended(1, this.#sections.types.length, this.#types.length, (out) => {
      for (const type of this.#types) writeType(out, type);
    });
    this.#extended(2, this.#sections.imports.length, 2, (out) => this.#memories(out));
    const defined = this.#sections.functions.length - this.#sections.imports.length;
    this.#extended(3, defined, functions.length, (out) => {
      for (const typeIndex of functions) out.unsigned(typeIndex);
    });
    this.#tables();
    this.#extended(6, this.#sections.globals.length, GLOBAL_TYPES.length, (out) => {
      for (const type of GLOBAL_TYPES) out.raw(type, 1, type === TYPE.i64 ? 0x42 : 0x41, 0, 0x0b);
    });
    this.#exports();
    this.#elements();
    if (this.#sections.dataSegments.length > 0) {
      this.#section(12, (out) => out.unsigned(this.#sections.dataSegments.length));
    }
    this.#branchHints();
    this.#out.byte(10);
    this.#out.sized(code);
    this.#data();
    return this.#out.finish();
  }

  #section(id: number, write: (out: CodeWriter) => void): void {
    const content = new CodeWriter();
    write(content);
    this.#out.byte(id);
    this.#out.sized(content);
  }

  /** A section that keeps its entries as they are and gets more. */
  #extended(id: number, count: number, added: number, write: (out: CodeWriter) => void): void {
    const kept = this.#sections.copied.get(id);
    this.#section(id, (out) => {
      out.unsigned(count + added);
      if (kept !== undefined) out.append(this.#bytes, kept.start, kept.end);
      write(out);
    });
  }

  #typeIndex(params: readonly number[], results: readonly number[]): number {
    const same = (have: Uint8Array, want: readonly number[]): boolean =>
      have.length === want.length && have.every((type, at) => type === want[at]);
    const known = this.#types.findIndex(
      (type) => same(type.params, params) && same(type.results, results),
    );
    const base = this.#sections.types.length;
    if (known >= 0) return base + known;
    this.#types.push({ params: Uint8Array.from(params), results: Uint8Array.from(results) });
    return base + this.#types.length - 1;
  }

  #code(): CodeWriter {
    const { plans, types, imports, analyzer } = this.#sections;
    const calls = analyzer?.calls ?? new CallTargets();
    const blockTypes = new Map<number, number>();
    const emitter = new FunctionEmitter({
      bytes: this.#bytes,
      edits: this.#edits,
      helpers: this.#helpers.scope,
      is64: this.#is64,
      blockType: (typeIndex) => {
        const known = blockTypes.get(typeIndex);
        if (known !== undefined) return known;
        const { results } = types[typeIndex] as FunctionType;
        const type = simpleBlockType(results) ?? this.#typeIndex([], [...results]);
        blockTypes.set(typeIndex, type);
        return type;
      },
    });
    const codeBytes = (plans.at(-1)?.end ?? 0) - (plans[0]?.localsAt ?? 0);
    const out = new CodeWriter(codeBytes * 2 + 4_096);
    out.unsigned(plans.length + this.#helpers.list.length);
    const duties = assignDuties(plans, calls, imports.length);
    plans.forEach((plan, at) => {
      const unlikely = emitter.emit(plan, duties[at] as FunctionDuty, out);
      if (unlikely.length > 0) this.#unlikely.push([this.#sections.imports.length + at, unlikely]);
    });
    const body = new CodeWriter();
    for (const helper of this.#helpers.list) {
      body.clear();
      writeHelper(body, helper);
      out.sized(body);
    }
    return out;
  }

  /**
   * Standard branch hints: slow paths of our checks leave the hot code. They change speed only, and
   * V8 reads them when run with --experimental-wasm-branch-hinting.
   */
  #branchHints(): void {
    this.#section(0, (out) => {
      out.name('metadata.code.branch_hint');
      out.unsigned(this.#unlikely.length);
      for (const [functionIndex, offsets] of this.#unlikely) {
        out.unsigned(functionIndex);
        out.unsigned(offsets.length);
        for (const offset of offsets) {
          out.unsigned(offset);
          out.raw(1, 0);
        }
      }
    });
  }

  /** Type indices of the helpers. */
  #functions(): number[] {
    return this.#helpers.list.map(({ params, results }) => this.#typeIndex(params, results));
  }

  #memories(out: CodeWriter): void {
    const { memory } = this.#sections;
    out.name(HELPER_PREFIX);
    out.name('heap');
    out.raw(KIND.memory, this.#is64 ? 5 : 1);
    out.unsigned(memory?.pagesMin ?? 0);
    out.unsigned(memory?.pagesMax ?? 0);
    out.name(HELPER_PREFIX);
    out.name('meta');
    out.raw(KIND.memory, 1);
    out.unsigned(META_PAGES_MIN);
    out.unsigned(META_PAGES_MAX);
  }

  #tables(): void {
    const { tables } = this.#sections;
    if (tables.length === 0) return;
    this.#section(4, (out) => {
      out.unsigned(tables.length);
      for (const { type, is64, min, max } of tables) {
        out.raw(type, is64 ? 5 : 1);
        out.unsigned(min);
        out.unsigned(max);
      }
    });
  }

  #exports(): void {
    const { keptExports, start } = this.#sections;
    const entries: { name: string; kind: number; index: number }[] = [];
    const helper = (name: string, kind: number, index: number): void => {
      entries.push({ name: HELPER_PREFIX + name, kind, index });
    };
    for (const { name, functionIndex } of keptExports) {
      entries.push({ name, kind: KIND.function, index: functionIndex });
    }
    for (const { name, exported } of this.#helpers.list) {
      if (exported) helper(name, KIND.function, this.#helpers.scope.index(name));
    }
    if (start !== undefined) helper('start', KIND.function, start);
    helper('reason', KIND.global, this.#helpers.scope.global('reason'));
    helper('stale', KIND.global, this.#helpers.scope.global('stale'));
    this.#section(7, (out) => {
      out.unsigned(entries.length);
      for (const { name, kind, index } of entries) {
        out.name(name);
        out.byte(kind);
        out.unsigned(index);
      }
    });
  }

  /** A declarative segment takes over from dropped exports, which let `ref.func` name a function. */
  #elements(): void {
    const { elementCount, droppedExports } = this.#sections;
    if (elementCount + droppedExports.size === 0) return;
    this.#extended(9, elementCount, droppedExports.size > 0 ? 1 : 0, (out) => {
      if (droppedExports.size === 0) return;
      out.raw(3, 0);
      out.unsigned(droppedExports.size);
      for (const index of droppedExports) out.unsigned(index);
    });
  }

  #data(): void {
    const { dataSegments } = this.#sections;
    if (dataSegments.length === 0) return;
    this.#section(11, (out) => {
      out.unsigned(dataSegments.length);
      for (const { active, start, end } of dataSegments) {
        if (active) {
          out.raw(0, this.#is64 ? 0x42 : 0x41, 0, 0x0b, 0);
        } else {
          out.byte(1);
          out.unsigned(end - start);
          out.append(this.#bytes, start, end);
        }
      }
    });
  }
}

function writeType(out: CodeWriter, type: FunctionType): void {
  out.byte(0x60);
  out.unsigned(type.params.length);
  out.append(type.params);
  out.unsigned(type.results.length);
  out.append(type.results);
}

function writeHelper(body: CodeWriter, helper: Helper): void {
  body.unsigned(helper.locals.length);
  for (const type of helper.locals) body.raw(1, type);
  helper.write(body);
  body.end();
}
