import type { ServiceFigures } from '@internode/actor';
import type { Checker } from '@internode/sim';

/** Nothing piles up: so few users never fill a mailbox, whatever the weather. */
const DEPTH_MAX = 256;
/** Looked at every so many events. */
const EVERY = 32;

export function mailboxes(figures: ReadonlyMap<string, () => ServiceFigures>): Checker {
  let events = 0;
  const look = (): string | undefined => {
    for (const [name, figuresOf] of figures) {
      const { depth, dropped, refused } = figuresOf().mailbox;
      if (depth.control + depth.bulk > DEPTH_MAX)
        return `${name} has ${depth.control} + ${depth.bulk} waiting`;
      if (dropped + refused > 0)
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
