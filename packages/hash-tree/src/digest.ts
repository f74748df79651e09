import { sha256 } from '@internode/encoding';
import { type Binary, toBinary } from './binary.ts';
import { ENGINE_BYTES_MIN } from './limits.ts';
import {
  begin,
  type Digest,
  digestFromBytes,
  finish,
  pushBinary,
  pushBytes,
  pushDigest,
} from './sha256-words.ts';

const EMPTY = prefix('ic-hashtree-empty');
const LABELED = prefix('ic-hashtree-labeled');
const LEAF = prefix('ic-hashtree-leaf');

const EMPTY_DIGEST = digestOfBinary(EMPTY);

/** `byte(length) · name` (interface spec 1.5). */
function prefix(name: string): Binary {
  return (String.fromCharCode(name.length) + name) as Binary;
}

function digestOfBinary(binary: Binary): Digest {
  begin();
  pushBinary(binary);
  return finish();
}

export function emptyDigest(): Digest {
  return EMPTY_DIGEST;
}

export function labeledDigest(label: Binary, below: Digest): Digest {
  begin();
  pushBinary(LABELED);
  pushBinary(label);
  pushDigest(below);
  return finish();
}

export function leafDigest(leaf: Binary | Uint8Array): Digest {
  if (typeof leaf !== 'string' && leaf.length >= ENGINE_BYTES_MIN) return largeLeafDigest(leaf);
  begin();
  pushBinary(LEAF);
  if (typeof leaf === 'string') pushBinary(leaf);
  else pushBytes(leaf);
  return finish();
}

function largeLeafDigest(leaf: Uint8Array): Digest {
  const message = new Uint8Array(LEAF.length + leaf.length);
  for (let i = 0; i < LEAF.length; i++) message[i] = LEAF.charCodeAt(i);
  message.set(leaf, LEAF.length);
  return digestFromBytes(sha256(message));
}

/** As `labeledDigest` for a label given as bytes. */
export function labeledBytesDigest(label: Uint8Array, below: Digest): Digest {
  return labeledDigest(toBinary(label), below);
}
