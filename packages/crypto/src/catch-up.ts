import { separator, sha256 } from '@internode/encoding';
import { concatBytes } from '@internode/prelude';

const DOMAIN = separator('internode-catch-up-package');

/** What the subnet's key signs of a catch-up package, from the encoding of its content. */
export function catchUpMessage(subnetId: Uint8Array, content: Uint8Array): Uint8Array {
  return catchUpMessageOf(subnetId, sha256(content));
}

/** As `catchUpMessage`, from the content's SHA-256. */
export function catchUpMessageOf(subnetId: Uint8Array, contentHash: Uint8Array): Uint8Array {
  return concatBytes(DOMAIN, subnetId, contentHash);
}
