// Whom a member of a large subnet tells at once what others brought: those at distances of 1, 2, 4, … to both sides in a ring of
// all members. Whoever tells all the others alone would be one of n who do; through circles it reaches all in log n steps, even
// when a third of the members keep it to themselves. Members that are all in the same order come from their ids: nobody's place is
// of his own choosing, since it depends on who else is there.
import { separator, sha256 } from '@internode/encoding';
import { concatBytes, toHex } from '@internode/prelude';
import { OFFER_LIMITS } from '../limits.ts';

const DOMAIN = separator('internode-p2p-circle');

/** Keys of the members in the circle of `self`; undefined where all tell all. */
export function circleOf(
  self: Uint8Array,
  others: readonly Uint8Array[],
): ReadonlySet<string> | undefined {
  if (others.length < OFFER_LIMITS.flatMembersMax) return undefined;
  const ids = new Map([self, ...others].map((id) => [toHex(id), id]));
  const sorted = [...ids].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, id]) => id);
  const seed = sha256(concatBytes(DOMAIN, ...sorted));
  const places = sorted.map((id) => ({
    key: toHex(id),
    place: toHex(sha256(concatBytes(seed, id))),
  }));
  const ring = places.sort((a, b) => (a.place < b.place ? -1 : 1)).map(({ key }) => key);
  const at = ring.indexOf(toHex(self));
  const circle = new Set<string>();
  for (let step = 1; step <= ring.length / 2; step *= 2) {
    for (const place of [at + step, at - step + ring.length])
      circle.add(ring[place % ring.length] ?? '');
  }
  return circle;
}
