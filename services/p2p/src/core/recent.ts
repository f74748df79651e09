import { P2P_LIMITS } from '../limits.ts';
import type { Artifact } from './name.ts';

/** Bodies of calls that are final here, for peers that still lack them; the oldest make room. */
export class Recent {
  readonly #artifacts = new Map<string, Artifact>();
  #bytes = 0;

  get(name: string): Artifact | undefined {
    return this.#artifacts.get(name);
  }

  put(name: string, artifact: Artifact): void {
    if (this.#artifacts.has(name)) return;
    this.#artifacts.set(name, artifact);
    this.#bytes += artifact.body.length;
    const { recentMessagesMax, recentBytesMax } = P2P_LIMITS;
    for (const [oldest, { body }] of this.#artifacts) {
      if (this.#artifacts.size <= recentMessagesMax && this.#bytes <= recentBytesMax) break;
      this.#artifacts.delete(oldest);
      this.#bytes -= body.length;
    }
  }
}
