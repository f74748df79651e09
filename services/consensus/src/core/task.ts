import type { SignatureCheck } from './action.ts';
import type { Ingress } from './artifact.ts';

/** What consensus has computed off the step. Signing is by the node's own key, which the core never sees. */
export type ConsensusTask =
  | { readonly kind: 'sign'; readonly message: Uint8Array }
  /** One verdict for all: a certificate holds when each of its signatures does. */
  | { readonly kind: 'verify'; readonly checks: readonly SignatureCheck[] }
  /** Who has signed each of these calls, if anybody. */
  | { readonly kind: 'authenticate'; readonly messages: readonly Ingress[] };

export type ConsensusAnswer =
  | { readonly kind: 'signed'; readonly signature: Uint8Array }
  | { readonly kind: 'verified'; readonly good: boolean }
  | { readonly kind: 'authenticated'; readonly authors: readonly (Uint8Array | undefined)[] };
