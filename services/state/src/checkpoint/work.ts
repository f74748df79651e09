// Work on a store, written straight: a generator that yields what it asks for, so that the same code runs in the thread of a
// store on disk and in place on one in memory.
import { type KeyRange, keyAfter } from '../core/rows.ts';
import type { Row, RowChange } from '../core/task.ts';
import { CHECKPOINT_LIMITS } from '../limits.ts';

export type Ask<Held> =
  | {
      readonly kind: 'read';
      readonly held: Held;
      readonly range: KeyRange;
      readonly bytesMax: number;
    }
  | { readonly kind: 'write'; readonly batch: readonly RowChange[] }
  /** Resumed when it is done. */
  | { readonly kind: 'await'; readonly work: Promise<void> | undefined };

/** Resumed with the rows that were read. */
export type Work<Held, T> = Generator<Ask<Held>, T, readonly Row[]>;

/** The next rows of a range; none at its end. */
export function* read<Held>(held: Held, range: KeyRange): Work<Held, readonly Row[]> {
  return yield { kind: 'read', held, range, bytesMax: CHECKPOINT_LIMITS.readBytes };
}

/** All rows of a range: for few of them. */
export function* readAll<Held>(held: Held, range: KeyRange): Work<Held, Row[]> {
  const all: Row[] = [];
  for (let { gte } = range; ; ) {
    const rows = yield* read(held, { gte, lt: range.lt });
    const last = rows.at(-1);
    if (last === undefined) return all;
    all.push(...rows);
    gte = keyAfter(last.key);
  }
}
