import { Caller } from '@internode/actor';
import type { Host } from './host.ts';

/** Tells and hears under a unit's name, and asks nobody; ends with the host. */
export function speakerOf(host: Host, name: string): Caller {
  const speaker = new Caller({ name, ports: host, keyOf: {}, pendingMax: 1 });
  host.defer(() => speaker.close());
  return speaker;
}
