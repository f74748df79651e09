// The representation-independent hash of structured data; of a request's content it is the
// request id (interface spec, "Representation-independent hash").

import type { Verdict } from '@internode/prelude';
import { assert, BoundedMap, compareBytes, joinBytes, utf8 } from '@internode/prelude';
import type { CborMap } from './cbor-value.ts';
import { sha256 } from './hash.ts';
import { encodeSignedLeb128, encodeUnsignedLeb128 } from './leb128.ts';
import { judge, malformed } from './malformed.ts';

export type Hashable = string | number | bigint | Uint8Array | readonly Hashable[] | HashableMap;

/** Fields that are undefined do not take part. */
export type HashableMap = { readonly [field: string]: Hashable | undefined };

/** Names longer than this are not worth remembering, and let a stranger fill memory. */
const CACHED_NAME_LENGTH_MAX = 32;

const nameHashes = new BoundedMap<string, Uint8Array>(512, 'refuse');

// First come the names that honest requests use, so that strange ones cannot crowd them out.
for (const name of [
  ...['request_type', 'sender', 'ingress_expiry', 'nonce', 'canister_id', 'method_name', 'arg'],
  ...['sender_info', 'info', 'signer', 'sig', 'paths', 'pubkey', 'expiration', 'targets'],
  ...['permissions', 'status', 'reply', 'timestamp', 'request_id', 'reject_code'],
  ...['reject_message', 'error_code'],
]) {
  nameHash(name);
}

/** 32 bytes. */
export function hashOfMap(map: HashableMap): Uint8Array {
  const pairs: Uint8Array[] = [];
  for (const field in map) {
    const value = map[field];
    if (value === undefined) continue;
    const pair = new Uint8Array(64);
    pair.set(nameHash(field));
    pair.set(hashOfValue(value), 32);
    pairs.push(pair);
  }
  return sha256(joinBytes(pairs.sort(compareBytes)));
}

/**
 * The request id of a decoded request's `content`, unknown fields included as they were sent.
 * Invalid when a value has no hash: null and booleans.
 */
export function requestIdOf(content: CborMap): Verdict<Uint8Array> {
  return judge(() => hashOfMap(content as HashableMap));
}

function hashOfValue(value: Hashable): Uint8Array {
  if (typeof value === 'string') return sha256(utf8(value));
  if (value instanceof Uint8Array) return sha256(value);
  if (typeof value === 'bigint' || typeof value === 'number') {
    assert(typeof value === 'bigint' || Number.isSafeInteger(value), 'hashOfMap: not an integer');
    return sha256(value >= 0 ? encodeUnsignedLeb128(value) : encodeSignedLeb128(value));
  }
  if (isArray(value)) return sha256(joinBytes(value.map(hashOfValue)));
  if (typeof value === 'object' && value !== null) return hashOfMap(value);
  return malformed('hash: null and booleans have none');
}

function nameHash(name: string): Uint8Array {
  const known = nameHashes.get(name);
  if (known !== undefined) return known;
  const hash = sha256(utf8(name));
  if (name.length <= CACHED_NAME_LENGTH_MAX) nameHashes.set(name, hash);
  return hash;
}

function isArray(value: Hashable): value is readonly Hashable[] {
  return Array.isArray(value);
}
