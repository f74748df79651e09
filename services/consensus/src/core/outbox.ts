import type { Effect } from '@internode/actor';
import type { Message } from '@internode/contracts';
import { fromHex } from '@internode/prelude';
import type { ConsensusEvent } from './event.ts';
import type { ConsensusTask } from './task.ts';

export type ConsensusEffect = Effect<ConsensusTask, ConsensusEvent>;

/** A node id in hex; what the own services brought names a room instead, or nobody. */
const PEER = /^(?:[0-9a-f]{2})+$/;

/** The effects of one step, in the order in which they are to be performed. */
export class Outbox {
  #effects: ConsensusEffect[] = [];

  add(...effects: readonly ConsensusEffect[]): void {
    this.#effects.push(...effects);
  }

  publish(message: Message): void {
    this.#effects.push({ kind: 'publish', message });
  }

  observe(event: ConsensusEvent): void {
    this.#effects.push({ kind: 'observe', event });
    // p2p bounds what a peer may say: who says rubbish may say less.
    if (event.kind === 'ArtifactRejected' && PEER.test(event.peer))
      this.publish({ kind: 'BlamePeer', peer: fromHex(event.peer) });
  }

  take(): readonly ConsensusEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}

const DURABLE = 'durable/';

/** A timer that is set when an entry is durable: how the core hears of it. */
export function durableSignal(height: number): ConsensusEffect {
  return { kind: 'wait', token: `${DURABLE}${height}`, delayMs: 0 };
}

export function durableHeight(token: string): number | undefined {
  return token.startsWith(DURABLE) ? Number(token.slice(DURABLE.length)) : undefined;
}
