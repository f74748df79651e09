// Compiles one Motoko file with the official compiler from npm. Loaded only when needed: it is large.
import { createRequire } from 'node:module';
import { StartFault } from '../start-fault.ts';

interface Compiler {
  write(path: string, source: string): void;
  setPublicMetadata(names: string[]): void;
  wasm(path: string, mode: 'ic'): { readonly wasm: Uint8Array };
}

/** Wasm of an actor; its Candid interface becomes public metadata. */
export function compileMotoko(file: string, source: string): Uint8Array {
  const compiler = createRequire(import.meta.url)('motoko') as Compiler;
  compiler.write('Main.mo', source);
  compiler.setPublicMetadata(['candid:service', 'candid:args']);
  try {
    return compiler.wasm('Main.mo', 'ic').wasm;
  } catch (fault) {
    throw new StartFault(`${file} does not compile:\n${(fault as Error).message}`);
  }
}
