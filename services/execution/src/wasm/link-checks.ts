/** Checks of a whole module against its host: imports and entry points (interface-spec 4.1, 3.3). */
import { malformed } from './binary-reader.ts';
import type { ModuleParser } from './module-parser.ts';
import { TYPE } from './opcodes.ts';
import type { ImportTable } from './types.ts';

type Word = 'i32' | 'i64' | 'I';

/** Every import must be known and have its exact type; the memory decides how wide pointers are. */
export function checkImports(module: ModuleParser, table: ImportTable): void {
  const is64 = module.memory?.is64 === true;
  const encode = (type: Word): number =>
    type === 'i64' || (type === 'I' && is64) ? TYPE.i64 : TYPE.i32;
  const same = (have: Uint8Array, want: readonly Word[]): boolean =>
    have.length === want.length && want.every((entry, at) => encode(entry) === have[at]);
  module.imports.forEach((name, index) => {
    const signature = table.get(name);
    if (signature === undefined) malformed(`unknown import of 'ic0.${name}'`);
    if (is64 && signature.only32 === true) {
      malformed(`import of 'ic0.${name}' needs a 32-bit memory`);
    }
    const type = module.functionType(index);
    if (!same(type.params, signature.params) || !same(type.results, signature.results)) {
      malformed(`import of 'ic0.${name}' has the wrong type`);
    }
  });
}

/** What the host runs takes no parameters and returns nothing. */
export function checkEntryPoints(module: ModuleParser): void {
  const isPlain = (functionIndex: number): boolean => {
    const type = module.functionType(functionIndex);
    return type.params.length + type.results.length === 0;
  };
  for (const { name, functionIndex } of module.keptExports) {
    if (!isPlain(functionIndex)) {
      malformed(`export '${name}' must take no parameters and return nothing`);
    }
  }
  if (module.start !== undefined && !isPlain(module.start)) {
    malformed('the start function has a bad type');
  }
}
