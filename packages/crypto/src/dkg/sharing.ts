// What stays of a key generation when the chain has forgotten it: the encrypted shares that count, for receivers that did not
// hear the dealings. The transcript commits to them by one hash, so whoever trusts it needs to trust nobody who keeps them.

import { sha256 } from '@internode/encoding';
import type { Verdict } from '@internode/prelude';
import { bytesEqual, invalid, joinBytes, valid } from '@internode/prelude';
import type { BlsEngine } from '../bls-engine.ts';
import { lagrangeCoefficients, reduce, scalarFromBytes, scalarToBytes } from '../bls-scalar.ts';
import {
  contextOf,
  digest,
  isResharing,
  listBytes,
  oldIndexOf,
  positionOf,
  sameTarget,
} from './context.ts';
import { decryptShare, SEALED_SHARE_BYTES } from './envelope.ts';
import { sharedPoint } from './ristretto.ts';
import type { DkgConfig, DkgDealing, DkgSharing, DkgTranscript } from './types.ts';

/** Everything of it: the row of a receiver is what all dealers that count encrypted for it. */
export interface DkgSharingRows {
  readonly sharing: DkgSharing;
  /** By receiver. */
  readonly rows: readonly Uint8Array[];
}

/** `dealings` are those that count, in the order of the transcript's dealers. */
export function sharingOf(config: DkgConfig, dealings: readonly DkgDealing[]): DkgSharingRows {
  const rows = config.receivers.map((_, i) =>
    joinBytes(dealings.map(({ ciphertexts }) => ciphertexts[i] as Uint8Array)),
  );
  const ephemeralKeys = dealings.map(({ ephemeralKey }) => ephemeralKey);
  return { sharing: { config, ephemeralKeys, rowHashes: rows.map(sha256) }, rows };
}

export function sharingHash({ config, ephemeralKeys, rowHashes }: DkgSharing): Uint8Array {
  const lists = [listBytes(ephemeralKeys), listBytes(rowHashes)];
  return digest('internode-dkg-sharing', [contextOf(config), ...lists]);
}

/** Whether this is what a transcript was made from: then its configuration is that of the chain, too. */
export function checkSharing(sharing: DkgSharing, transcript: DkgTranscript): Verdict<void> {
  if (!sameTarget(sharing.config.target, transcript.target)) return invalid('dkg: another target');
  const fits = bytesEqual(sharingHash(sharing), transcript.sharingHash);
  return fits ? valid() : invalid('dkg: not the sharing of this key');
}

/**
 * A receiver's secret share, from its row of a sharing that passed `checkSharing`. Invalid when a dealer has cheated this receiver,
 * which was not there to complain.
 */
export function shareFromRow(
  bls: BlsEngine,
  request: {
    readonly sharing: DkgSharing;
    readonly transcript: DkgTranscript;
    readonly receiver: Uint8Array;
    readonly receiverSecret: Uint8Array;
    readonly row: Uint8Array;
  },
): Verdict<Uint8Array> {
  const { sharing, transcript, receiver, receiverSecret, row } = request;
  const { config, ephemeralKeys } = sharing;
  const receiverKey = config.receiverKeys[positionOf(config.receivers, receiver)];
  if (receiverKey === undefined) return invalid('dkg: not a receiver');
  const context = contextOf(config);
  const opened = transcript.dealers.flatMap((dealer, i) => {
    const ephemeralKey = ephemeralKeys[i];
    const ciphertext = row.slice(i * SEALED_SHARE_BYTES, (i + 1) * SEALED_SHARE_BYTES);
    if (ephemeralKey === undefined) return [];
    const point = sharedPoint(receiverSecret, ephemeralKey);
    if (point === undefined) return [];
    const envelope = { context, dealer, receiver, ephemeralKey, receiverKey };
    const share = decryptShare(envelope, point, ciphertext);
    return share === undefined ? [] : [{ dealer, share }];
  });
  return secretShareOf(bls, { config, transcript, receiver, opened });
}

/** A receiver's secret share of the generated key, from what it found in the dealings that count. */
export function secretShareOf(
  bls: BlsEngine,
  request: {
    readonly config: DkgConfig;
    readonly transcript: DkgTranscript;
    readonly receiver: Uint8Array;
    readonly opened: readonly { readonly dealer: Uint8Array; readonly share: Uint8Array }[];
  },
): Verdict<Uint8Array> {
  const { config, transcript, receiver, opened } = request;
  const key = transcript.shareKeys[positionOf(transcript.members, receiver)];
  if (key === undefined) return invalid('dkg: not a receiver');
  const { dealers } = transcript;
  const shares: bigint[] = [];
  for (const dealer of dealers) {
    const found = opened.find((one) => bytesEqual(one.dealer, dealer));
    if (found === undefined) return invalid('dkg: the share of a dealer is missing');
    if (positionOf(config.dealers, dealer) < 0) return invalid('dkg: not a dealer');
    shares.push(scalarFromBytes(found.share));
  }
  const weights = isResharing(config)
    ? lagrangeCoefficients(dealers.map((dealer) => oldIndexOf(config, dealer)))
    : dealers.map(() => 1n);
  const sum = shares.reduce(
    (total, share, i) => reduce(total + share * (weights[i] as bigint)),
    0n,
  );
  if (sum === 0n) return invalid('dkg: share of zero');
  const secret = scalarToBytes(sum);
  return bytesEqual(bls.publicKey(secret), key) ? valid(secret) : invalid('dkg: another share');
}
