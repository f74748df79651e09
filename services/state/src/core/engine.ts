import type { SyncOutcome, SyncQuestion } from '@internode/contracts';

/** What the core asks of the engine beside the store. Answers of peers are encoded SyncAnswers, as they came. */
export type EngineRequest =
  /** A new life of the core: goes on with the checkpoints that are on the disk. */
  | { readonly kind: 'begin' }
  /** Of what the writes asked for before have made. */
  | { readonly kind: 'checkpoint'; readonly height: number }
  | { readonly kind: 'serve'; readonly question: SyncQuestion }
  /** What the store is to become. */
  | { readonly kind: 'target'; readonly manifestRoot: Uint8Array; readonly answer: Uint8Array }
  | { readonly kind: 'target-part'; readonly index: number; readonly answer: Uint8Array }
  /** Compares what is there with the target and deletes what differs. */
  | { readonly kind: 'plan' }
  /** Gives the answer away: it must not be read any more. */
  | { readonly kind: 'apply'; readonly indices: readonly number[]; readonly answer: Uint8Array }
  /** The tip of the target, once its chunk was applied. */
  | { readonly kind: 'tip' };

/** Chunks that are fetched with one question. */
export interface Group {
  readonly indices: readonly number[];
  readonly bytes: number;
}

/** A checkpoint that is on the disk but cannot be served. */
export interface Dropped {
  readonly height: number;
  readonly reason: string;
}

export type EngineAnswer =
  | { readonly kind: 'done' }
  /** Checkpoints of these heights are served. */
  | {
      readonly kind: 'begun';
      readonly heights: readonly number[];
      readonly dropped: readonly Dropped[];
    }
  | {
      readonly kind: 'checkpoint';
      readonly height: number;
      readonly stateRoot: Uint8Array;
      readonly manifestRoot: Uint8Array;
      readonly chunks: number;
      readonly bytes: number;
      readonly hashedBytes: number;
    }
  | { readonly kind: 'no-checkpoint' }
  /** An encoded SyncAnswer. */
  | {
      readonly kind: 'served';
      readonly outcome: SyncOutcome;
      readonly answer: Uint8Array;
      /** That was found out about. */
      readonly dropped?: Dropped;
    }
  | {
      readonly kind: 'target';
      readonly height: number;
      readonly stateRoot: Uint8Array;
      readonly parts: number;
    }
  | {
      readonly kind: 'plan';
      /** In the order of keys: what stands before pages, layouts among it, is applied before any page is. */
      readonly phases: readonly [readonly Group[], readonly Group[]];
      readonly bytes: number;
      readonly reusedBytes: number;
    }
  | { readonly kind: 'applied'; readonly bytes: number }
  | { readonly kind: 'tip'; readonly tip: Uint8Array | undefined }
  /** The peer has no such content, or not now. */
  | { readonly kind: 'refused'; readonly outcome: SyncOutcome }
  /** What a peer gave is not what was asked for. */
  | { readonly kind: 'rejected'; readonly reason: string };
