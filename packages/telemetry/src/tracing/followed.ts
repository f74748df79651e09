// Traced calls on their way, found by request id without making a string of it: most ids that are looked for are not there.
import type { TraceAttributes } from '@internode/actor';
import { bytesEqual } from '@internode/prelude';
import { FOLLOWED_MAX } from '../limits.ts';
import type { SpanName } from './trace-span.ts';

export interface Followed {
  readonly requestId: Uint8Array;
  /** The gateway's span: stages are below it. */
  readonly span: SpanName;
  readonly attributes: TraceAttributes;
  /** Of its arrival at the consensus of this node. */
  pooledMs: number | undefined;
}

export class FollowedCalls {
  readonly #byPrefix = new Map<number, Followed>();

  get size(): number {
    return this.#byPrefix.size;
  }

  add(call: Followed): void {
    const prefix = prefixOf(call.requestId);
    this.#byPrefix.delete(prefix);
    this.#byPrefix.set(prefix, call);
    if (this.#byPrefix.size <= FOLLOWED_MAX) return;
    const [oldest] = this.#byPrefix.keys();
    this.#byPrefix.delete(oldest as number);
  }

  get(requestId: Uint8Array): Followed | undefined {
    if (this.#byPrefix.size === 0) return undefined;
    const call = this.#byPrefix.get(prefixOf(requestId));
    return call !== undefined && bytesEqual(call.requestId, requestId) ? call : undefined;
  }

  delete(requestId: Uint8Array): void {
    if (this.get(requestId) !== undefined) this.#byPrefix.delete(prefixOf(requestId));
  }
}

/** Ids are hashes: four bytes tell a thousand of them apart. */
function prefixOf(id: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = id;
  return a * 0x1_00_00_00 + (b << 16) + (c << 8) + d;
}
