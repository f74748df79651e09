/**
 * The manifest of a checkpoint: its units in order, each with its chunks. Encoded and cut into sub-manifests of 1 MiB,
 * whose hashes stand in the head; the hash of the head is the manifest root. Whoever knows the root can check each part
 * on its own.
 *
 *   length of the unit's key (1) · key · number of chunks (4) · for each: bytes (4) · SHA-256 (32)
 */
import {
  contract,
  decodeManifestHead,
  encodeManifestHead,
  type ManifestHead,
} from '@internode/contracts';
import { separator, sha256 } from '@internode/encoding';
import { concatBytes, joinBytes } from '@internode/prelude';
import { CHECKPOINT_LIMITS, HASH_BYTES } from '../limits.ts';
import type { Chunk } from './chunks.ts';

export const MANIFEST_VERSION = 1;
const HEAD = contract(
  'ManifestHead',
  'types',
  'manifest_head',
  encodeManifestHead,
  decodeManifestHead,
);
const HEAD_DOMAIN = separator('internode-manifest-head');
const SUB_DOMAIN = separator('internode-sub-manifest');
const ENTRY_BYTES = 4 + HASH_BYTES;

/** Chunks by unit, in order of units. */
export type Units = ReadonlyMap<string, readonly Chunk[]>;

export interface EncodedManifest {
  readonly head: Uint8Array;
  readonly root: Uint8Array;
  readonly parts: readonly Uint8Array[];
}

export function encodeManifest(
  units: Units,
  { height, root }: { height: number; root: Uint8Array },
): EncodedManifest {
  const entries: Uint8Array[] = [];
  for (const [unit, chunks] of units) entries.push(entryOf(unit, chunks));
  const whole = joinBytes(entries);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += CHECKPOINT_LIMITS.subManifestBytes) {
    parts.push(whole.subarray(at, at + CHECKPOINT_LIMITS.subManifestBytes));
  }
  const head = HEAD.encode({
    version: MANIFEST_VERSION,
    height,
    stateRoot: root,
    manifestBytes: whole.length,
    subManifests: parts.map(hashOfPart),
  });
  return { head, root: manifestRootOf(head), parts };
}

export function manifestRootOf(head: Uint8Array): Uint8Array {
  return sha256(concatBytes(HEAD_DOMAIN, head));
}

export function hashOfPart(part: Uint8Array): Uint8Array {
  return sha256(concatBytes(SUB_DOMAIN, part));
}

/** A head whose hash was compared; undefined when it makes no sense for us. */
export function decodeHead(bytes: Uint8Array): ManifestHead | undefined {
  const head = HEAD.decode(bytes);
  if (head.kind !== 'valid' || head.value.version !== MANIFEST_VERSION) return undefined;
  const { manifestBytes, subManifests } = head.value;
  const parts = Math.ceil(manifestBytes / CHECKPOINT_LIMITS.subManifestBytes);
  return parts === subManifests.length ? head.value : undefined;
}

function entryOf(unit: string, chunks: readonly Chunk[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + unit.length + 4 + chunks.length * ENTRY_BYTES);
  bytes[0] = unit.length;
  let at = 1 + bytes.write(unit, 1, 'latin1');
  at = bytes.writeUInt32BE(chunks.length, at);
  for (const chunk of chunks) {
    at = bytes.writeUInt32BE(chunk.bytes, at);
    bytes.set(chunk.hash, at);
    at += HASH_BYTES;
  }
  return bytes;
}

/** Undefined when the bytes are no manifest: units ascending, no unit without chunks, no chunk that is too long. */
export function decodeManifest(bytes: Uint8Array): Units | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const units = new Map<string, readonly Chunk[]>();
  let last = '';
  let at = 0;
  while (at < buffer.length) {
    const keyEnd = at + 1 + (buffer[at] as number);
    if (keyEnd + 4 > buffer.length) return undefined;
    const unit = buffer.toString('latin1', at + 1, keyEnd);
    const count = buffer.readUInt32BE(keyEnd);
    at = keyEnd + 4;
    if (unit <= last || count === 0 || at + count * ENTRY_BYTES > buffer.length) return undefined;
    const chunks: Chunk[] = [];
    for (let i = 0; i < count; i++, at += ENTRY_BYTES) {
      const length = buffer.readUInt32BE(at);
      if (length === 0 || length > CHECKPOINT_LIMITS.chunkBytesMax) return undefined;
      chunks.push({
        bytes: length,
        hash: new Uint8Array(buffer.subarray(at + 4, at + ENTRY_BYTES)),
      });
    }
    units.set(unit, chunks);
    last = unit;
  }
  return units;
}
