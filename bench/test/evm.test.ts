import { fromHex, toHex, utf8 } from '@internode/prelude';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { expect, test } from 'vitest';
import {
  accountOf,
  COUNTER_CODE,
  contractAddress,
  createCounter,
  encodeRlp,
  signTransaction,
} from '../evm.ts';

test('RLP: the examples of the Yellow Paper appendix B and its edges', () => {
  const cases: readonly (readonly [Parameters<typeof encodeRlp>[0], string])[] = [
    [utf8('dog'), '83646f67'],
    [[utf8('cat'), utf8('dog')], 'c88363617483646f67'],
    [new Uint8Array(), '80'],
    [[], 'c0'],
    [Uint8Array.of(0), '00'],
    [Uint8Array.of(0x7f), '7f'],
    [Uint8Array.of(0x80), '8180'],
    [fromHex('0400'), '820400'],
    [[[], [[]], [[], [[]]]], 'c7c0c1c0c3c0c1c0'],
  ];
  for (const [input, hex] of cases) expect(toHex(encodeRlp(input))).toBe(hex);
  expect(toHex(encodeRlp(new Uint8Array(55)).subarray(0, 2))).toBe('b700');
  expect(toHex(encodeRlp(new Uint8Array(56)).subarray(0, 3))).toBe('b83800');
  expect(toHex(encodeRlp(new Uint8Array(1024)).subarray(0, 4))).toBe('b9040000');
  expect(toHex(encodeRlp([new Uint8Array(60)]).subarray(0, 4))).toBe('f83eb83c');
});

test('a signed transaction: the example of EIP-155', () => {
  const { raw } = signTransaction(
    {
      nonce: 9,
      gasPrice: 20_000_000_000n,
      gasLimit: 21_000,
      to: new Uint8Array(20).fill(0x35),
      value: 1_000_000_000_000_000_000n,
      data: new Uint8Array(),
      chainId: 1,
    },
    new Uint8Array(32).fill(0x46),
  );
  expect(toHex(raw)).toBe(
    'f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080' +
      '25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276' +
      'a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83',
  );
});

test('the address of key 1, and of the first contracts of a known account', () => {
  const one = new Uint8Array(32);
  one[31] = 1;
  const address = keccak_256(secp256k1.getPublicKey(one, false).subarray(1)).subarray(12);
  expect(toHex(address)).toBe('7e5f4552091a69125d5dfcb7b8c2659029395bdf');
  const creator = fromHex('6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0');
  expect([0, 1].map((nonce) => toHex(contractAddress(creator, nonce)))).toEqual([
    'cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d',
    '343c43a37d37dff08ae8c4a11544c718abb4fcf8',
  ]);
});

test('accounts differ and are the same in every run; the contract ends its creation', () => {
  expect(accountOf(3)).toEqual(accountOf(3));
  expect(accountOf(3).address).not.toEqual(accountOf(4).address);
  expect(toHex(createCounter(accountOf(0), 0).raw)).toContain(toHex(COUNTER_CODE));
  expect(createCounter(accountOf(0), 0).hash).not.toEqual(createCounter(accountOf(0), 1).hash);
});
