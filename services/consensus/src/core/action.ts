import type { Message } from '@internode/contracts';
import type {
  Block,
  EquivocationProof,
  HashKey,
  Payload,
  VoteCertificate,
  VotePurpose,
} from './artifact.ts';
import type { Examination } from './key-generation.ts';
import type { MultiCheck } from './multi-votes.ts';
import type { Computation } from './transcripts.ts';
import type { AskToken, View } from './view.ts';

/** One signature to check, as the solver needs it. */
export interface SignatureCheck {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** What a rule wants changed. The core applies it and asks the rules again. */
export type Action =
  /** Sign and propose this block. */
  | {
      readonly kind: 'propose';
      readonly block: Block;
      readonly payload: Payload;
      readonly ingressIds: readonly Uint8Array[];
      readonly hash: Uint8Array;
    }
  /** Sign this vote. */
  | {
      readonly kind: 'vote';
      readonly purpose: VotePurpose;
      readonly height: number;
      readonly blockHash: Uint8Array;
    }
  /** A quorum of validated votes, put together by this node. */
  | {
      readonly kind: 'certify';
      readonly purpose: VotePurpose;
      readonly certificate: VoteCertificate;
    }
  /** Have the signatures of an unvalidated artifact checked. */
  | {
      readonly kind: 'check';
      readonly id: string;
      readonly checks: readonly SignatureCheck[];
      readonly multi?: MultiCheck;
    }
  /** Have the sum of these votes, by member, checked. */
  | {
      readonly kind: 'sum';
      readonly purpose: VotePurpose;
      readonly height: number;
      readonly key: HashKey;
      readonly blockHash: Uint8Array;
      readonly shares: ReadonlyMap<number, Uint8Array>;
    }
  /** Move an unvalidated artifact to the pool. */
  | { readonly kind: 'accept'; readonly id: string }
  /** Wrong for ever: forget it, tell who sent it. */
  | { readonly kind: 'reject'; readonly id: string; readonly reason: string }
  /** Of no use any more: forget it. */
  | { readonly kind: 'forget'; readonly id: string }
  /** Look for the bodies of an unvalidated block whose maker's signature is good. */
  | { readonly kind: 'gather'; readonly id: string }
  /** Say which bodies of it are missing. */
  | { readonly kind: 'ask-bodies'; readonly id: string; readonly message: Message }
  /** Evidence made by this node. */
  | { readonly kind: 'accuse'; readonly maker: number; readonly proof: EquivocationProof }
  /** Journal the final block of the next height, then tell everyone. */
  | { readonly kind: 'deliver'; readonly height: number }
  /** Ask another service for what is missing; noted under the token. */
  | { readonly kind: 'ask'; readonly token: AskToken; readonly message: Message }
  /** Say the durable batches from here on again. */
  | { readonly kind: 'repeat-batches'; readonly from: number }
  | { readonly kind: 'purge'; readonly below: number }
  | { readonly kind: 'compact'; readonly height: number }
  /** Have a dealing or complaint examined. */
  | { readonly kind: 'examine'; readonly key: string; readonly examination: Examination }
  /** Have the key computed that a chain's dealings come to. */
  | { readonly kind: 'generate'; readonly computation: Computation }
  /** A dealing or complaint that can be in no block any more, or never could. */
  | { readonly kind: 'forget-part'; readonly id: string }
  | { readonly kind: 'reject-part'; readonly id: string; readonly reason: string }
  /** Have the catch-up package that this peer offers checked; or forget it. */
  | { readonly kind: 'check-package'; readonly peer: string }
  | { readonly kind: 'forget-package'; readonly peer: string }
  /** Go on from the newest package. */
  | { readonly kind: 'adopt' }
  /** Nothing to do before then. Not an answer: the next rule is asked. */
  | { readonly kind: 'look-again'; readonly atMs: number };

export type Rule = (view: View) => readonly Action[];

export const NOTHING: readonly Action[] = [];
