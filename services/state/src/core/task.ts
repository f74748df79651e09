import type { EngineAnswer, EngineRequest } from './engine.ts';
import type { KeyRange } from './rows.ts';

/** One row to write; `value` undefined deletes. */
export interface RowChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

export interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** What the core asks of the store and of the curve. Tasks of the store are performed in the order they are asked for. */
export type StateTask =
  /** All or nothing, also across a crash. With `sync` this and all before it survive a power cut. */
  | { readonly kind: 'write'; readonly changes: readonly RowChange[]; readonly sync: boolean }
  /** Deletes the rows of a range; not atomic. */
  | { readonly kind: 'sweep'; readonly range: KeyRange }
  | { readonly kind: 'get'; readonly key: Uint8Array }
  /** The first `limit` rows of a range. */
  | { readonly kind: 'range'; readonly range: KeyRange; readonly limit: number }
  /** Whether the subnet signed this root. */
  | { readonly kind: 'verify'; readonly root: Uint8Array; readonly signature: Uint8Array }
  /** Whether the subnet signed this catch-up package. */
  | {
      readonly kind: 'verify-package';
      readonly message: Uint8Array;
      readonly signature: Uint8Array;
    }
  /** Checkpoints and chunks, where the rows are. */
  | { readonly kind: 'engine'; readonly request: EngineRequest }
  /** Tells whoever runs the node that this state must not be served, and what people can do. */
  | { readonly kind: 'refuse'; readonly detail: string };

/** `full` is worth trying again; after `broken` the store answers nothing else. */
export interface StoreFault {
  readonly code: 'full' | 'corrupt' | 'broken';
  readonly detail: string;
}

export type StateAnswer =
  | { readonly kind: 'written' }
  | { readonly kind: 'swept' }
  | { readonly kind: 'got'; readonly value: Uint8Array | undefined }
  | { readonly kind: 'rows'; readonly rows: readonly Row[] }
  | { readonly kind: 'verified'; readonly valid: boolean }
  | { readonly kind: 'engine'; readonly answer: EngineAnswer }
  | { readonly kind: 'refused' }
  | { readonly kind: 'failed'; readonly fault: StoreFault };
