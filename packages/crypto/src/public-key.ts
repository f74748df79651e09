// Public keys of users as DER SubjectPublicKeyInfo (interface spec, "Signature schemes").

import type { CborMap, CborValue } from '@internode/encoding';
import { decodeCborMap } from '@internode/encoding';
import type { Verdict } from '@internode/prelude';
import { concatBytes, fromHex, invalid, toHex, valid } from '@internode/prelude';
import { readSpki } from './der.ts';

export type RsaKey = { readonly modulus: Uint8Array; readonly exponent: Uint8Array };

/** A key whose signatures are checked by arithmetic alone. */
export type PlainKey =
  /** 32 bytes, canonical and not of small order. */
  | { readonly kind: 'ed25519'; readonly key: Uint8Array }
  /** The uncompressed point, 65 bytes; whether it is on the curve is seen on use. */
  | { readonly kind: 'p256'; readonly key: Uint8Array }
  | { readonly kind: 'secp256k1'; readonly key: Uint8Array }
  | { readonly kind: 'rsa'; readonly key: RsaKey };

export type UserKey =
  | Exclude<PlainKey, { kind: 'rsa' }>
  | { readonly kind: 'webauthn'; readonly key: PlainKey }
  /** `key` is `length(canister id) · canister id · seed`, checked to be whole. */
  | { readonly kind: 'canister'; readonly canisterId: Uint8Array; readonly seed: Uint8Array };

/** The longest is an RSA key of 4096 bits. */
const USER_KEY_DER_BYTES_MAX = 1024;

const ALGORITHM = {
  ed25519: fromHex('300506032b6570'),
  p256: fromHex('301306072a8648ce3d020106082a8648ce3d030107'),
  secp256k1: fromHex('301006072a8648ce3d020106052b8104000a'),
  webauthn: fromHex('300c060a2b0601040183b8430101'),
  canister: fromHex('300c060a2b0601040183b8430102'),
} as const;

const ED25519_PREFIX = fromHex('302a300506032b6570032100');

/** The y coordinates of points whose order divides 8, as 32 bytes little endian. */
const SMALL_ORDER = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
]);

/** Reads and checks a key; which of the five schemes it is decides how signatures look. */
export function parseUserKey(der: Uint8Array): Verdict<UserKey> {
  if (der.length > USER_KEY_DER_BYTES_MAX) return invalid('public key: too long');
  const ed25519 = readSpki(der, ALGORITHM.ed25519);
  if (ed25519 !== undefined) return parseEd25519(ed25519);
  for (const kind of ['p256', 'secp256k1'] as const) {
    const point = readSpki(der, ALGORITHM[kind]);
    if (point !== undefined) return parsePoint(kind, point);
  }
  const cose = readSpki(der, ALGORITHM.webauthn);
  if (cose !== undefined) {
    const key = parseCose(cose);
    return key.kind === 'valid' ? valid({ kind: 'webauthn', key: key.value }) : key;
  }
  const canister = readSpki(der, ALGORITHM.canister);
  if (canister !== undefined) return parseCanister(canister);
  return invalid('public key: malformed DER or unknown algorithm');
}

/** 44 bytes. */
export function ed25519KeyToDer(key: Uint8Array): Uint8Array {
  return concatBytes(ED25519_PREFIX, key);
}

function parseEd25519(key: Uint8Array): Verdict<Extract<PlainKey, { kind: 'ed25519' }>> {
  if (key.length !== 32) return invalid('public key: length of Ed25519 key');
  const y = key.slice();
  y[31] = (y[31] as number) & 0x7f;
  if (!isBelowEd25519Prime(y)) return invalid('public key: Ed25519 key not canonical');
  // Such a key signs anything; and the engines differ in how they treat it.
  if (SMALL_ORDER.has(toHex(y))) return invalid('public key: Ed25519 key of small order');
  return valid({ kind: 'ed25519', key: key.slice() });
}

/** Whether `y`, little endian with the sign bit clear, is below 2^255 - 19. */
function isBelowEd25519Prime(y: Uint8Array): boolean {
  if (y[31] !== 0x7f || (y[0] as number) < 0xed) return true;
  for (let i = 1; i < 31; i++) if (y[i] !== 0xff) return true;
  return false;
}

function parsePoint<Kind extends 'p256' | 'secp256k1'>(
  kind: Kind,
  point: Uint8Array,
): Verdict<{ readonly kind: Kind; readonly key: Uint8Array }> {
  if (point.length !== 65 || point[0] !== 4)
    return invalid('public key: not an uncompressed point');
  return valid({ kind, key: point.slice() });
}

function parseCanister(bits: Uint8Array): Verdict<UserKey> {
  const length = bits[0] ?? 0;
  if (length > 29 || bits.length < 1 + length) return invalid('public key: canister id');
  const canisterId = bits.slice(1, 1 + length);
  return valid({ kind: 'canister', canisterId, seed: bits.slice(1 + length) });
}

/** A COSE key (RFC 9053): labels 1 type, 3 algorithm, and the parameters below zero. */
function parseCose(bytes: Uint8Array): Verdict<PlainKey> {
  const decoded = decodeCborMap(bytes, { keys: 'integer', depthMax: 1, itemsMax: 32 });
  if (decoded.kind !== 'valid') return decoded;
  const map = decoded.value;
  const is = (label: string, value: bigint): boolean => map[label] === value;
  if (is('1', 2n) && is('3', -7n) && is('-1', 1n)) {
    const [x, y] = [bytesIn(map, '-2'), bytesIn(map, '-3')];
    if (x?.length !== 32 || y?.length !== 32) return invalid('public key: COSE point');
    return parsePoint('p256', concatBytes(new Uint8Array([4]), x, y));
  }
  if (is('1', 1n) && is('3', -8n) && is('-1', 6n)) {
    return parseEd25519(bytesIn(map, '-2') ?? new Uint8Array(0));
  }
  if (is('1', 3n) && is('3', -257n)) {
    return parseRsa(bytesIn(map, '-1'), bytesIn(map, '-2'));
  }
  return invalid('public key: unknown COSE algorithm');
}

/** From 2048 to 4096 bits; a public exponent that keeps verification cheap. */
function parseRsa(modulus?: Uint8Array, exponent?: Uint8Array): Verdict<PlainKey> {
  if (modulus === undefined || exponent === undefined) return invalid('public key: RSA parameters');
  if (modulus.length < 256 || modulus.length > 512) return invalid('public key: RSA modulus size');
  if ((modulus[0] as number) < 0x80 || !isOdd(modulus)) return invalid('public key: RSA modulus');
  if (exponent.length < 1 || exponent.length > 4) return invalid('public key: RSA exponent size');
  const one = exponent.length === 1 && exponent[0] === 1;
  if (exponent[0] === 0 || !isOdd(exponent) || one) return invalid('public key: RSA exponent');
  return valid({ kind: 'rsa', key: { modulus, exponent } });
}

function isOdd(bytes: Uint8Array): boolean {
  return ((bytes[bytes.length - 1] as number) & 1) === 1;
}

function bytesIn(map: CborMap, label: string): Uint8Array | undefined {
  const value: CborValue | undefined = map[label];
  return value instanceof Uint8Array ? value : undefined;
}
