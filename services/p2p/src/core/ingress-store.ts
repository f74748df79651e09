// Calls that were admitted and are not final yet: the original of which consensus holds a copy. Bounded in all and per
// author, who is the signer of the call and not whoever carried it (protocol 3.4).
import type { Ingress } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { P2P_LIMITS } from '../limits.ts';

export interface Admitted {
  readonly key: string;
  readonly ingress: Ingress;
  readonly author: string;
  readonly bytes: number;
  offeredMs: number;
}

export type Admission =
  | 'admitted'
  | 'known'
  | 'pool is full'
  | 'author is over the quota'
  | 'too large';

interface Load {
  messages: number;
  bytes: number;
}

export class IngressStore {
  readonly #admitted = new Map<string, Admitted>();
  readonly #loads = new Map<string, Load>();
  #bytes = 0;

  get size(): number {
    return this.#admitted.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Admitted | undefined {
    return this.#admitted.get(key);
  }

  values(): IterableIterator<Admitted> {
    return this.#admitted.values();
  }

  admit(ingress: Ingress, sender: Uint8Array, nowMs: number): Admission {
    const key = toHex(ingress.requestId);
    if (this.#admitted.has(key)) return 'known';
    const bytes =
      ingress.envelope.length + ingress.effectiveCanisterId.length + ingress.requestId.length;
    if (bytes > P2P_LIMITS.ingressBytesEachMax) return 'too large';
    const author = toHex(sender);
    const load = this.#loads.get(author) ?? { messages: 0, bytes: 0 };
    if (this.#admitted.size >= P2P_LIMITS.ingressMessagesMax) return 'pool is full';
    if (this.#bytes + bytes > P2P_LIMITS.ingressBytesMax) return 'pool is full';
    if (load.messages >= P2P_LIMITS.authorMessagesMax) return 'author is over the quota';
    if (load.bytes + bytes > P2P_LIMITS.authorBytesMax) return 'author is over the quota';
    load.messages += 1;
    load.bytes += bytes;
    this.#loads.set(author, load);
    this.#bytes += bytes;
    this.#admitted.set(key, { key, ingress, author, bytes, offeredMs: nowMs });
    return 'admitted';
  }

  remove(key: string): Admitted | undefined {
    const admitted = this.#admitted.get(key);
    if (admitted === undefined) return undefined;
    this.#admitted.delete(key);
    this.#bytes -= admitted.bytes;
    const load = this.#loads.get(admitted.author);
    if (load !== undefined) {
      load.messages -= 1;
      load.bytes -= admitted.bytes;
      if (load.messages === 0) this.#loads.delete(admitted.author);
    }
    return admitted;
  }
}
