// Principals: 0 to 29 bytes, here plain `Uint8Array` (interface spec, "Principals").

import type { Verdict } from '@internode/prelude';
import { bytesEqual, invalid, valid } from '@internode/prelude';
import { sha224 } from './hash.ts';

export type Principal = Uint8Array;

export type PrincipalClass =
  | 'management'
  | 'opaque'
  | 'self-authenticating'
  | 'derived'
  | 'anonymous'
  | 'reserved'
  | 'unassigned';

export const PRINCIPAL_BYTES_MAX = 29;
const PRINCIPAL_TEXT_LENGTH_MAX = 63;

/** `2vxsx-fae`: the sender of unsigned requests. */
export const ANONYMOUS: Principal = new Uint8Array([0x04]);

/** `aaaaa-aa`: the management canister. */
export const MANAGEMENT: Principal = new Uint8Array(0);

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  }
  return remainder;
});

/** The textual form, always lower case. */
export function principalToText(principal: Principal): string {
  const checksum = crc32(principal);
  let text = '';
  let characters = 0;
  let bits = 0;
  let pending = 0;
  const feed = (byte: number): void => {
    pending = ((pending << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      emit((pending >>> bits) & 31);
    }
  };
  const emit = (digit: number): void => {
    if (characters > 0 && characters % 5 === 0) text += '-';
    text += ALPHABET[digit];
    characters += 1;
  };
  for (let shift = 24; shift >= 0; shift -= 8) feed((checksum >>> shift) & 0xff);
  for (let i = 0; i < principal.length; i++) feed(principal[i] as number);
  if (bits > 0) emit((pending << (5 - bits)) & 31);
  return text;
}

/** Parses the textual form, any case; checksum, grouping and padding bits must be exact. */
export function principalFromText(text: string): Verdict<Principal> {
  if (text.length > PRINCIPAL_TEXT_LENGTH_MAX) return invalid('principal: text too long');
  // Before lower case, which also maps the Kelvin sign to a letter.
  if (!/^[A-Za-z2-7-]*$/.test(text)) return invalid('principal: not base32');
  const lower = text.toLowerCase();
  const bytes: number[] = [];
  let bits = 0;
  let pending = 0;
  for (const character of lower) {
    if (character === '-') continue;
    pending = ((pending << 5) | ALPHABET.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((pending >>> bits) & 0xff);
    }
  }
  if (bytes.length < 4) return invalid('principal: text too short');
  const principal = Uint8Array.from(bytes.slice(4));
  if (principal.length > PRINCIPAL_BYTES_MAX) return invalid('principal: too many bytes');
  // Writing it again checks the checksum, the dashes and the unused bits at once.
  if (principalToText(principal) !== lower) return invalid('principal: checksum or form');
  return valid(principal);
}

/** The principal of the holder of a public key given as DER SubjectPublicKeyInfo: 29 bytes. */
export function selfAuthenticating(publicKeyDer: Uint8Array): Principal {
  const principal = new Uint8Array(PRINCIPAL_BYTES_MAX);
  principal.set(sha224(publicKeyDer));
  principal[28] = 0x02;
  return principal;
}

export function isAnonymous(principal: Principal): boolean {
  return bytesEqual(principal, ANONYMOUS);
}

export function isManagement(principal: Principal): boolean {
  return principal.length === 0;
}

export function classifyPrincipal(principal: Principal): PrincipalClass {
  if (principal.length === 0) return 'management';
  const last = principal[principal.length - 1];
  if (last === 0x04 && principal.length === 1) return 'anonymous';
  if (last === 0x02 && principal.length === PRINCIPAL_BYTES_MAX) return 'self-authenticating';
  if (last === 0x03 && principal.length === PRINCIPAL_BYTES_MAX) return 'derived';
  if (last === 0x7f) return 'reserved';
  if (last === 0x01) return 'opaque';
  return 'unassigned';
}

/** The canister id with this index in its range: 8 bytes big endian, then `01 01`. */
export function canisterIdFromIndex(index: bigint): Principal {
  const principal = new Uint8Array(10);
  new DataView(principal.buffer).setBigUint64(0, index);
  principal[8] = 1;
  principal[9] = 1;
  return principal;
}

/** The index of a generated canister id; undefined for any other principal. */
export function canisterIndexOf(principal: Principal): bigint | undefined {
  if (principal.length !== 10 || principal[8] !== 1 || principal[9] !== 1) return undefined;
  return new DataView(principal.buffer, principal.byteOffset, 8).getBigUint64(0);
}

function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    const index = (remainder ^ (bytes[i] as number)) & 0xff;
    remainder = (CRC_TABLE[index] as number) ^ (remainder >>> 8);
  }
  return (remainder ^ 0xffffffff) >>> 0;
}
