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

interface Field {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** Requests have a dozen fields; larger maps have arrays of their own. */
const FIELDS_SCRATCH = 32;
const scratch = new Uint8Array(64 * FIELDS_SCRATCH);

/** 32 bytes. */
export function hashOfMap(map: HashableMap): Uint8Array {
  const fields: Field[] = [];
  for (const field in map) {
    const value = map[field];
    if (value === undefined) continue;
    fields.push({ name: nameHash(field), value: hashOfValue(value) });
  }
  sort(fields);
  const length = 64 * fields.length;
  const joined = fields.length > FIELDS_SCRATCH ? new Uint8Array(length) : scratch;
  for (let i = 0; i < fields.length; i++) {
    const { name, value } = fields[i] as Field;
    joined.set(name, 64 * i);
    joined.set(value, 64 * i + 32);
  }
  return sha256(joined.subarray(0, length));
}

/** By the hash of the name; no two names have one, so values never decide. A dozen are in place sooner than a sort has begun. */
function sort(fields: Field[]): void {
  if (fields.length > FIELDS_SCRATCH) {
    fields.sort((left, right) => compareBytes(left.name, right.name));
    return;
  }
  for (let i = 1; i < fields.length; i++) {
    const field = fields[i] as Field;
    let at = i;
    for (; at > 0; at--) {
      const before = fields[at - 1] as Field;
      if (compareBytes(before.name, field.name) < 0) break;
      fields[at] = before;
    }
    fields[at] = field;
  }
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
