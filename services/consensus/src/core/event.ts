/** Facts for observers. They change nothing. */
export type ConsensusEvent =
  | {
      readonly kind: 'BlockProposed';
      readonly height: number;
      readonly rank: number;
      readonly messages: number;
    }
  | {
      readonly kind: 'HeightNotarized';
      readonly height: number;
      readonly rank: number;
      readonly roundMs: number;
    }
  | {
      readonly kind: 'HeightFinalized';
      readonly height: number;
      readonly messages: number;
      readonly bytes: number;
    }
  | {
      readonly kind: 'ArtifactRejected';
      readonly artifact: string;
      readonly peer: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'ArtifactDropped';
      readonly artifact: string;
      readonly reason: 'peer over its limit' | 'height out of range';
    }
  | {
      readonly kind: 'IngressDropped';
      readonly reason:
        | 'full'
        | 'author over its limit'
        | 'peer over its limit'
        | 'too much unproven';
    }
  /** The vote log was lost: nothing is signed below this height, or at all while it is not known. */
  | { readonly kind: 'VotesHeld'; readonly from: number | undefined }
  /** A vote that does not hold, from its signer itself. */
  | { readonly kind: 'VoteBad'; readonly height: number; readonly member: number }
  | { readonly kind: 'MakerEquivocated'; readonly height: number; readonly maker: number }
  | { readonly kind: 'JournalCompacted'; readonly base: number; readonly entries: number }
  /** Batches asked for that are neither in the journal any more: the state lost what it called durable. */
  | { readonly kind: 'BatchesForgotten'; readonly asked: number; readonly oldest: number }
  /** A key of the next epochs was computed from its dealings, or could not be. */
  | { readonly kind: 'KeyGenerated'; readonly succeeded: boolean }
  | { readonly kind: 'PackageKept'; readonly height: number }
  | { readonly kind: 'PackageAdopted'; readonly height: number }
  | { readonly kind: 'Replayed'; readonly finalized: number; readonly notarized: number };
