// Changes of a table as they are told: in updates that follow one another, each short enough for a frame.
import type { ArtifactKind, SlotChange, SlotUpdates } from '@internode/contracts';
import { FRAME_LIMITS, OFFER_LIMITS } from '../limits.ts';
import { CHANGE_BYTES } from './outbox.ts';
import type { Change, Slot } from './slot-table.ts';

/** Large, and many have the same: advertised, unless small. */
const PATIENT: ReadonlySet<ArtifactKind> = new Set(['ingress', 'catch_up', 'dealing']);

function isPushed({ artifactKind, body, echo }: Slot): boolean {
  if (body.length < OFFER_LIMITS.pushBytesMax) return true;
  return !echo && !PATIENT.has(artifactKind) && body.length <= OFFER_LIMITS.urgentBytesMax;
}

function changeOf(change: Change): SlotChange {
  const { slot, commit } = change;
  if (!('body' in change)) return { slot, commit };
  const { artifactKind, id, body } = change;
  const content = { artifactKind, id, size: body.length };
  return { slot, commit, content: isPushed(change) ? { ...content, body } : content };
}

/** What it costs to tell. */
export function sizeOf({ changes }: SlotUpdates): number {
  let bytes = CHANGE_BYTES;
  for (const { content } of changes) bytes += CHANGE_BYTES + (content?.body?.length ?? 0);
  return bytes;
}

export function bytesOf(change: Change): number {
  return CHANGE_BYTES + ('body' in change && isPushed(change) ? change.body.length : 0);
}

/** From `after` to `through`. */
export function* updatesOf(
  changes: readonly Change[],
  after: number,
  through: number,
): Generator<SlotUpdates> {
  let from = after;
  let part: SlotChange[] = [];
  let bytes = 0;
  for (const change of changes) {
    const more = bytesOf(change);
    if (part.length > 0 && bytes + more > FRAME_LIMITS.frameBytesAim) {
      const to = part.at(-1)?.commit ?? from;
      yield { after: from, through: to, commit: through, changes: part, last: false };
      from = to;
      part = [];
      bytes = 0;
    }
    part.push(changeOf(change));
    bytes += more;
  }
  yield { after: from, through, commit: through, changes: part, last: false };
}

/** The table stands at this commit: who knows less asks. */
export function standingAt(commit: number): SlotUpdates {
  return { after: commit, through: commit, commit, changes: [], last: false };
}
