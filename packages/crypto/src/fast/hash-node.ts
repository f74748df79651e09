import { createHash, hash } from 'node:crypto';
import type { HashEngine } from '@internode/encoding';

/** SHA-2 of node:crypto; hosts install it with `setHashEngine`. */
export const nodeHashEngine: HashEngine = {
  sha256: (bytes) => plain(hash('sha256', bytes, 'buffer')),
  sha224: (bytes) => plain(createHash('sha224').update(bytes).digest()),
};

function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
