// What honest nodes pass on as proven is proven: certificates of votes, beacons, tapes, certifications.
import type { DealtSubnet } from '@internode/beacon';
import { toHex } from '@internode/prelude';
import type { Checker } from '@internode/sim';
import type { Crypto } from '../crypto.ts';
import type { Shown } from '../roles/shown.ts';
import {
  bytesOfRoot,
  bytesOfValue,
  bytesOfVote,
  CERTIFICATE,
  VALUE,
  type VotePurpose,
} from '../wire.ts';

export interface Keys {
  readonly subnet: DealtSubnet;
  readonly crypto: Crypto;
}

/** With the low keys that summaries have named, by the height from which they are in force. */
interface KnownKeys extends Keys {
  readonly lowKeys: Map<number, Uint8Array>;
}

export function certificatesHold(given: Keys): Checker {
  const lowKeys = new Map([[0, given.subnet.low.groupPublicKey]]);
  const keys = { ...given, lowKeys };
  const good = new Set<string>();
  return {
    name: 'certificates',
    onEvent: ({ node, event }) => {
      const shown = event as Shown;
      if (shown.kind === 'LowKeysShown') {
        for (const [from, key] of shown.keys) if (key.length > 0) lowKeys.set(from, key);
        return undefined;
      }
      if (shown.kind === 'CertificationShown') {
        const name = `${toHex(shown.root)}/${toHex(shown.signature)}`;
        if (good.has(name)) return undefined;
        good.add(name);
        return isSigned(
          keys,
          keys.subnet.high.groupPublicKey,
          bytesOfRoot(shown.root),
          shown.signature,
        )
          ? undefined
          : `${node} says a certification of height ${shown.height} that does not verify`;
      }
      if (shown.kind !== 'OfferShown') return undefined;
      const fault = faultOfOffer(keys, shown, good);
      return fault && `${node} offers a ${shown.artifact} ${fault}`;
    },
    atEnd: () => undefined,
  };
}

function faultOfOffer(
  keys: KnownKeys,
  { artifact, body }: Shown & { readonly kind: 'OfferShown' },
  good: Set<string>,
): string | undefined {
  const judge = judgeOf(keys, artifact);
  if (judge === undefined) return undefined;
  const name = `${artifact}/${toHex(body)}`;
  if (good.has(name)) return undefined;
  good.add(name);
  return judge(body);
}

type Judge = (body: Uint8Array) => string | undefined;

function judgeOf(keys: KnownKeys, artifact: string): Judge | undefined {
  switch (artifact) {
    case 'notarization':
    case 'finalization':
      return (body) => faultOfCertificate(keys, artifact, body);
    case 'beacon':
    case 'tape':
      return (body) => {
        const value = VALUE.decode(body);
        if (value.kind !== 'valid') return value.reason;
        const message = bytesOfValue(artifact, keys.subnet.subnetId, value.value);
        const key = lowKeyAt(keys, value.value.height);
        return isSigned(keys, key, message, value.value.signature)
          ? undefined
          : 'that does not verify';
      };
    default:
      return undefined;
  }
}

function faultOfCertificate(
  { subnet, crypto }: Keys,
  purpose: VotePurpose,
  body: Uint8Array,
): string | undefined {
  const decoded = CERTIFICATE.decode(body);
  if (decoded.kind !== 'valid') return decoded.reason;
  const { signatures, height } = decoded.value;
  const message = bytesOfVote(purpose, subnet.subnetId, decoded.value);
  const signers = new Set<string>();
  for (const { signer, signature } of signatures) {
    const name = toHex(signer);
    const member = subnet.members.find(({ nodeId }) => toHex(nodeId) === name);
    if (member === undefined) return `of height ${height} by a stranger`;
    const { publicKey: publicKeyDer } = member;
    const verdict = crypto.signatures.verify({ publicKeyDer, message, signature });
    if (verdict.kind !== 'valid')
      return `of height ${height} with a signature that does not verify`;
    signers.add(name);
  }
  const quorum = quorumOf(subnet.members.length);
  return signers.size >= quorum ? undefined : `of height ${height} by ${signers.size} of ${quorum}`;
}

/** 2f + 1 of 3f + 1. */
export function quorumOf(n: number): number {
  return 2 * Math.floor((n - 1) / 3) + 1;
}

function lowKeyAt({ lowKeys, subnet }: KnownKeys, height: number): Uint8Array {
  const from = Math.max(...[...lowKeys.keys()].filter((one) => one <= height));
  return lowKeys.get(from) ?? subnet.low.groupPublicKey;
}

function isSigned(
  { crypto }: Keys,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return crypto.bls.verify({ publicKey, message, signature }).kind === 'valid';
}
