/** The check of a module at install: our own limits first, then the engine's validator for types. */

import { Malformed, malformed } from './binary-reader.ts';
import type { EditList } from './edit-list.ts';
import { LIMIT } from './limits.ts';
import { ModuleParser } from './module-parser.ts';
import { TYPE } from './opcodes.ts';
import type { GlobalInfo, ImportTable, ModuleInfo, Trap, ValueType } from './types.ts';

/** A module that passed every check; `info` outlives it, the rest is for `instrument`. */
export interface ParsedModule {
  readonly info: ModuleInfo;
  readonly sections: ModuleParser;
  readonly edits: EditList | undefined;
}

export type ParseResult =
  | { readonly kind: 'valid'; readonly module: ParsedModule }
  | { readonly kind: 'invalid'; readonly error: Trap };

/**
 * Checks a module against interface-spec 4.1 and 4.2. Time and memory are bounded by the size of the
 * bytes; never throws for what they hold. The error has code IC0505.
 */
export function parseModule(bytes: Uint8Array, imports: ImportTable): ParseResult {
  try {
    if (bytes.length > LIMIT.moduleBytes)
      malformed(`the module exceeds ${LIMIT.moduleBytes} bytes`);
    const sections = new ModuleParser(bytes, imports);
    sections.parse();
    // Only types of operands and constants are left to check, and those are the same everywhere.
    if (!WebAssembly.validate(bytes)) malformed('type error in the code or in a constant');
    return {
      kind: 'valid',
      module: { info: infoOf(sections), sections, edits: sections.analyzer?.edits },
    };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const message = `Canister's Wasm module is not valid: ${error.message}`;
    return { kind: 'invalid', error: { code: 'IC0505', message } };
  }
}

function infoOf(sections: ModuleParser): ModuleInfo {
  const { names } = sections;
  return {
    updates: names.updates,
    queries: names.queries,
    compositeQueries: names.compositeQueries,
    systemMethods: names.systemMethods,
    customSections: sections.customSections,
    memory: sections.memory,
    hasStart: sections.start !== undefined,
    imports: sections.imports,
    globals: sections.globals.map(globalOf),
    tableIs64: sections.tables[0]?.is64,
    activeData: sections.activeData,
  };
}

const TYPE_NAMES = new Map<number, ValueType>([
  [TYPE.i32, 'i32'],
  [TYPE.i64, 'i64'],
  [TYPE.f32, 'f32'],
  [TYPE.f64, 'f64'],
  [TYPE.v128, 'v128'],
  [TYPE.funcref, 'funcref'],
  [TYPE.externref, 'externref'],
]);

function globalOf(global: { readonly type: number; readonly mutable: boolean }): GlobalInfo {
  return { type: TYPE_NAMES.get(global.type) as ValueType, mutable: global.mutable };
}
