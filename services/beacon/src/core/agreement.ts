// Shares that agree need no check. Of t + f shares at least t are from honest members, and t decide the polynomial: when all lie
// on one of degree t - 1, it is the group's (services/beacon/README.md). To find that out costs a quarter of a check, so whoever has
// t shares waits a little for f more before it pays for one.
import { assert } from '@internode/prelude';
import { BEACON_LIMITS } from '../limits.ts';
import type { Keyring } from './epochs.ts';
import type { Outbox } from './outbox.ts';
import { KEY_OF, type Round, type RoundKind } from './round.ts';
import { tokenOf } from './round-timers.ts';
import { faultsTolerated } from './subnet.ts';
import type { BeaconTask } from './task.ts';

/** So many shares prove a signature when they agree; undefined where checking it is cheaper, or nobody may be faulty. */
export function sufficientShares({ holders, threshold }: Keyring): number | undefined {
  const faults = faultsTolerated(holders.length);
  const sufficient = threshold + faults;
  return faults === 0 || sufficient > BEACON_LIMITS.agreeingSharesMax ? undefined : sufficient;
}

export class Patience {
  readonly #outbox: Outbox;
  /** Where members are far apart, silent or false, waiting is in vain: then nobody waits for so many heights. */
  readonly #pause: Partial<Record<RoundKind, number>> = {};
  readonly #waitsFrom: Partial<Record<RoundKind, number>> = {};
  readonly #lastInVainMs: Partial<Record<RoundKind, number>> = {};

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** Whether a round with enough shares to make its value waits for more. */
  waits(round: Round, shares: number): boolean {
    const { kind, height, ring, waiting } = round;
    const sufficient = sufficientShares(ring);
    if (sufficient === undefined || waiting === 'over') return false;
    if (shares >= sufficient) {
      if (waiting !== undefined)
        this.#outbox.add({ kind: 'cancel', token: tokenOf('agree', round) });
      round.waiting = 'over';
      return false;
    }
    if (waiting !== undefined) return true;
    if (height < (this.#waitsFrom[kind] ?? 0)) return false;
    round.waiting = { sinceMs: this.#outbox.now.ms };
    const delayMs = BEACON_LIMITS.agreementWaitMs;
    this.#outbox.add({ kind: 'wait', token: tokenOf('agree', round), delayMs });
    return true;
  }

  /** Shares agreed: the next round of this kind waits for them, too. */
  pays(kind: RoundKind): void {
    this.#pause[kind] = 0;
  }

  /** The time to wait is over. Whether that was in vain: the round goes on with what it has. */
  ends(round: Round): boolean {
    const { kind, height, waiting } = round;
    if (waiting === undefined || waiting === 'over') return false;
    round.waiting = 'over';
    // Rounds that waited at one time have learnt one thing.
    if (waiting.sinceMs < (this.#lastInVainMs[kind] ?? 0)) return true;
    const pause = Math.min(2 * (this.#pause[kind] ?? 0) + 1, BEACON_LIMITS.agreementPauseMax);
    this.#pause[kind] = pause;
    this.#waitsFrom[kind] = height + 1 + pause;
    this.#lastInVainMs[kind] = this.#outbox.now.ms;
    return true;
  }
}

export function combineTask(
  { kind, ring }: Round,
  message: Uint8Array,
  shares: readonly { readonly index: number; readonly signature: Uint8Array }[],
): BeaconTask {
  const { threshold, groupPublicKey, sharePublicKeys } = ring;
  return {
    kind: 'combine',
    key: KEY_OF[kind],
    groupPublicKey,
    threshold,
    sufficient: sufficientShares(ring),
    message,
    shares: shares.map(({ index, signature }) => {
      const publicKey = sharePublicKeys[index];
      assert(publicKey !== undefined, 'beacon: a share of a holder');
      return { index, publicKey, signature };
    }),
  };
}
