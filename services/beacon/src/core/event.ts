import type { RoundKind } from './round.ts';

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
  | { readonly kind: 'Replayed'; readonly height: number };
