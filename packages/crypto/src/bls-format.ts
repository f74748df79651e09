// The byte forms that engines read differently; checked here once, before any engine sees a point.

import type { Verdict } from '@internode/prelude';
import { assert, bytesEqual, concatBytes, fromHex, invalid, valid } from '@internode/prelude';
import { BLS_PUBLIC_KEY_BYTES, BLS_SECRET_KEY_BYTES, BLS_SIGNATURE_BYTES } from './bls-engine.ts';
import { GROUP_ORDER, scalarFromBytes } from './bls-scalar.ts';

/** Of the base field, big endian. */
const FIELD_MODULUS = fromHex(
  '1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab',
);

const COORDINATE_BYTES = 48;

/** The prefix clients compare, interface spec "DER of BLS keys"; 96 bytes of key follow. */
const DER_PREFIX = fromHex(
  '308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100',
);

export const BLS_PUBLIC_KEY_DER_BYTES = 133;

/** 133 bytes. */
export function blsPublicKeyToDer(publicKey: Uint8Array): Uint8Array {
  assert(publicKey.length === BLS_PUBLIC_KEY_BYTES, 'blsPublicKeyToDer: length');
  return concatBytes(DER_PREFIX, publicKey);
}

/** The 96 key bytes, of which only the form is checked. */
export function blsPublicKeyFromDer(der: Uint8Array): Verdict<Uint8Array> {
  if (der.length !== BLS_PUBLIC_KEY_DER_BYTES) return invalid('bls: DER key is not 133 bytes');
  if (!bytesEqual(der.subarray(0, DER_PREFIX.length), DER_PREFIX)) {
    return invalid('bls: DER prefix');
  }
  const publicKey = der.slice(DER_PREFIX.length);
  const form = checkForm(publicKey, BLS_PUBLIC_KEY_BYTES);
  return form.kind === 'valid' ? valid(publicKey) : form;
}

/** Compressed form with canonical coordinates, and not the identity, which signs for nobody. */
export function checkForm(point: Uint8Array, length: number): Verdict<void> {
  if (point.length !== length) return invalid('bls: length of point');
  const flags = point[0] as number;
  if ((flags & 0x80) === 0) return invalid('bls: point not compressed');
  if ((flags & 0x40) !== 0) return invalid('bls: identity');
  for (let start = 0; start < length; start += COORDINATE_BYTES) {
    if (!isBelowModulus(point, start)) return invalid('bls: coordinate not canonical');
  }
  return valid();
}

export function checkSignatureForm(signature: Uint8Array): Verdict<void> {
  return checkForm(signature, BLS_SIGNATURE_BYTES);
}

export function checkPublicKeyForm(publicKey: Uint8Array): Verdict<void> {
  return checkForm(publicKey, BLS_PUBLIC_KEY_BYTES);
}

export function assertSecretKey(secretKey: Uint8Array): void {
  assert(secretKey.length === BLS_SECRET_KEY_BYTES, 'bls: length of secret key');
  const scalar = scalarFromBytes(secretKey);
  assert(scalar > 0n && scalar < GROUP_ORDER, 'bls: secret key out of range');
}

function isBelowModulus(point: Uint8Array, start: number): boolean {
  for (let i = 0; i < COORDINATE_BYTES; i++) {
    const byte = (point[start + i] as number) & (start + i === 0 ? 0x1f : 0xff);
    const difference = byte - (FIELD_MODULUS[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
