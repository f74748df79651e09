/** The checkpoints that are served: those of this life, and those of before that are on the disk. */
import type { SyncQuestion } from '@internode/contracts';
import { bytesEqual, Pool } from '@internode/prelude';
import type { Dropped } from '../core/engine.ts';
import type { Row, RowChange } from '../core/task.ts';
import { CHECKPOINT_LIMITS } from '../limits.ts';
import type { Base } from './build.ts';
import type { Holder } from './engine.ts';
import { heightOfPart, NOTES_RANGE, type Remembered, rememberedOf, rowsOf } from './remembered.ts';
import { type FlatChunk, flatten, PartCutter, serveChunks } from './serving.ts';
import { textOf } from './units.ts';
import { readAll, type Work } from './work.ts';

/** Rows on their way aside. */
export interface Keeping {
  /** Empty when nothing could be put aside. */
  readonly name: string;
  readonly done: Promise<void> | undefined;
}

interface Shelved<Held> extends Remembered {
  readonly chunks: readonly FlatChunk[];
  readonly held: Held;
  /** Of an earlier life: its rows were out of our sight, so each chunk is compared with its hash. */
  readonly isOld: boolean;
}

/** Content, or why there is none. */
export interface ServedPart {
  readonly part: Uint8Array | 'unknown_root' | 'no_such_part';
  /** The part's memory will be used again, and is nobody's after this. */
  readonly giveBack?: () => void;
  readonly dropped?: Dropped;
}

interface Restored {
  readonly newest: Base | undefined;
  readonly heights: readonly number[];
  readonly dropped: readonly Dropped[];
}

export class Shelf<Held> {
  readonly #holder: Holder<Held>;
  /** Oldest first. */
  #shelved: Shelved<Held>[] = [];
  readonly #cutters = new Pool(() => new PartCutter());
  /** Keys of what need not be remembered any more. */
  #stale: Uint8Array[] = [];

  constructor(holder: Holder<Held>) {
    this.#holder = holder;
  }

  /** To be called while the store is at just this height. */
  keep(height: number): Keeping {
    const taken = new Set(this.#holder.kept());
    let name = String(height);
    while (taken.has(name)) name += '+';
    try {
      return { name, done: this.#holder.keep(name) };
    } catch {
      // The disk is full: it is served for as long as this life lasts.
      return { name: '', done: undefined };
    }
  }

  /** Nothing came of it. */
  discard({ name, done }: Keeping): void {
    const drop = (): void => this.#drop(name);
    if (done === undefined) drop();
    else void done.then(drop, () => {});
  }

  #drop(name: string): void {
    if (name !== '') this.#holder.drop(name);
  }

  add(made: Remembered, held: Held): void {
    const isSame = ({ manifest }: Remembered) => bytesEqual(manifest.root, made.manifest.root);
    for (const same of this.#shelved.filter(isSame)) this.#retire(same);
    this.#put(made, held, false);
    const [oldest] = this.#shelved;
    if (this.#shelved.length > CHECKPOINT_LIMITS.keptMax && oldest) this.#retire(oldest);
  }

  #put(made: Remembered, held: Held, isOld: boolean): void {
    this.#shelved.push({ ...made, held, isOld, chunks: flatten(made.base.units) });
  }

  #retire(shelved: Shelved<Held>): void {
    this.#shelved = this.#shelved.filter((each) => each !== shelved);
    this.#holder.release(shelved.held);
    this.#drop(shelved.name);
    this.#stale.push(...rowsOf(shelved).map(({ key }) => key));
  }

  /** For a later life; without it all rows are read then. `held` is what the checkpoint was made of. */
  *remember(made: Remembered, keeping: Keeping, held: Held): Work<Held, void> {
    try {
      let { name } = keeping;
      try {
        yield { kind: 'await', work: keeping.done };
      } catch {
        name = '';
      }
      const notes = yield* readAll(held, NOTES_RANGE);
      const rows = rowsOf({ ...made, name });
      const isNew = new Set(rows.map(({ key }) => textOf(key)));
      const gone = [...this.#stale, ...notes.map(({ key }) => key)];
      const deletions = gone
        .filter((key) => !isNew.has(textOf(key)))
        .map((key): RowChange => ({ key, value: undefined }));
      yield { kind: 'write', batch: [...deletions, ...rows] };
      this.#stale = [];
    } catch {
      // The disk is full. What is remembered is older then, and still true with the notes that are there.
    }
  }

  /** From the rows of a store that another life has left. */
  restore(rows: readonly Row[]): Restored {
    for (const { held } of this.#shelved) this.#holder.release(held);
    this.#shelved = [];
    const kept = new Set(this.#holder.kept());
    const dropped: Dropped[] = [];
    const all = rememberedOf(rows);
    let newest: Base | undefined;
    for (const [height, remembered] of all) {
      newest = remembered?.base;
      if (remembered === undefined) {
        dropped.push({ height, reason: 'its manifest is not what was written' });
      } else if (kept.delete(remembered.name)) {
        this.#put(remembered, this.#holder.holdKept(remembered.name), true);
      }
    }
    for (const name of kept) this.#drop(name);
    const served = new Set(this.#shelved.map(({ height }) => height));
    const newestHeight = [...all.keys()].at(-1);
    this.#stale = rows
      .map(({ key }) => key)
      .filter((key) => heightOfPart(key) !== newestHeight && !served.has(heightOfPart(key)));
    return { newest, heights: [...served], dropped };
  }

  *serve(question: SyncQuestion): Work<Held, ServedPart> {
    const { manifestRoot, part, indices } = question;
    const shelved = this.#shelved.find(({ manifest }) => bytesEqual(manifest.root, manifestRoot));
    if (shelved === undefined) return { part: 'unknown_root' };
    const { manifest } = shelved;
    if (part === 'manifest_head') return { part: manifest.head };
    if (part === 'sub_manifest') {
      const content = indices.length === 1 ? manifest.parts[indices[0] as number] : undefined;
      return { part: content ?? 'no_such_part' };
    }
    try {
      const { held, isOld } = shelved;
      const found = yield* serveChunks(held, shelved, {
        indices,
        compares: isOld,
        cutters: this.#cutters,
      });
      if (found === undefined) return { part: 'no_such_part' };
      if (found !== 'other') return found;
    } catch (fault) {
      // A newer one took its place meanwhile, and what was held is not held any more.
      if (!this.#shelved.includes(shelved)) return { part: 'unknown_root' };
      if (!shelved.isOld && (fault as { code?: unknown }).code !== 'full') throw fault;
      // The store was opened again, and what this life held is gone; what was put aside is not.
      if (!shelved.isOld && this.#takeFromDisk(shelved)) return yield* this.serve(question);
      return this.#lose(shelved, fault instanceof Error ? fault.message : String(fault));
    }
    return this.#lose(shelved, 'a chunk is not what its hash says');
  }

  #takeFromDisk(shelved: Shelved<Held>): boolean {
    const { name, held } = shelved;
    if (!this.#holder.kept().includes(name)) return false;
    this.#holder.release(held);
    const onDisk = { ...shelved, held: this.#holder.holdKept(name), isOld: true };
    this.#shelved = this.#shelved.map((each) => (each === shelved ? onDisk : each));
    return true;
  }

  #lose(shelved: Shelved<Held>, reason: string): ServedPart {
    if (!this.#shelved.includes(shelved)) return { part: 'unknown_root' };
    this.#retire(shelved);
    return { part: 'unknown_root', dropped: { height: shelved.height, reason } };
  }
}
