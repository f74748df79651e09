import {
  ANONYMOUS,
  canisterIdFromIndex,
  canisterIndexOf,
  classifyPrincipal,
  MANAGEMENT,
  principalFromText,
  principalToText,
  selfAuthenticating,
} from '@internode/encoding';
import { fromHex, toHex, valid } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { randomBytes, randomOf } from './random.ts';

describe('row 1: principal text codec', () => {
  test.each([
    ['abcd01', 'em77e-bvlzu-aq'],
    ['', 'aaaaa-aa'],
    ['04', '2vxsx-fae'],
    ['00000000000000000101', 'rwlgt-iiaaa-aaaaa-aaaaa-cai'],
    ['00000000000000020101', 'ryjl3-tyaaa-aaaaa-aaaba-cai'],
  ])('%s is %s', (hex, text) => {
    expect(principalToText(fromHex(hex))).toBe(text);
    expect(principalFromText(text)).toEqual(valid(fromHex(hex)));
    expect(principalFromText(text.toUpperCase())).toEqual(valid(fromHex(hex)));
  });

  test('every principal returns from its text', () => {
    const random = randomOf('principal text');
    for (let i = 0; i < 2000; i++) {
      const principal = randomBytes(random, i % 30);
      const text = principalToText(principal);
      expect(text.length).toBeLessThanOrEqual(63);
      expect(principalFromText(text)).toEqual(valid(principal));
    }
  });

  test.each([
    '',
    'aaaaa',
    'em77e-bvlzu-ar',
    'em77ebvlzuaq',
    'em77e-bvlzuaq',
    'em77e-bvlzu-aq-',
    'em77e-bvlzu-a1',
    'em77e-bvlzu-aq ',
    'ém77e-bvlzu-aq',
    'rr\u212Aah-fqaaa-aaaaa-aaaaq-cai',
    'a'.repeat(64),
  ])('refuses %j', (text) => {
    expect(principalFromText(text).kind).toBe('invalid');
  });

  test('any single changed character is noticed', () => {
    const text = 'rwlgt-iiaaa-aaaaa-aaaaa-cai';
    for (let i = 0; i < text.length; i++) {
      for (const character of 'abcdefghijklmnopqrstuvwxyz234567-') {
        if (character === text[i]) continue;
        const changed = text.slice(0, i) + character + text.slice(i + 1);
        expect(principalFromText(changed).kind).toBe('invalid');
      }
    }
  });
});

test('row 2: self-authenticating principal from DER key', () => {
  // The anonymous-looking all-zero Ed25519 key; SHA-224 recomputed with coreutils' sha224sum.
  const der = fromHex(`302a300506032b6570032100${'00'.repeat(32)}`);
  const principal = selfAuthenticating(der);
  expect(toHex(principal)).toBe('1623919661311dd614d1be6b485ee4cad2de5a6544f98efa2482841002');
  expect(classifyPrincipal(principal)).toBe('self-authenticating');
});

test('classes of principals', () => {
  expect(classifyPrincipal(MANAGEMENT)).toBe('management');
  expect(classifyPrincipal(ANONYMOUS)).toBe('anonymous');
  expect(classifyPrincipal(canisterIdFromIndex(7n))).toBe('opaque');
  expect(classifyPrincipal(fromHex('ab7f'))).toBe('reserved');
  expect(classifyPrincipal(fromHex(`${'11'.repeat(28)}03`))).toBe('derived');
  expect(classifyPrincipal(fromHex('1104'))).toBe('unassigned');
});

test('canister ids and their indexes', () => {
  for (const index of [0n, 1n, 0xffff_ffffn, (1n << 64n) - 1n]) {
    expect(canisterIndexOf(canisterIdFromIndex(index))).toBe(index);
  }
  expect(canisterIndexOf(fromHex('00000000000000000201'))).toBeUndefined();
  expect(canisterIndexOf(ANONYMOUS)).toBeUndefined();
});
