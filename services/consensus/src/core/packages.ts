// Catch-up packages: the newest one that holds, and at most one per peer that nobody has checked yet. A package proves a
// summary, its block and the state of its height under the subnet's permanent key, to whoever knows nothing else (protocol 2.8).
import {
  type CatchUpPackage,
  contract,
  decodeCatchUpContent,
  decodeCatchUpPackage,
  encodeCatchUpContent,
  encodeCatchUpPackage,
} from '@internode/contracts';
import { catchUpMessage } from '@internode/crypto';
import { BoundedMap, bytesEqual } from '@internode/prelude';
import { CONSENSUS_LIMITS } from '../limits.ts';
import type { SignatureCheck } from './action.ts';
import { hashOfPayload, payloadOf } from './artifact.ts';

export const PACKAGE = contract(
  'CatchUpPackage',
  'types',
  'catch_up_package',
  encodeCatchUpPackage,
  decodeCatchUpPackage,
);
const CONTENT = contract(
  'CatchUpContent',
  'types',
  'catch_up_content',
  encodeCatchUpContent,
  decodeCatchUpContent,
);

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 48;

export interface Offered {
  readonly package: CatchUpPackage;
  readonly id: string;
  readonly peer: string;
  isChecking: boolean;
}

export class Packages {
  #newest: CatchUpPackage | undefined;
  /** Since when a package has been ahead of this node: time for it to get there by itself. */
  #aheadMs = Number.NEGATIVE_INFINITY;
  readonly #offered = new BoundedMap<string, Offered>(
    CONSENSUS_LIMITS.packagesOfferedMax,
    'drop-oldest',
  );

  get newest(): CatchUpPackage | undefined {
    return this.#newest;
  }

  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** Of the newest one; 0 = genesis. */
  get height(): number {
    return this.#newest?.content.block.height ?? 0;
  }

  /** Waiting to be checked, the highest first: a lie costs one check and its peer's turn. */
  get offered(): readonly Offered[] {
    const offered = [...this.#offered.keys()].map((peer) => this.#offered.get(peer) as Offered);
    return offered.sort((a, b) => heightOf(b.package) - heightOf(a.package));
  }

  /** The last word of a peer counts, but not while another one is being checked. */
  offer(offered: Offered): void {
    if (this.#offered.get(offered.peer)?.isChecking === true) return;
    this.#offered.set(offered.peer, offered);
  }

  drop(peer: string): void {
    this.#offered.delete(peer);
  }

  /** `reached`: the height that this node has come to by itself. */
  keep(kept: CatchUpPackage, reached: number, nowMs: number): void {
    if (this.height <= reached) this.#aheadMs = nowMs;
    this.#newest = kept;
  }
}

export function heightOf({ content }: CatchUpPackage): number {
  return content.block.height;
}

/** What is wrong with a package whatever its signature. */
export function faultOfPackage({
  content,
  summary,
  signature,
}: CatchUpPackage): string | undefined {
  const { block, summaryHash, beacon, stateRoot, manifestRoot } = content;
  if (block.height === 0 || block.height !== summary.height) return 'height of the summary';
  if (!bytesEqual(summaryHash, block.payloadHash)) return 'summary hash';
  if (!bytesEqual(hashOfPayload({ ...payloadOf([]), summary }), block.payloadHash))
    return 'summary is not that of the block';
  if (stateRoot.length !== HASH_BYTES || manifestRoot.length !== HASH_BYTES) return 'root length';
  if (beacon.length === 0 || beacon.length > SIGNATURE_BYTES) return 'beacon length';
  return signature.length === SIGNATURE_BYTES ? undefined : 'signature length';
}

export function checkOfPackage(
  { content, signature }: CatchUpPackage,
  subnetId: Uint8Array,
  permanentKey: Uint8Array,
): SignatureCheck {
  const message = catchUpMessage(subnetId, CONTENT.encode(content));
  return { publicKey: permanentKey, message, signature };
}
