import { readFileSync } from 'node:fs';
import loadWabt from 'wabt';

/** The canister of the lives, as Wasm. */
export async function marksWasm(): Promise<Uint8Array> {
  const wabt = await loadWabt();
  const text = readFileSync(new URL('./marks.wat', import.meta.url), 'utf8');
  const parsed = wabt.parseWat('marks.wat', text);
  try {
    return new Uint8Array(parsed.toBinary({}).buffer);
  } finally {
    parsed.destroy();
  }
}
