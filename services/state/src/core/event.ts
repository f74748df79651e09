import type { SyncOutcome } from '@internode/contracts';

/** Facts for observers; they change nothing. */
export type StateEvent =
  | {
      readonly kind: 'StoreOpened';
      readonly height: number;
      readonly canisters: number;
      readonly requests: number;
    }
  | {
      readonly kind: 'StateHashed';
      readonly height: number;
      readonly root: Uint8Array;
      readonly requests: number;
      readonly pages: number;
    }
  | { readonly kind: 'StateCertified'; readonly height: number; readonly completed: number }
  | {
      readonly kind: 'StateCommitted';
      readonly height: number;
      readonly heights: number;
      readonly bytes: number;
      readonly tookMs: number;
      readonly synced: boolean;
    }
  | { readonly kind: 'CertifiedReadAnswered'; readonly bytes: number; readonly refused: boolean }
  /** A message that no honest service sends, or that a peer made up. Dropped. */
  | { readonly kind: 'MessageIgnored'; readonly message: string; readonly reason: string }
  /** A batch is not taken: too much waits for its certification or for the store. It is asked for again. */
  | { readonly kind: 'BatchDeferred'; readonly height: number; readonly reason: string }
  /** The disk refused. Nothing new is taken or certified until it works again. */
  | { readonly kind: 'StoreFailing'; readonly detail: string }
  | { readonly kind: 'StoreRecovered' }
  /** The manifest of a summary height is known; `hashedBytes` of its bytes were written since the last one. */
  | {
      readonly kind: 'CheckpointMade';
      readonly height: number;
      readonly chunks: number;
      readonly bytes: number;
      readonly hashedBytes: number;
    }
  /** Checkpoints of before the start are served. */
  | { readonly kind: 'CheckpointsKept'; readonly heights: readonly number[] }
  /** A checkpoint on the disk is not what was written. It is not served any more. */
  | { readonly kind: 'CheckpointDropped'; readonly height: number; readonly reason: string }
  /** It was heard of too late, or the last ones are not done. */
  | { readonly kind: 'CheckpointMissed'; readonly height: number }
  | { readonly kind: 'PartServed'; readonly outcome: SyncOutcome; readonly bytes: number }
  | { readonly kind: 'SyncBegan'; readonly height: number }
  | {
      readonly kind: 'SyncProgressed';
      readonly height: number;
      readonly done: number;
      readonly all: number;
      readonly perSecond: number;
    }
  /** A peer gave what is not what was asked for. It is not asked again during this sync. */
  | { readonly kind: 'SyncPeerDropped'; readonly peer: Uint8Array; readonly reason: string }
  | {
      readonly kind: 'SyncDone';
      readonly height: number;
      readonly bytesFetched: number;
      readonly bytesReused: number;
    }
  /** For good: serving what is stored could be wrong. */
  | { readonly kind: 'StateRefused'; readonly detail: string };
