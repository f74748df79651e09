import type { Effect, Instant } from '@internode/actor';
import type { Message } from '@internode/contracts';
import { fromHex } from '@internode/prelude';
import type { BeaconEvent } from './event.ts';
import type { BeaconTask } from './task.ts';

export type BeaconEffect = Effect<BeaconTask, BeaconEvent>;

/** A node id in hex; what the own services brought names a room instead, or nobody. */
const PEER = /^(?:[0-9a-f]{2})+$/;

/** The effects of one step, in the order in which they are to be performed. */
export class Outbox {
  /** Of the step that is under way. */
  now: Instant = { ms: 0, unixNanos: 0n };
  #effects: BeaconEffect[] = [];

  add(effect: BeaconEffect): void {
    this.#effects.push(effect);
  }

  publish(message: Message): void {
    this.#effects.push({ kind: 'publish', message });
  }

  observe(event: BeaconEvent): void {
    this.#effects.push({ kind: 'observe', event });
    // p2p bounds what a peer may say: who says rubbish may say less.
    if (event.kind === 'ArtifactRejected' && PEER.test(event.peer))
      this.publish({ kind: 'BlamePeer', peer: fromHex(event.peer) });
  }

  take(): readonly BeaconEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
