// Calls as users send them: real envelopes, anonymous or signed, so that consensus verifies in tests what it verifies in life.
import type { Ingress } from '@internode/contracts';
import { nodeSignatures } from '@internode/crypto/fast';
import {
  type CborInput,
  encodeCbor,
  type HashableMap,
  hashOfMap,
  selfAuthenticating,
  separator,
  sha256,
} from '@internode/encoding';
import { concatBytes, utf8 } from '@internode/prelude';

export const CANISTER = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7, 1, 1);
export const CANISTER_RANGES = [
  [Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 1), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 255, 1, 1)],
] as const;

export interface CallOptions {
  readonly expiryNanos: bigint;
  /** A user's secret; anonymous without. */
  readonly secret?: Uint8Array;
  /** Of a session key that the user has delegated to. */
  readonly session?: { readonly secret: Uint8Array; readonly expirationNanos: bigint };
  readonly canisterId?: Uint8Array;
  readonly methodName?: string;
}

export function call(name: string, options: CallOptions): Ingress {
  const { expiryNanos, secret, session, canisterId = CANISTER, methodName = 'greet' } = options;
  const publicKey = secret && nodeSignatures.ed25519PublicKey(secret);
  const content: HashableMap = {
    request_type: 'call',
    ingress_expiry: expiryNanos,
    sender: publicKey === undefined ? Uint8Array.of(4) : selfAuthenticating(publicKey),
    canister_id: canisterId,
    method_name: methodName,
    arg: utf8(name),
  };
  const requestId = hashOfMap(content);
  const proof =
    secret === undefined || publicKey === undefined
      ? {}
      : {
          sender_pubkey: publicKey,
          sender_sig: nodeSignatures.signEd25519(
            session?.secret ?? secret,
            concatBytes(separator('ic-request'), requestId),
          ),
          ...(session === undefined ? {} : { sender_delegation: [delegation(secret, session)] }),
        };
  return {
    requestId,
    envelope: encodeCbor({ content: content as CborInput, ...proof }),
    expiryNanos,
    effectiveCanisterId: canisterId,
  };
}

function delegation(secret: Uint8Array, session: NonNullable<CallOptions['session']>): CborInput {
  const pubkey = nodeSignatures.ed25519PublicKey(session.secret);
  const delegated = { pubkey, expiration: session.expirationNanos };
  const message = concatBytes(separator('ic-request-auth-delegation'), hashOfMap(delegated));
  return { delegation: delegated, signature: nodeSignatures.signEd25519(secret, message) };
}

/** Other bytes, same request id, also good: what a byzantine author may make. A field nobody signs is in the envelope. */
export function otherBytes(ingress: Ingress, salt: number): Ingress {
  const { envelope } = ingress;
  // A map of one more entry: encodeCbor writes a tag of three bytes and a map of fewer than 23 entries.
  const head = envelope[3] as number;
  const more = concatBytes(
    Uint8Array.of(0x64),
    utf8('salt'),
    Uint8Array.of(0x18, 24 + (salt % 200)),
  );
  const bytes = concatBytes(
    envelope.subarray(0, 3),
    Uint8Array.of(head + 1),
    envelope.subarray(4),
    more,
  );
  return { ...ingress, envelope: bytes };
}

export function secretOf(name: string): Uint8Array {
  return sha256(utf8(`secret of ${name}`));
}
