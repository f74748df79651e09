// Test canisters, compiled here and now from source.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

interface Motoko {
  write(path: string, source: string): void;
  setPublicMetadata(names: string[]): void;
  wasm(path: string, mode: 'ic'): { readonly wasm: Uint8Array };
}

const cache = new Map<string, Uint8Array>();

function source(file: string): string {
  return readFileSync(fileURLToPath(new URL(`../canisters/${file}`, import.meta.url)), 'utf8');
}

/** `canisters/<file>` by the official compiler with its default output (memory64). */
export function motokoModule(file: string): Uint8Array {
  const known = cache.get(file);
  if (known) return known;
  const compiler = createRequire(import.meta.url)('motoko') as Motoko;
  compiler.write('Main.mo', source(file));
  compiler.setPublicMetadata(['candid:service', 'candid:args']);
  const { wasm } = compiler.wasm('Main.mo', 'ic');
  cache.set(file, wasm);
  return wasm;
}

/** `canisters/<file>` assembled from text (wasm32). */
export async function watModule(file: string): Promise<Uint8Array> {
  const known = cache.get(file);
  if (known) return known;
  const { default: load } = await import('wabt');
  const wabt = await load();
  const parsed = wabt.parseWat(file, source(file), { memory64: true, bulk_memory: true });
  const wasm = new Uint8Array(parsed.toBinary({}).buffer);
  parsed.destroy();
  cache.set(file, wasm);
  return wasm;
}
