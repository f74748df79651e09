import type { ServiceFigures } from '@internode/actor';
import type { Checker } from '@internode/sim';

/** Nothing piles up: so few users never fill a mailbox, whatever the weather. */
const DEPTH_MAX = 256;
/** Peers say again what they still offer, all of it at once. */
const DEPTH_AMONG_PEERS_MAX = 2_048;
/** Looked at every so many events. */
const EVERY = 32;

/** Among peers who flood, messages may be dropped; what waits stays bounded. */
export function mailboxes(
  figures: ReadonlyMap<string, () => ServiceFigures>,
  peers: 'alone' | 'honest' | 'flooding' = 'alone',
): Checker {
  const depthMax = peers === 'alone' ? DEPTH_MAX : DEPTH_AMONG_PEERS_MAX;
  let events = 0;
  const look = (): string | undefined => {
    for (const [name, figuresOf] of figures) {
      const { depth, dropped, refused } = figuresOf().mailbox;
      if (depth.control + depth.bulk > depthMax)
        return `${name} has ${depth.control} + ${depth.bulk} waiting`;
      if (peers !== 'flooding' && dropped + refused > 0)
        return `${name} dropped ${dropped} and refused ${refused} messages`;
    }
    return undefined;
  };
  return {
    name: 'mailboxes',
    onEvent: () => {
      events += 1;
      return events % EVERY === 0 ? look() : undefined;
    },
    atEnd: look,
  };
}
