// Blocks whose maker's signature is good and whose bodies are being gathered. Each holds the bodies it has, so that no quota of
// the pool keeps a block from being complete. At most two blocks per maker and height are gathered: two are evidence.
import { CONSENSUS_LIMITS } from '../limits.ts';
import { type HashKey, type Ingress, keyOf, sizeOfIngress } from './artifact.ts';
import { completed } from './intake.ts';
import type { BlockRecord } from './pool.ts';

export interface Gathered {
  /** Of the unvalidated artifact. */
  readonly id: string;
  readonly record: BlockRecord;
  readonly missing: ReadonlyMap<HashKey, Uint8Array>;
  /** The record with its bodies; undefined while some are missing. */
  readonly complete: BlockRecord | undefined;
  /** Its bodies together are larger than a block may be. */
  readonly tooLarge: boolean;
  readonly begunMs: number;
  askedMs: number;
  asks: number;
}

class Collection implements Gathered {
  readonly id: string;
  readonly record: BlockRecord;
  readonly missing = new Map<HashKey, Uint8Array>();
  readonly bodies = new Map<HashKey, Ingress>();
  readonly begunMs: number;
  complete: BlockRecord | undefined;
  askedMs = Number.NEGATIVE_INFINITY;
  asks = 0;
  #bytes = 0;

  constructor(id: string, record: BlockRecord, begunMs: number) {
    this.id = id;
    this.record = record;
    this.begunMs = begunMs;
    for (const ingressId of record.stripped?.payload.ingressIds ?? [])
      this.missing.set(keyOf(ingressId), ingressId);
  }

  get tooLarge(): boolean {
    return this.#bytes > CONSENSUS_LIMITS.payloadBytesMax;
  }

  take(key: HashKey, ingress: Ingress): void {
    if (!this.missing.delete(key)) return;
    this.#bytes += sizeOfIngress(ingress);
    this.bodies.set(key, ingress);
    if (this.tooLarge) {
      this.missing.clear();
      this.bodies.clear();
    }
    this.finish();
  }

  finish(): void {
    const { stripped } = this.record;
    if (this.missing.size > 0 || this.tooLarge || stripped === undefined) return;
    const { ingressIds, ...rest } = stripped.payload;
    const ingress = ingressIds.map((id) => this.bodies.get(keyOf(id)) as Ingress);
    this.complete = completed(this.record, { ...stripped, payload: { ...rest, ingress } });
  }
}

export class Gathering {
  readonly #collections = new Map<string, Collection>();

  get all(): ReadonlyMap<string, Gathered> {
    return this.#collections;
  }

  get(id: string): Gathered | undefined {
    return this.#collections.get(id);
  }

  /** Another block of the same maker and height that is being gathered. */
  rivalOf(record: BlockRecord): BlockRecord | undefined {
    for (const { record: other } of this.#collections.values()) {
      const same = other.maker === record.maker && other.block.height === record.block.height;
      if (same && other.key !== record.key) return other;
    }
    return undefined;
  }

  begin(
    begun: { readonly id: string; readonly record: BlockRecord; readonly nowMs: number },
    held: (key: HashKey) => Ingress | undefined,
  ): void {
    const collection = new Collection(begun.id, begun.record, begun.nowMs);
    this.#collections.set(begun.id, collection);
    for (const key of [...collection.missing.keys()]) {
      const ingress = held(key);
      if (ingress !== undefined) collection.take(key, ingress);
    }
    collection.finish();
  }

  end(id: string): void {
    this.#collections.delete(id);
  }

  /** The blocks that miss this message. */
  wanting(key: HashKey): readonly Gathered[] {
    if (this.#collections.size === 0) return [];
    return [...this.#collections.values()].filter((collection) => collection.missing.has(key));
  }

  arrived(key: HashKey, ingress: Ingress): void {
    for (const collection of this.#collections.values()) collection.take(key, ingress);
  }

  asked(id: string, nowMs: number): void {
    const collection = this.#collections.get(id);
    if (collection === undefined) return;
    collection.askedMs = nowMs;
    collection.asks += 1;
  }
}
