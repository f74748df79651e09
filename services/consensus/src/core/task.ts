import type { Transcript } from '@internode/contracts';
import type { SignatureCheck } from './action.ts';
import type { Ingress } from './artifact.ts';
import type { Examination } from './key-generation.ts';
import type { MultiCheck, VoteKey } from './multi-votes.ts';
import type { Generation } from './transcripts.ts';

/** What consensus has computed off the step. Signing is by the node's own key, which the core never sees. */
export type ConsensusTask =
  | { readonly kind: 'sign'; readonly message: Uint8Array }
  /** With the vote key: part of a multi-signature. */
  | { readonly kind: 'sign-vote'; readonly message: Uint8Array }
  | { readonly kind: 'verify-multi'; readonly check: MultiCheck }
  /** A quorum of these whose sum holds. */
  | {
      readonly kind: 'sum-votes';
      readonly message: Uint8Array;
      readonly quorum: number;
      readonly shares: readonly (VoteKey & {
        readonly index: number;
        readonly signature: Uint8Array;
      })[];
    }
  /** One verdict for all: a certificate holds when each of its signatures does. */
  | { readonly kind: 'verify'; readonly checks: readonly SignatureCheck[] }
  /** Who has signed each of these calls, if anybody. */
  | { readonly kind: 'authenticate'; readonly messages: readonly Ingress[] }
  /** Whether a dealing or complaint may be in a block. */
  | { readonly kind: 'examine'; readonly examination: Examination }
  /** The key that dealings come to. */
  | { readonly kind: 'generate'; readonly generation: Generation }
  /** Whether the subnet's permanent key has signed a catch-up package. */
  | { readonly kind: 'check-package'; readonly check: SignatureCheck };

export type ConsensusAnswer =
  | { readonly kind: 'signed'; readonly signature: Uint8Array }
  | { readonly kind: 'verified'; readonly good: boolean }
  /** Absent: the good ones are no quorum. */
  | {
      readonly kind: 'summed';
      readonly signature: Uint8Array | undefined;
      readonly signers: readonly number[];
      readonly culprits: readonly number[];
    }
  /** Absent: too few of the dealings hold. */
  | { readonly kind: 'generated'; readonly transcript: Transcript | undefined }
  | { readonly kind: 'authenticated'; readonly authors: readonly (Uint8Array | undefined)[] };
