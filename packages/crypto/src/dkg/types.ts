// What travels in key generation. The contracts' messages have these forms; this room knows no contracts.

import type { BlsEngine } from '../bls-engine.ts';
import type { SignatureEngine } from '../signature-engine.ts';

export interface DkgTarget {
  readonly summaryHeight: number;
  readonly key: 'low' | 'high';
}

/** One key generation. Dealers and receivers are node ids, ascending; receiver `i` gets the value at `i + 1`. */
export interface DkgConfig {
  readonly target: DkgTarget;
  readonly threshold: number;
  readonly dealers: readonly Uint8Array[];
  readonly receivers: readonly Uint8Array[];
  readonly receiverKeys: readonly Uint8Array[];
  /** Resharing: what each dealer shares is the secret of this key. Empty for a fresh key. */
  readonly dealerShareKeys: readonly Uint8Array[];
  /** Resharing: the index of each dealer's old share. */
  readonly dealerIndices: readonly number[];
  /** Resharing: threshold of the old key. Fresh: more than there may be faulty dealers. */
  readonly dealingsNeeded: number;
}

export interface DkgDealing {
  readonly target: DkgTarget;
  readonly dealer: Uint8Array;
  readonly commitments: readonly Uint8Array[];
  readonly ephemeralKey: Uint8Array;
  readonly ciphertexts: readonly Uint8Array[];
  readonly proof: Uint8Array;
  readonly signature: Uint8Array;
}

export interface DkgComplaint {
  readonly target: DkgTarget;
  readonly dealer: Uint8Array;
  readonly receiver: Uint8Array;
  readonly sharedPoint: Uint8Array;
  readonly proof: Uint8Array;
  readonly signature: Uint8Array;
}

export interface DkgTranscript {
  readonly target: DkgTarget;
  readonly threshold: number;
  readonly members: readonly Uint8Array[];
  readonly groupKey: Uint8Array;
  readonly shareKeys: readonly Uint8Array[];
  readonly dealers: readonly Uint8Array[];
  /** Of the `DkgSharing` of these dealers. */
  readonly sharingHash: Uint8Array;
}

/** What the receivers of a generated key were dealt, without the rows themselves. */
export interface DkgSharing {
  readonly config: DkgConfig;
  /** By the transcript's dealers. */
  readonly ephemeralKeys: readonly Uint8Array[];
  /** By receiver. */
  readonly rowHashes: readonly Uint8Array[];
}

export interface DkgEngines {
  readonly bls: BlsEngine;
  readonly signatures: SignatureEngine;
}
