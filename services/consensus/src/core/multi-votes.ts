// Votes of large subnets (protocol 8.3, Mode B): BLS signatures of all members of the committee, added up by a few whom the
// beacon names. A certificate is one signature and a bitmap of signers. Quorums are those of all, so safety does not depend on
// who adds up: if all of the few are bad, only time is lost.
import { invalid, type Verdict, valid } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import { bytesOfVote, type VoteCertificate, type VotePurpose } from './artifact.ts';
import { shuffle } from './membership.ts';
import type { Subnet } from './subnet.ts';
import type { View } from './view.ts';

export const MULTI_SIGNATURE_BYTES = 48;

/** A key of multi-signatures, with the proof without which it must not be counted. */
export interface VoteKey {
  readonly key: Uint8Array;
  readonly proof: Uint8Array;
}

/** One signature over one message by all of these keys. */
export interface MultiCheck {
  readonly keys: readonly VoteKey[];
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export function bitmapOf(indices: Iterable<number>, n: number): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(n / 8));
  for (const index of indices) bitmap[index >> 3] = (bitmap[index >> 3] ?? 0) | (1 << (index & 7));
  return bitmap;
}

/** Ascending; undefined when it is not a bitmap of n members. */
export function indicesOf(bitmap: Uint8Array, n: number): readonly number[] | undefined {
  if (bitmap.length !== Math.ceil(n / 8)) return undefined;
  const indices: number[] = [];
  for (let index = 0; index < 8 * bitmap.length; index += 1) {
    if (((bitmap[index >> 3] ?? 0) & (1 << (index & 7))) === 0) continue;
    if (index >= n) return undefined;
    indices.push(index);
  }
  return indices;
}

export function voteKeyOf(subnet: Subnet, index: number): VoteKey {
  const { voteKey = NONE, voteKeyProof = NONE } = subnet.member(index);
  return { key: voteKey, proof: voteKeyProof };
}

const NONE = new Uint8Array(0);

/** What can be said of a certificate without its members' roles. */
export function faultOfForm(subnet: Subnet, certificate: VoteCertificate): string | undefined {
  const { signatures, multi } = certificate;
  if (subnet.scheme === 'list') {
    if (multi !== undefined) return 'a multi-signature where votes are lists';
    return signatures.length === subnet.quorum ? undefined : 'not exactly a quorum';
  }
  if (multi === undefined || signatures.length > 0) return 'a list where votes are added up';
  if (multi.signature.length !== MULTI_SIGNATURE_BYTES) return 'signature length';
  const signers = indicesOf(multi.signers, subnet.n);
  if (signers === undefined) return 'not a bitmap of the members';
  return signers.length === subnet.quorum ? undefined : 'not exactly a quorum';
}

/** The check that makes a certificate hold, or why it cannot. */
export function multiCheckOf(
  subnet: Subnet,
  judged: {
    readonly purpose: VotePurpose;
    readonly certificate: VoteCertificate;
    readonly committee: ReadonlySet<number>;
  },
): Verdict<MultiCheck> {
  const { purpose, certificate, committee } = judged;
  const fault = faultOfForm(subnet, certificate);
  if (fault !== undefined || certificate.multi === undefined) return invalid(fault ?? '');
  const { signers, signature } = certificate.multi;
  const indices = indicesOf(signers, subnet.n) ?? [];
  if (indices.some((index) => !committee.has(index)))
    return invalid('signer is not in the committee');
  const keys = indices.map((index) => voteKeyOf(subnet, index));
  return valid({ keys, message: bytesOfVote(purpose, subnet.subnetId, certificate), signature });
}

/** How many add up a vote at first: all eight, since the quickest of them is what everyone waits for. */
export function aggregatorsFirst(n: number): number {
  return Math.min(CONSENSUS_LIMITS.aggregatorsEach, Math.floor(n / 3));
}

/** Who adds up the votes of a height, in the order in which they are tried; the beacon before it has to be known. */
export function aggregatorsAt(view: View, height: number, purpose: VotePurpose): readonly number[] {
  const seed = view.beacons.get(height - 1)?.value;
  const n = view.epochs.at(height)?.subnet.n;
  if (seed === undefined || n === undefined) return [];
  return shuffle(n, seed, `${purpose}-aggregators`).slice(0, CONSENSUS_LIMITS.aggregatorsMax);
}
