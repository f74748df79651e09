/** `low`: beacon and tape, f + 1 shares. `high`: the subnet's permanent key, 2f + 1 shares (protocol 2.1). */
export type KeyName = 'low' | 'high';

/** What beacon has computed off the step. Secret shares live in the solver; no core sees one. */
export type BeaconTask =
  | { readonly kind: 'sign-share'; readonly key: KeyName; readonly message: Uint8Array }
  /** Optimistic: combines and checks once; only a bad sum makes it check share by share. */
  | {
      readonly kind: 'combine';
      readonly key: KeyName;
      readonly message: Uint8Array;
      readonly shares: readonly { readonly index: number; readonly signature: Uint8Array }[];
    }
  | {
      readonly kind: 'verify';
      readonly key: KeyName;
      readonly message: Uint8Array;
      readonly signature: Uint8Array;
    };

export type BeaconAnswer =
  | { readonly kind: 'share-signed'; readonly signature: Uint8Array }
  /** `signature` is absent when too few shares were good; `culprits` are the members whose shares were not. */
  | {
      readonly kind: 'combined';
      readonly signature: Uint8Array | undefined;
      readonly culprits: readonly number[];
    }
  | { readonly kind: 'verified'; readonly good: boolean };
