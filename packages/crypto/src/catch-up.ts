import { separator, sha256 } from '@internode/encoding';
import { concatBytes } from '@internode/prelude';

const DOMAIN = separator('internode-catch-up-package');

/** What the subnet's key signs of a catch-up package, from the encoding of its content. */
export function catchUpMessage(subnetId: Uint8Array, content: Uint8Array): Uint8Array {
  return concatBytes(DOMAIN, subnetId, sha256(content));
}
