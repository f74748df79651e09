import type { Place } from '@internode/contracts';
import { assert } from '@internode/prelude';
import type { Bus } from './ports.ts';

/** A bus that refuses to speak or hear outside its own node: a breach is a bug of ours, so it throws. */
export function scopedBus(bus: Bus, place: Place): Bus {
  const scope = `internode.${place.subnet}.${place.node}.`;
  return {
    handsOver: bus.handsOver,
    publish: (envelope) => {
      assert(envelope.subject.startsWith(scope), `publish outside ${scope}: ${envelope.subject}`);
      bus.publish(envelope);
    },
    subscribe: (subject, deliver, group) => {
      assert(subject.startsWith(scope), `subscribe outside ${scope}: ${subject}`);
      return bus.subscribe(subject, deliver, group);
    },
  };
}
