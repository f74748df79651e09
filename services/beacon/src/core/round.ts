// One threshold signature in the making: shares come in, one value comes out. The same for beacon, tape and
// certification; they differ in key, in what is signed, and in when the own share may be shown.
import { catchUpMessageOf } from '@internode/crypto';
import { separator } from '@internode/encoding';
import { bytesEqual, concatBytes } from '@internode/prelude';
import type { Keyring } from './epochs.ts';
import type { OfferId } from './offers.ts';
import type { KeyName } from './task.ts';

export type RoundKind = 'beacon' | 'tape' | 'certification' | 'catch_up';

export const ROUND_KINDS: readonly RoundKind[] = ['beacon', 'tape', 'certification', 'catch_up'];

export interface Signed {
  readonly content: Uint8Array;
  readonly signature: Uint8Array;
}

const BEACON_DOMAIN = separator('internode-random-beacon');
const TAPE_DOMAIN = separator('internode-random-tape');
/** What every agent verifies (interface spec, "Certificate"): no height, no subnet, just the root. */
const CERTIFICATION_DOMAIN = separator('ic-state-root');

export const KEY_OF: Readonly<Record<RoundKind, KeyName>> = {
  beacon: 'low',
  tape: 'low',
  certification: 'high',
  catch_up: 'high',
};

/** The bytes that shares of a round sign. */
export function messageOf(
  kind: RoundKind,
  signed: { readonly subnetId: Uint8Array; readonly height: number; readonly content: Uint8Array },
): Uint8Array {
  const { subnetId, height, content } = signed;
  if (kind === 'certification') return concatBytes(CERTIFICATION_DOMAIN, content);
  if (kind === 'catch_up') return catchUpMessageOf(subnetId, content);
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(height));
  const domain = kind === 'beacon' ? BEACON_DOMAIN : TAPE_DOMAIN;
  return concatBytes(domain, subnetId, number, content);
}

export class Round {
  readonly kind: RoundKind;
  readonly height: number;
  /** The key of this height's epoch. */
  readonly ring: Keyring;
  /** What this node expects to be signed; unknown until the parent, or the state root, is known. */
  content: Uint8Array | undefined;
  /** Whether the own share may leave this node, and values be made with it. */
  released = false;
  /** The own share. Made ahead of its release, so that nobody waits for it then. */
  own: 'none' | 'signing' | 'absent' | Uint8Array = 'none';
  ownShown = false;
  /** In large subnets: how many groups of members have been sent the own share. */
  relayed = 0;
  offer: OfferId | undefined;
  /** By member index; one each. */
  readonly shares = new Map<number, Signed>();
  /** Finished values that peers claim, by peer; one each. */
  readonly claims = new Map<string, Signed>();
  busy = false;
  /** With shares enough to make the value, whether it waits for so many that they need no check. */
  waiting: { readonly sinceMs: number } | 'over' | undefined;

  constructor(kind: RoundKind, height: number, ring: Keyring) {
    this.kind = kind;
    this.height = height;
    this.ring = ring;
  }

  /** Shares of what this node expects, the own one included when it is released. */
  fittingShares(): { readonly index: number; readonly signature: Uint8Array }[] {
    const { content, ring } = this;
    const { self } = ring;
    if (content === undefined) return [];
    const fitting = [...this.shares]
      .filter(([, share]) => bytesEqual(share.content, content))
      .map(([index, share]) => ({ index, signature: share.signature }));
    if (this.released && this.own instanceof Uint8Array && self !== undefined)
      fitting.unshift({ index: self, signature: this.own });
    return fitting;
  }

  /** A claimed value that could be right, dropping those that cannot. */
  nextClaim(): { readonly peer: string; readonly signature: Uint8Array } | undefined {
    const { content } = this;
    if (content === undefined) return undefined;
    for (const [peer, claim] of this.claims) {
      if (bytesEqual(claim.content, content)) return { peer, signature: claim.signature };
      this.claims.delete(peer);
    }
    return undefined;
  }
}

export function nameOf(kind: RoundKind, height: number): string {
  return `${kind}/${height}`;
}
