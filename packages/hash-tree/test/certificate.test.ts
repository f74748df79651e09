import { blsPublicKeyToDer, nobleBls } from '@internode/crypto';
import { encodeCbor, selfAuthenticating } from '@internode/encoding';
import { concatBytes, fromHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import {
  type CertificateRules,
  type Delegation,
  decodeCertificate,
  emptyTree,
  encodeCertificate,
  encodeHashTree,
  type LabelledTree,
  lookupPath,
  stateRootMessage,
  verifyCertificate,
  witness,
} from '../src/index.ts';

const ROOT_SECRET = new Uint8Array(32).fill(7);
const SUBNET_SECRET = new Uint8Array(32).fill(9);
const rootKey = blsPublicKeyToDer(nobleBls.publicKey(ROOT_SECRET));
const subnetKey = blsPublicKeyToDer(nobleBls.publicKey(SUBNET_SECRET));
const subnetId = selfAuthenticating(subnetKey);
const canisterId = fromHex('00000000000000050101');
const rules: CertificateRules = { rootKey, bls: nobleBls };

function certify(secret: Uint8Array, tree: LabelledTree, delegation?: Delegation): Uint8Array {
  return encodeCertificate({
    tree: witness(tree, [[]]),
    signature: nobleBls.sign(secret, stateRootMessage(tree.rootHash())),
    ...(delegation === undefined ? {} : { delegation }),
  });
}

const ranges = encodeCbor([[fromHex('00000000000000000101'), fromHex('00000000000000090101')]]);

function delegationTree(placement: 'old' | 'new', type = 'application'): LabelledTree {
  const tree = emptyTree()
    .set(['subnet', subnetId, 'public_key'], subnetKey)
    .set(['subnet', subnetId, 'type'], utf8(type));
  return placement === 'old'
    ? tree.set(['subnet', subnetId, 'canister_ranges'], ranges)
    : tree
        .set(['canister_ranges', subnetId, fromHex('00000000000000000101')], ranges)
        .set(['canister_ranges', subnetId, fromHex('00000000000000200101')], encodeCbor([]));
}

const state = emptyTree()
  .set(['time'], fromHex('01'))
  .set(['canister', canisterId, 'x'], utf8('y'));

function delegated(
  inner: LabelledTree,
  options: { secret?: Uint8Array; more?: Delegation } = {},
): Uint8Array {
  const certificate = certify(options.secret ?? ROOT_SECRET, inner, options.more);
  return certify(SUBNET_SECRET, state, { subnetId, certificate });
}

describe('certificates', () => {
  test('one signed by the root key verifies and shows its tree', () => {
    const verdict = verifyCertificate(certify(ROOT_SECRET, state), rules);
    if (verdict.kind !== 'valid') throw new Error(JSON.stringify(verdict));
    expect(lookupPath(verdict.value, ['time'])).toEqual({ kind: 'found', value: fromHex('01') });
  });

  test('another key, another tree and a damaged signature are invalid', () => {
    expect(verifyCertificate(certify(SUBNET_SECRET, state), rules).kind).toBe('invalid');
    const signature = nobleBls.sign(ROOT_SECRET, stateRootMessage(state.rootHash()));
    const other = state.set(['time'], fromHex('02'));
    const forged = encodeCertificate({ tree: witness(other, [[]]), signature });
    expect(verifyCertificate(forged, rules).kind).toBe('invalid');
    const damaged = certify(ROOT_SECRET, state);
    damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1;
    expect(verifyCertificate(damaged, rules).kind).toBe('invalid');
  });

  test('a delegation verifies with ranges in both placements', () => {
    for (const placement of ['old', 'new'] as const) {
      const bytes = delegated(delegationTree(placement));
      expect(verifyCertificate(bytes, { ...rules, canisterId }).kind).toBe('valid');
      const outside = fromHex('00000000000000100101');
      expect(verifyCertificate(bytes, { ...rules, canisterId: outside }).kind).toBe('invalid');
      const other = fromHex('00000000000000200101');
      expect(verifyCertificate(bytes, { ...rules, canisterId: other }).kind).toBe('invalid');
    }
  });

  test('delegations must be signed by the root, one deep and prove the key', () => {
    const inner = delegationTree('new');
    expect(verifyCertificate(delegated(inner, { secret: SUBNET_SECRET }), rules).kind).toBe(
      'invalid',
    );
    // Each link of this chain holds; it is its length that is refused.
    const more = { subnetId, certificate: certify(ROOT_SECRET, inner) };
    const twice = delegated(inner, { secret: SUBNET_SECRET, more });
    expect(verifyCertificate(twice, rules)).toMatchObject({
      reason: 'certificate: delegation of delegation',
    });
    const keyless = inner.remove(['subnet', subnetId, 'public_key']);
    expect(verifyCertificate(delegated(keyless), rules).kind).toBe('invalid');
  });

  test('cloud engines and subnets without a type cannot back canister signatures', () => {
    const strict = { ...rules, canisterId, refusesCloudEngine: true };
    expect(verifyCertificate(delegated(delegationTree('new')), strict).kind).toBe('valid');
    const cloud = delegationTree('new', 'cloud_engine');
    expect(verifyCertificate(delegated(cloud), strict).kind).toBe('invalid');
    const typeless = delegationTree('new').remove(['subnet', subnetId, 'type']);
    expect(verifyCertificate(delegated(typeless), strict).kind).toBe('invalid');
  });

  test('malformed certificates are invalid, never an exception', () => {
    const tree = encodeHashTree(witness(state, [[]])).subarray(3);
    const withSignature = (length: number): Uint8Array =>
      encodeCbor({ tree: [0], signature: new Uint8Array(length) });
    for (const bytes of [tree, withSignature(47), encodeCbor({ tree: [0] }), new Uint8Array(0)]) {
      expect(decodeCertificate(bytes).kind).toBe('invalid');
    }
    expect(decodeCertificate(withSignature(48)).kind).toBe('valid');
    expect(verifyCertificate(withSignature(48), rules).kind).toBe('invalid');
    const bad = encodeCbor({ tree: [0], signature: new Uint8Array(48), delegation: { x: 1 } });
    expect(decodeCertificate(bad).kind).toBe('invalid');
    expect(decodeCertificate(concatBytes(certify(ROOT_SECRET, state), tree)).kind).toBe('invalid');
  });
});
