/**
 * Checkpoints of a store: their manifests, their chunks for others, and chunks of others for a store that is synced.
 * Lives where the rows are; knows nothing of threads (work.ts).
 */
import type { SyncQuestion } from '@internode/contracts';
import { unreachable } from '@internode/prelude';
import type { EngineAnswer, EngineRequest } from '../core/engine.ts';
import { keyAfter, TIP, TIP_KEY } from '../core/rows.ts';
import { CHECKPOINT_LIMITS } from '../limits.ts';
import { type Base, type Built, buildAll, buildChanged } from './build.ts';
import { encodeManifest } from './manifest.ts';
import { Notes } from './notes.ts';
import { ANYTHING, NOTES_RANGE, noteOf, PARTS_RANGE } from './remembered.ts';
import { flatten } from './serving.ts';
import { type Keeping, type ServedPart, Shelf } from './shelf.ts';
import { Target } from './target.ts';
import { read, readAll, type Work } from './work.ts';

export interface Holder<Held> {
  hold(): Held;
  release(held: Held): void;
  /** Puts aside what `hold` would see. Done beside, or at once. */
  keep(name: string): Promise<void> | undefined;
  kept(): readonly string[];
  holdKept(name: string): Held;
  drop(name: string): void;
  /** Very much is about to be written in order of its keys, or that is over: `Inside.fill`. */
  fill(isFilling: boolean): Promise<void> | undefined;
}

/** Requests that bring something from a peer. */
export type Given = Extract<EngineRequest, { answer: Uint8Array }>;

export class Engine<Held> {
  readonly #holder: Holder<Held>;
  readonly notes = new Notes();
  readonly #shelf: Shelf<Held>;
  #base: Base | undefined;
  /** Units that earlier lives wrote since `#base`. */
  #writtenBefore: readonly string[] = [];
  #target: Target | undefined;

  constructor(holder: Holder<Held>) {
    this.#holder = holder;
    this.#shelf = new Shelf(holder);
  }

  /** What is held is held when this is called; the work may be done later. */
  call(request: Exclude<EngineRequest, Given | { kind: 'serve' }>): Work<Held, EngineAnswer> {
    const { notes } = this;
    switch (request.kind) {
      case 'begin':
        notes.begin();
        return this.#begin(this.#holder.hold());
      case 'checkpoint': {
        const { height } = request;
        const written = notes.cut(height);
        return this.#checkpoint(height, written, {
          building: this.#holder.hold(),
          serving: this.#holder.hold(),
          keeping: this.#shelf.keep(height),
        });
      }
      case 'plan':
        return this.#plan(this.#holder.hold());
      case 'tip':
        return this.#tip();
      default:
        return unreachable(request);
    }
  }

  *#begin(held: Held): Work<Held, EngineAnswer> {
    try {
      this.#target = undefined;
      this.#base = undefined;
      const notes = (yield* readAll(held, NOTES_RANGE)).map(noteOf);
      this.#writtenBefore = notes.map(({ unit }) => unit);
      const { newest, heights, dropped } = this.#shelf.restore(yield* readAll(held, PARTS_RANGE));
      const isAllNoted = !this.#writtenBefore.includes(ANYTHING);
      this.#base = isAllNoted ? newest : undefined;
      this.notes.found(notes, newest !== undefined);
      return { kind: 'begun', heights, dropped };
    } finally {
      this.#holder.release(held);
    }
  }

  *#build(held: Held, written: ReadonlySet<string>): Work<Held, Built> {
    const base = this.#base;
    const all = new Set([...this.#writtenBefore, ...written]);
    this.#writtenBefore = [];
    // Whatever fails on the way, nothing is built on what was changed halfway.
    this.#base = undefined;
    const built = yield* base === undefined ? buildAll(held) : buildChanged(held, base, all);
    this.#base = built.base;
    return built;
  }

  *#checkpoint(
    height: number,
    written: ReadonlySet<string>,
    { building, serving, keeping }: { building: Held; serving: Held; keeping: Keeping },
  ): Work<Held, EngineAnswer> {
    let isShelved = false;
    try {
      const { base, hashedBytes } = yield* this.#build(building, written);
      const tip = yield* this.#tipOf(building);
      if (tip === undefined || tip.height !== height) return { kind: 'no-checkpoint' };
      const manifest = encodeManifest(base.units, tip);
      const { name } = keeping;
      const made = { height, stateRoot: tip.root, base, manifest, name };
      this.#shelf.add(made, serving);
      isShelved = true;
      yield* this.#shelf.remember(made, keeping, building);
      const chunks = flatten(base.units);
      return {
        kind: 'checkpoint',
        height,
        stateRoot: tip.root,
        manifestRoot: manifest.root,
        chunks: chunks.length,
        bytes: chunks.reduce((sum, { chunk }) => sum + chunk.bytes, 0),
        hashedBytes,
      };
    } finally {
      this.#holder.release(building);
      if (!isShelved) {
        this.#holder.release(serving);
        this.#shelf.discard(keeping);
      }
    }
  }

  *#tipOf(held: Held) {
    const [row] = yield* read(held, { gte: TIP_KEY, lt: keyAfter(TIP_KEY) });
    const tip = row && TIP.decode(row.value);
    return tip?.kind === 'valid' ? tip.value : undefined;
  }

  /** What a question is answered with. */
  serve(question: SyncQuestion): Work<Held, ServedPart> {
    return this.#shelf.serve(question);
  }

  /** The local half of a sync: what is there is compared, and what the target does not have is deleted. */
  *#plan(held: Held): Work<Held, EngineAnswer> {
    const plan = yield* this.#planned(held);
    if (plan.kind === 'plan' && plan.bytes >= CHECKPOINT_LIMITS.filledBytesMin)
      yield { kind: 'await', work: this.#holder.fill(true) };
    return plan;
  }

  *#planned(held: Held): Work<Held, EngineAnswer> {
    try {
      const target = this.#target;
      if (target?.isWhole !== true)
        return { kind: 'rejected', reason: 'the manifest is not whole' };
      const { base } = yield* this.#build(held, this.notes.take());
      return yield* target.plan(held, base);
    } finally {
      this.#holder.release(held);
    }
  }

  /** Takes what a peer gave, unpacked. */
  *take(request: Given, content: Uint8Array): Work<Held, EngineAnswer> {
    if (request.kind === 'target') {
      const target = Target.of(request.manifestRoot, content, this.notes);
      if (target === undefined)
        return { kind: 'rejected', reason: 'not the head of this manifest' };
      this.#target = target;
      const { height, stateRoot, subManifests } = target.head;
      return { kind: 'target', height, stateRoot, parts: subManifests.length };
    }
    const target = this.#target;
    if (target === undefined) return { kind: 'rejected', reason: 'there is no target' };
    if (request.kind === 'target-part') return target.addPart(request.index, content);
    return yield* target.apply(request.indices, content);
  }

  *#tip(): Work<Held, EngineAnswer> {
    yield { kind: 'await', work: this.#holder.fill(false) };
    return { kind: 'tip', tip: this.#target?.tip };
  }
}
