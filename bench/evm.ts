// What the peers need to count: a contract in EVM code and legacy transactions (Ethereum Yellow Paper appendices B and F; EIP-155).
import { concatBytes, fromHex, toHex, utf8 } from '@internode/prelude';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';

/** `storage[0] += 1`: PUSH1 0 SLOAD PUSH1 1 ADD PUSH1 0 SSTORE STOP. */
export const COUNTER_CODE = fromHex('60005460010160005500');
/** PUSH1 length, DUP1, PUSH1 11, PUSH1 0, CODECOPY, PUSH1 0, RETURN: answers the code that follows these 11 bytes. */
const COUNTER_INIT = concatBytes(fromHex('600a80600b6000396000f3'), COUNTER_CODE);

const CHAIN_ID = 31337; // both peers' default
const GAS_PRICE = 10_000_000_000n;
const GAS_LIMIT = 100_000;

export type RlpInput = Uint8Array | readonly RlpInput[];

/** Recursive length prefix (Yellow Paper, appendix B). */
export function encodeRlp(input: RlpInput): Uint8Array {
  if (input instanceof Uint8Array) {
    const [first = 0x80] = input;
    return input.length === 1 && first < 0x80 ? input : withLength(0x80, input);
  }
  return withLength(0xc0, concatBytes(...input.map(encodeRlp)));
}

function withLength(base: number, bytes: Uint8Array): Uint8Array {
  if (bytes.length <= 55) return concatBytes(Uint8Array.of(base + bytes.length), bytes);
  const length = integerBytes(bytes.length);
  return concatBytes(Uint8Array.of(base + 55 + length.length), length, bytes);
}

/** Big-endian without leading zeros; nothing for 0. */
function integerBytes(value: number | bigint): Uint8Array {
  if (BigInt(value) === 0n) return new Uint8Array();
  const hex = value.toString(16);
  return fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
}

export interface Transaction {
  readonly nonce: number;
  readonly gasPrice: bigint;
  readonly gasLimit: number;
  /** 20 bytes; nothing creates a contract. */
  readonly to: Uint8Array;
  readonly value: bigint;
  readonly data: Uint8Array;
  readonly chainId: number;
}

export interface SignedTransaction {
  readonly raw: Uint8Array;
  readonly hash: Uint8Array;
}

export function signTransaction(
  transaction: Transaction,
  secretKey: Uint8Array,
): SignedTransaction {
  const { nonce, gasPrice, gasLimit, to, value, data, chainId } = transaction;
  const fields = [
    integerBytes(nonce),
    integerBytes(gasPrice),
    integerBytes(gasLimit),
    to,
    integerBytes(value),
    data,
  ];
  const none = new Uint8Array();
  const signed = keccak_256(encodeRlp([...fields, integerBytes(chainId), none, none]));
  const signature = secp256k1.sign(signed, secretKey, { prehash: false, format: 'recovered' });
  const [recovery = 0] = signature;
  const v = integerBytes(chainId * 2 + 35 + recovery);
  const r = integerBytes(BigInt(`0x${toHex(signature.subarray(1, 33))}`));
  const s = integerBytes(BigInt(`0x${toHex(signature.subarray(33, 65))}`));
  const raw = encodeRlp([...fields, v, r, s]);
  return { raw, hash: keccak_256(raw) };
}

export interface Account {
  readonly secretKey: Uint8Array;
  /** 20 bytes. */
  readonly address: Uint8Array;
}

/** The same accounts in every run: keys are hashes of their index. */
export function accountOf(index: number): Account {
  const secretKey = keccak_256(utf8(`internode bench ${index}`));
  const point = secp256k1.getPublicKey(secretKey, false);
  return { secretKey, address: keccak_256(point.subarray(1)).subarray(12) };
}

export function createCounter(account: Account, nonce: number): SignedTransaction {
  return signOnDevelopmentChain(account, nonce, new Uint8Array(), COUNTER_INIT);
}

export function increment(account: Account, nonce: number, counter: Uint8Array): SignedTransaction {
  return signOnDevelopmentChain(account, nonce, counter, new Uint8Array());
}

/** Where a contract lands that `creator` makes with its transaction `nonce` (Yellow Paper, section 7). */
export function contractAddress(creator: Uint8Array, nonce: number): Uint8Array {
  return keccak_256(encodeRlp([creator, integerBytes(nonce)])).subarray(12);
}

function signOnDevelopmentChain(
  { secretKey }: Account,
  nonce: number,
  to: Uint8Array,
  data: Uint8Array,
): SignedTransaction {
  return signTransaction(
    { nonce, gasPrice: GAS_PRICE, gasLimit: GAS_LIMIT, to, value: 0n, data, chainId: CHAIN_ID },
    secretKey,
  );
}
