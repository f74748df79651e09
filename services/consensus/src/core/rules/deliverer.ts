// Protocol 2.4, the finalizer's second half: batches leave in order, each when its block is final and its tape is known.
import { type Action, NOTHING } from '../action.ts';
import type { View } from '../view.ts';

export function deliverer(view: View): readonly Action[] {
  const height = view.delivered + 1;
  if (height > view.pool.finalized || !view.tapes.has(height)) return NOTHING;
  return [{ kind: 'deliver', height }];
}
