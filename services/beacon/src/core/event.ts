import type { RoundKind } from './round.ts';
import type { KeyName } from './task.ts';

/** Facts for observers. They change nothing. */
export type BeaconEvent =
  | {
      readonly kind: 'ValueMade';
      readonly value: RoundKind;
      readonly height: number;
      readonly shares: number;
    }
  | { readonly kind: 'ValueReceived'; readonly value: RoundKind; readonly height: number }
  | {
      readonly kind: 'ShareBad';
      readonly value: RoundKind;
      readonly height: number;
      readonly member: number;
    }
  | {
      readonly kind: 'ValueBad';
      readonly value: RoundKind;
      readonly height: number;
      readonly peer: string;
    }
  | {
      readonly kind: 'ArtifactRejected';
      readonly artifact: string;
      readonly peer: string;
      readonly reason: string;
    }
  /** Asked for a value that is older than the history. */
  | { readonly kind: 'ValueForgotten'; readonly value: RoundKind; readonly height: number }
  | { readonly kind: 'Replayed'; readonly height: number }
  /** This node has dealt its part of a key. */
  | { readonly kind: 'Dealt'; readonly key: KeyName; readonly summaryHeight: number }
  /** A dealing holds no good share for this node: it complains. */
  | {
      readonly kind: 'DealerCheated';
      readonly key: KeyName;
      readonly summaryHeight: number;
      readonly dealer: string;
    }
  /** This node's share of a generated key is complete and durable. */
  | { readonly kind: 'ShareKept'; readonly key: KeyName; readonly summaryHeight: number }
  /** A key is generated, but this node cannot put its share together: it does not sign with it until peers told what was dealt. */
  | { readonly kind: 'ShareMissing'; readonly key: KeyName; readonly summaryHeight: number }
  | { readonly kind: 'SharesErased'; readonly shares: number }
  | { readonly kind: 'EpochBegan'; readonly height: number; readonly members: number };
