import type { Complaint, Dealing, DkgConfig, Sharing, Transcript } from '@internode/contracts';

/** `low`: beacon and tape, f + 1 shares. `high`: the subnet's permanent key, 2f + 1 shares (protocol 2.1). */
export type KeyName = 'low' | 'high';

/** A secret share by the public key it belongs to. Sealed when it was generated; those of genesis are with the solver. */
export interface ShareRef {
  readonly publicKey: Uint8Array;
  readonly sealed?: Uint8Array;
}

/** What beacon has computed off the step. Secrets are open in the solver only; no core sees one. */
export type BeaconTask =
  | {
      readonly kind: 'sign-share';
      readonly key: KeyName;
      readonly share: ShareRef;
      readonly message: Uint8Array;
    }
  /** Optimistic: `sufficient` shares that agree need no check, else combines and checks once; only a bad sum makes it check share by share. */
  | {
      readonly kind: 'combine';
      readonly key: KeyName;
      readonly groupPublicKey: Uint8Array;
      readonly threshold: number;
      readonly sufficient: number | undefined;
      readonly message: Uint8Array;
      readonly shares: readonly {
        readonly index: number;
        readonly publicKey: Uint8Array;
        readonly signature: Uint8Array;
      }[];
    }
  | {
      readonly kind: 'verify';
      readonly key: KeyName;
      readonly publicKey: Uint8Array;
      readonly message: Uint8Array;
      readonly signature: Uint8Array;
    }
  /** `oldShare` when resharing. */
  | { readonly kind: 'deal'; readonly config: DkgConfig; readonly oldShare?: ShareRef }
  /** Whether a dealing holds a good share for this node. */
  | { readonly kind: 'open'; readonly config: DkgConfig; readonly dealing: Dealing }
  /** Decrypts what was dealt to this node, and puts its share of a generated key together. */
  | {
      readonly kind: 'derive';
      readonly sharing: Sharing;
      readonly transcript: Transcript;
      readonly row: Uint8Array;
    };

export type BeaconAnswer =
  /** Without a signature: this node does not hold the share. */
  | { readonly kind: 'share-signed'; readonly signature: Uint8Array | undefined }
  /** `signature` is absent when too few shares were good; `culprits` are the members whose shares were not; `agreed`: no check was needed. */
  | {
      readonly kind: 'combined';
      readonly signature: Uint8Array | undefined;
      readonly agreed: boolean;
      readonly culprits: readonly number[];
    }
  | { readonly kind: 'verified'; readonly good: boolean }
  | { readonly kind: 'dealt'; readonly dealing: Dealing | undefined }
  /** With the reason to complain, if there is one. */
  | { readonly kind: 'opened'; readonly complaint: Complaint | undefined }
  /** Without a share: a dealer has cheated this node, or it is no receiver. */
  | { readonly kind: 'derived'; readonly sealed: Uint8Array | undefined };
