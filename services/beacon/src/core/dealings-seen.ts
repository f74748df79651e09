// Which dealings of the running epoch are known to be in final blocks.
import type { DkgTarget, Summary } from '@internode/contracts';
import { positionOf } from '@internode/crypto';
import { toHex } from '@internode/prelude';
import { nameOfTarget } from './sharings.ts';

export interface Dealt {
  readonly target: DkgTarget;
  readonly dealer: Uint8Array;
}

export class DealingsSeen {
  /** By target and dealer: at which height its dealing stands. */
  readonly #heights = new Map<string, number>();

  clear(): void {
    this.#heights.clear();
  }

  has(dealt: Dealt): boolean {
    return this.#heights.has(nameOf(dealt));
  }

  /** Whether it is the one that counts as far as is known: of two of one dealer that is the lower one. */
  note(height: number, dealt: Dealt): boolean {
    const name = nameOf(dealt);
    const known = this.#heights.get(name);
    if (known !== undefined && known <= height) return false;
    this.#heights.set(name, height);
    return true;
  }

  /** Whether some dealer has dealt nothing to this node. */
  lacksFor(nodeId: Uint8Array, { configs }: Summary): boolean {
    return configs.some(
      ({ target, dealers, receivers }) =>
        has(receivers, nodeId) && dealers.some((dealer) => !this.has({ target, dealer })),
    );
  }
}

export function nameOf({ target, dealer }: Dealt): string {
  return `${nameOfTarget(target)}/${toHex(dealer)}`;
}

export function has(nodes: readonly Uint8Array[], node: Uint8Array): boolean {
  return positionOf(nodes, node) >= 0;
}
