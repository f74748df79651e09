// Large subnets (protocol 8.3, Mode B): own shares go to a few members drawn by lot, who put the value together and offer
// it; when that takes too long to the next few, at last to everybody. Which few is known to all who know the round.
import type { ArtifactKind } from '@internode/contracts';
import { separator, sha256 } from '@internode/encoding';
import { bytesEqual, concatBytes, utf8 } from '@internode/prelude';
import { BEACON_LIMITS } from '../limits.ts';
import type { Keyring } from './epochs.ts';
import type { Offers } from './offers.ts';
import type { Outbox } from './outbox.ts';
import type { Round } from './round.ts';
import { tokenOf } from './round-timers.ts';

const DOMAIN = separator('internode-beacon-relays');

export function isLarge({ holders }: Keyring): boolean {
  return holders.length > BEACON_LIMITS.flatHoldersMax;
}

interface Relaying {
  readonly round: Round;
  /** The own share. */
  readonly body: Uint8Array;
  /** Unpredictable before the round. */
  readonly seed: Uint8Array;
}

interface Ways {
  readonly nodeId: Uint8Array;
  readonly offers: Offers;
  readonly outbox: Outbox;
}

/** To the members whose turn it is; when the timer fires, to the next. */
export function relay({ nodeId, offers, outbox }: Ways, { round, body, seed }: Relaying): void {
  const relays = relaysOf(round, round.relayed, seed);
  round.relayed += 1;
  if (relays === undefined) {
    round.offer = offers.publish(`${round.kind}_share`, body);
    return;
  }
  const toNodes = relays.filter((one) => !bytesEqual(one, nodeId));
  sendTo(outbox, toNodes, { artifactKind: `${round.kind}_share`, body });
  const token = tokenOf('relay', round);
  outbox.add({ kind: 'wait', token, delayMs: BEACON_LIMITS.relayAfterMs });
}

export function sendTo(
  outbox: Outbox,
  toNodes: readonly Uint8Array[],
  { artifactKind, body }: { readonly artifactKind: ArtifactKind; readonly body: Uint8Array },
): void {
  outbox.publish({ kind: 'SendArtifact', artifactKind, id: sha256(body), body, toNodes });
}

/** The members of this step, from 0; undefined when it is everybody's turn. */
function relaysOf(round: Round, step: number, seed: Uint8Array): readonly Uint8Array[] | undefined {
  const { relays, relaySteps } = BEACON_LIMITS;
  if (step >= relaySteps) return undefined;
  const { kind, height, ring } = round;
  const base = sha256(concatBytes(DOMAIN, utf8(`${kind}/${height}/`), seed));
  // The first draws of a Fisher-Yates shuffle of which only the places touched are kept.
  const moved = new Map<number, number>();
  const lots: number[] = [];
  for (let i = 0; i < relays * (step + 1); i += 1) {
    const other = i + (drawOf(base, i) % (ring.holders.length - i));
    lots.push(moved.get(other) ?? other);
    moved.set(other, moved.get(i) ?? i);
  }
  return lots.slice(relays * step).flatMap((lot) => ring.holders[lot] ?? []);
}

function drawOf(base: Uint8Array, draw: number): number {
  const hash = sha256(concatBytes(base, utf8(String(draw))));
  const view = new DataView(hash.buffer, hash.byteOffset);
  return view.getUint32(0) * 2 ** 20 + (view.getUint32(4) >>> 12);
}
