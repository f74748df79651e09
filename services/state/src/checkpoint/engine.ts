/**
 * Checkpoints of a store: their manifests, their chunks for others, and chunks of others for a store that is synced.
 * Lives where the rows are; knows nothing of threads (work.ts).
 */
import type { SyncQuestion } from '@internode/contracts';
import { bytesEqual, unreachable } from '@internode/prelude';
import type { EngineAnswer, EngineRequest } from '../core/engine.ts';
import { keyAfter, TIP, TIP_KEY } from '../core/rows.ts';
import { CHECKPOINT_LIMITS } from '../limits.ts';
import { type Base, type Built, buildAll, buildChanged } from './build.ts';
import { type EncodedManifest, encodeManifest } from './manifest.ts';
import { type FlatChunk, flatten, serveChunks } from './serving.ts';
import { Target } from './target.ts';
import { unitOfStored } from './units.ts';
import { read, type Work } from './work.ts';

export interface Holder<Held> {
  hold(): Held;
  release(held: Held): void;
}

interface Checkpoint<Held> {
  readonly manifest: EncodedManifest;
  readonly base: Base;
  readonly chunks: readonly FlatChunk[];
  readonly held: Held;
}

/** Requests that bring something from a peer. */
export type Given = Extract<EngineRequest, { answer: Uint8Array }>;

/** Content, or why there is none. */
export type Part = Uint8Array | 'unknown_root' | 'no_such_part';

export class Engine<Held> {
  readonly #holder: Holder<Held>;
  #base: Base | undefined;
  /** Units that were written since `#base`, or since the last checkpoint was begun. */
  #written = new Set<string>();
  #checkpoints: Checkpoint<Held>[] = [];
  #target: Target | undefined;

  constructor(holder: Holder<Held>) {
    this.#holder = holder;
  }

  writing(keys: Iterable<Uint8Array>): void {
    for (const key of keys) {
      const unit = unitOfStored(key);
      if (unit !== undefined) this.#written.add(unit);
    }
  }

  /** What is held is held when this is called; the work may be done later. */
  call(request: Exclude<EngineRequest, Given | { kind: 'serve' }>): Work<Held, EngineAnswer> {
    switch (request.kind) {
      case 'begin':
        return this.#begin();
      case 'checkpoint': {
        const written = this.#written;
        this.#written = new Set();
        return this.#checkpoint(request.height, written, [
          this.#holder.hold(),
          this.#holder.hold(),
        ]);
      }
      case 'plan':
        return this.#plan(this.#holder.hold());
      case 'tip':
        return this.#tip();
      default:
        return unreachable(request);
    }
  }

  // biome-ignore lint/correctness/useYield: work that asks for nothing
  *#begin(): Work<Held, EngineAnswer> {
    for (const { held } of this.#checkpoints) this.#holder.release(held);
    this.#checkpoints = [];
    this.#target = undefined;
    // What the store of the last life lost in a crash is not known here.
    this.#base = undefined;
    return { kind: 'done' };
  }

  *#build(held: Held, written: ReadonlySet<string>): Work<Held, Built> {
    const base = this.#base;
    // Whatever fails on the way, nothing is built on what was changed halfway.
    this.#base = undefined;
    const built = yield* base === undefined ? buildAll(held) : buildChanged(held, base, written);
    this.#base = built.base;
    return built;
  }

  *#checkpoint(
    height: number,
    written: ReadonlySet<string>,
    [building, serving]: [Held, Held],
  ): Work<Held, EngineAnswer> {
    let isKept = false;
    try {
      const { base, hashedBytes } = yield* this.#build(building, written);
      const tip = yield* this.#tipOf(building);
      if (tip === undefined || tip.height !== height) return { kind: 'no-checkpoint' };
      const manifest = encodeManifest(base.units, tip);
      const chunks = flatten(base.units);
      this.#checkpoints.push({ manifest, base, chunks, held: serving });
      isKept = true;
      if (this.#checkpoints.length > CHECKPOINT_LIMITS.keptMax) {
        const oldest = this.#checkpoints.shift();
        if (oldest !== undefined) this.#holder.release(oldest.held);
      }
      const bytes = chunks.reduce((sum, { chunk }) => sum + chunk.bytes, 0);
      const { root } = manifest;
      return {
        kind: 'checkpoint',
        height,
        stateRoot: tip.root,
        manifestRoot: root,
        chunks: chunks.length,
        bytes,
        hashedBytes,
      };
    } finally {
      this.#holder.release(building);
      if (!isKept) this.#holder.release(serving);
    }
  }

  *#tipOf(held: Held) {
    const [row] = yield* read(held, { gte: TIP_KEY, lt: keyAfter(TIP_KEY) });
    const tip = row && TIP.decode(row.value);
    return tip?.kind === 'valid' ? tip.value : undefined;
  }

  /** What a question is answered with; undefined when there is no such checkpoint. */
  *serve({ manifestRoot, part, indices }: SyncQuestion): Work<Held, Part> {
    const isAsked = ({ manifest }: Checkpoint<Held>) => bytesEqual(manifest.root, manifestRoot);
    const checkpoint = this.#checkpoints.find(isAsked);
    if (checkpoint === undefined) return 'unknown_root';
    const { manifest, chunks, base, held } = checkpoint;
    if (part === 'manifest_head') return manifest.head;
    if (part === 'sub_manifest') {
      const content = indices.length === 1 ? manifest.parts[indices[0] as number] : undefined;
      return content ?? 'no_such_part';
    }
    return (yield* serveChunks(held, { base, chunks }, indices)) ?? 'no_such_part';
  }

  /** The local half of a sync: what is there is compared, and what the target does not have is deleted. */
  *#plan(held: Held): Work<Held, EngineAnswer> {
    try {
      const target = this.#target;
      if (target?.isWhole !== true)
        return { kind: 'rejected', reason: 'the manifest is not whole' };
      const written = this.#written;
      this.#written = new Set();
      const { base } = yield* this.#build(held, written);
      return yield* target.plan(held, base);
    } finally {
      this.#holder.release(held);
    }
  }

  /** Takes what a peer gave, unpacked. */
  *take(request: Given, content: Uint8Array): Work<Held, EngineAnswer> {
    if (request.kind === 'target') {
      const target = Target.of(request.manifestRoot, content);
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

  // biome-ignore lint/correctness/useYield: work that asks for nothing
  *#tip(): Work<Held, EngineAnswer> {
    return { kind: 'tip', tip: this.#target?.tip };
  }
}
