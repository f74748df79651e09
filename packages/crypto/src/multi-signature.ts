// Multi-signatures: signatures of one message by several keys, added up. Sound only among keys
// whose holders have proven possession, else a key can be made up to cancel another one.

import { separator } from '@internode/encoding';
import type { Verdict } from '@internode/prelude';
import { concatBytes, invalid, valid } from '@internode/prelude';
import type { BlsEngine } from './bls-engine.ts';

const POSSESSION = separator('internode-bls-possession');

/** A signature over the key itself, in a domain of its own. */
export function provePossession(engine: BlsEngine, secretKey: Uint8Array): Uint8Array {
  return engine.sign(secretKey, concatBytes(POSSESSION, engine.publicKey(secretKey)));
}

declare const proven: unique symbol;

/** A key whose holder has shown that it knows the secret. Only `verifyPossession` makes one. */
export type ProvenKey = Uint8Array & { readonly [proven]: true };

/** The key as one that multi-signatures may count with. */
export function verifyPossession(
  engine: BlsEngine,
  publicKey: Uint8Array,
  proof: Uint8Array,
): Verdict<ProvenKey> {
  const message = concatBytes(POSSESSION, publicKey);
  const verdict = engine.verify({ publicKey, message, signature: proof });
  return verdict.kind === 'valid' ? valid(publicKey.slice() as ProvenKey) : verdict;
}

/** Whether all of these keys, each once, signed the message. */
export function verifyMultiSignature(
  engine: BlsEngine,
  signed: {
    readonly publicKeys: readonly ProvenKey[];
    readonly message: Uint8Array;
    readonly signature: Uint8Array;
  },
): Verdict<void> {
  if (signed.publicKeys.length === 0) return invalid('bls: no signers');
  const publicKey = engine.aggregatePublicKeys(signed.publicKeys);
  if (publicKey.kind !== 'valid') return publicKey;
  const { message, signature } = signed;
  return engine.verify({ publicKey: publicKey.value, message, signature });
}
