/** Signatures of senders in all schemes of interface spec 1.7. */
import { decodeCborMap, type Principal, sha256 } from '@internode/encoding';
import {
  type BlsVerifier,
  HASH_TREE_CBOR_LIMITS,
  hashTreeFromCbor,
  lookupPath,
  reconstruct,
  verifyCertificate,
} from '@internode/hash-tree';
import { bytesEqual, fromHex, invalid, valid, type Verdict } from '@internode/prelude';

/** A signature under a DER public key. */
export type Signed = {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
};

/** The mathematics, injected: hosts take faster engines than pure rooms do. */
export interface SignatureEngine {
  /**
   * Ed25519, ECDSA on P-256 and secp256k1, and WebAuthn, told apart by the DER key. Malformed
   * keys and signatures are invalid like wrong ones.
   */
  verify(signed: Signed): Verdict<void>;
  readonly bls: BlsVerifier;
}

export type CanisterKey = { readonly canisterId: Principal; readonly seed: Uint8Array };

/** SEQUENCE { OID 1.3.6.1.4.1.56387.1.2 }, the algorithm of canister signatures. */
const CANISTER_ALGORITHM = fromHex('300c060a2b0601040183b8430102');
const DER_SEQUENCE = 0x30;
const DER_BIT_STRING = 0x03;

/** The canister and seed in a DER key of the canister signature scheme; undefined for others. */
export function canisterKeyFromDer(der: Uint8Array): CanisterKey | undefined {
  const outer = derContent(der, DER_SEQUENCE);
  const start = CANISTER_ALGORITHM.length;
  if (outer === undefined || !bytesEqual(outer.subarray(0, start), CANISTER_ALGORITHM)) {
    return undefined;
  }
  const bits = derContent(outer.subarray(start), DER_BIT_STRING);
  const idLength = bits?.[1];
  if (bits === undefined || bits[0] !== 0 || idLength === undefined) return undefined;
  const seedStart = 2 + idLength;
  if (seedStart > bits.length || idLength > 29) return undefined;
  return { canisterId: bits.slice(2, seedStart), seed: bits.slice(seedStart) };
}

/** The content of a DER value with this tag that takes all of `bytes`; lengths up to 65,535. */
function derContent(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  if (bytes[0] !== tag) return undefined;
  const [, first = 0, second = 0, third = 0] = bytes;
  const headBytes = first < 0x80 ? 2 : first === 0x81 ? 3 : first === 0x82 ? 4 : undefined;
  if (headBytes === undefined) return undefined;
  const length = headBytes === 2 ? first : headBytes === 3 ? second : (second << 8) | third;
  return bytes.length === headBytes + length ? bytes.subarray(headBytes) : undefined;
}

/** Verifies keys of every scheme. `rootKey` is the DER key that certificates hang from. */
export function verifySignature(
  engine: SignatureEngine,
  rootKey: Uint8Array,
  signed: Signed,
): Verdict<void> {
  const canisterKey = canisterKeyFromDer(signed.publicKey);
  if (canisterKey === undefined) return engine.verify(signed);
  return verifyCanisterSignature(engine.bls, rootKey, { ...signed, ...canisterKey });
}

/**
 * A canister signs by certifying, as its certified data, the root of a tree with an empty leaf at
 * `sig/H(seed)/H(message)`.
 */
function verifyCanisterSignature(
  bls: BlsVerifier,
  rootKey: Uint8Array,
  signed: CanisterKey & Signed,
): Verdict<void> {
  const { canisterId } = signed;
  const fields = decodeCborMap(signed.signature, HASH_TREE_CBOR_LIMITS);
  if (fields.kind !== 'valid') return fields;
  const certificate = fields.value['certificate'];
  if (!(certificate instanceof Uint8Array)) return invalid('canister signature: no certificate');
  const tree = hashTreeFromCbor(fields.value['tree']);
  if (tree.kind !== 'valid') return tree;
  const leaf = lookupPath(tree.value, ['sig', sha256(signed.seed), sha256(signed.message)]);
  if (leaf.kind !== 'found' || leaf.value.length > 0) {
    return invalid('canister signature: the message is not in the tree');
  }
  const state = verifyCertificate(certificate, {
    rootKey,
    canisterId,
    bls,
    refusesCloudEngine: true,
  });
  if (state.kind !== 'valid') return state;
  const certified = lookupPath(state.value, ['canister', canisterId, 'certified_data']);
  const isCertified =
    certified.kind === 'found' && bytesEqual(certified.value, reconstruct(tree.value));
  return isCertified ? valid() : invalid('canister signature: the tree is not certified');
}
