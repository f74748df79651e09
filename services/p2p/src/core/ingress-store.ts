// Calls that were admitted and are not final yet: the original of which consensus holds a copy. Bounded in all and per
// author, who is the signer of the call and not whoever carried it (protocol 3.4).
import type { Ingress } from '@internode/contracts';
import { toHex, toKey } from '@internode/prelude';
import { P2P_LIMITS } from '../limits.ts';
import { type Artifact, nameOf } from './name.ts';

export interface Admitted {
  readonly key: string;
  /** The complete encoded call under its hash. */
  readonly artifact: Artifact;
  readonly expiryNanos: bigint;
  readonly author: string;
  readonly bytes: number;
  saidMs: number;
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
  /** By the name of the artifact. */
  readonly #byName = new Map<string, Admitted>();
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

  named(name: string): Admitted | undefined {
    return this.#byName.get(name);
  }

  values(): IterableIterator<Admitted> {
    return this.#admitted.values();
  }

  /** `encode` is asked for the artifact once there is room for it. */
  admit(
    { ingress, sender }: { readonly ingress: Ingress; readonly sender: Uint8Array },
    nowMs: number,
    encode: () => Artifact,
  ): Admission {
    const key = toKey(ingress.requestId);
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
    const { expiryNanos } = ingress;
    const artifact = encode();
    const admitted = { key, artifact, expiryNanos, author, bytes, saidMs: nowMs };
    this.#admitted.set(key, admitted);
    this.#byName.set(nameOf('ingress', artifact.id), admitted);
    return 'admitted';
  }

  remove(key: string): Admitted | undefined {
    const admitted = this.#admitted.get(key);
    if (admitted === undefined) return undefined;
    this.#admitted.delete(key);
    this.#byName.delete(nameOf('ingress', admitted.artifact.id));
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
