// The one door to SHA-2 for every pure room. The engine is noble until a host installs a faster
// one; all engines compute the same function, so installing one never changes a result.

import { assert, toHex, utf8 } from '@internode/prelude';
import { sha224 as nobleSha224, sha256 as nobleSha256 } from '@noble/hashes/sha2.js';

export interface HashEngine {
  /** 32 bytes. */
  sha256(bytes: Uint8Array): Uint8Array;
  /** 28 bytes. */
  sha224(bytes: Uint8Array): Uint8Array;
}

export const nobleHashEngine: HashEngine = { sha256: nobleSha256, sha224: nobleSha224 };

let engine: HashEngine = nobleHashEngine;

/** Installs the engine behind `sha256` and `sha224`; asserts the FIPS 180-4 answers for "abc". */
export function setHashEngine(next: HashEngine): void {
  const abc = utf8('abc');
  assert(
    toHex(next.sha256(abc)) === 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    'setHashEngine: not SHA-256',
  );
  assert(
    toHex(next.sha224(abc)) === '23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7',
    'setHashEngine: not SHA-224',
  );
  engine = next;
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return engine.sha256(bytes);
}

export function sha224(bytes: Uint8Array): Uint8Array {
  return engine.sha224(bytes);
}
