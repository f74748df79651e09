/** What passes between replicas: checkpoints for others, and the state of others for us. */
import type { Instant } from '@internode/actor';
import type { Message } from '@internode/contracts';
import { Checkpoints } from './checkpoints.ts';
import type { Commits } from './commits.ts';
import { Syncing, type SyncRoom, type SyncStep } from './syncing.ts';
import type { StateAnswer } from './task.ts';

export type ReplicationStep = SyncStep;

export interface ReplicationOptions extends SyncRoom {
  readonly checkpoints: boolean;
}

/** The store as it is while it holds a state. */
interface Holding {
  readonly tip: { readonly height: number };
  readonly commits: Commits;
}

const NOTHING: readonly ReplicationStep[] = [];
const CHECKPOINTS = ['checkpoint:', 'serve:'];

export class Replication {
  readonly #checkpoints: Checkpoints;
  readonly #syncing: Syncing;
  /** Without checkpoints there is no engine either, which a sync needs. */
  readonly #isOn: boolean;
  /** The store has no tip because a sync was interrupted. */
  #isInterrupted = false;

  constructor({ out, subnetId, seed, checkpoints }: ReplicationOptions) {
    this.#isOn = checkpoints;
    this.#checkpoints = new Checkpoints(out, checkpoints);
    this.#syncing = new Syncing({ out, subnetId, seed });
  }

  static owns(id: string): boolean {
    return Syncing.owns(id) || CHECKPOINTS.some((prefix) => id.startsWith(prefix));
  }

  get detail(): string | undefined {
    return this.#syncing.detail;
  }

  started(): void {
    this.#checkpoints.started();
  }

  hear(
    now: Instant,
    message: Extract<Message, { kind: 'EpochBegan' | 'PeerAsked' | 'PeerAnswered' | 'SyncState' }>,
    holding: Holding | undefined,
  ): readonly ReplicationStep[] {
    switch (message.kind) {
      case 'EpochBegan':
        this.#checkpoints.hear(message, holding?.commits);
        return NOTHING;
      case 'PeerAsked':
        if (message.topic === 'state_sync') this.#checkpoints.asked(message);
        return NOTHING;
      case 'PeerAnswered':
        if (message.topic !== 'state_sync') return NOTHING;
        return this.#syncing.answered(now, message);
      case 'SyncState': {
        const isKnown = holding !== undefined || this.#isInterrupted || this.#syncing.isActive;
        if (isKnown && this.#isOn) this.#syncing.hear(now, message, holding?.tip.height ?? 0);
        return NOTHING;
      }
    }
  }

  solved(now: Instant, id: string, answer: StateAnswer): readonly ReplicationStep[] {
    if (Syncing.owns(id)) return this.#syncing.solved(now, id, answer);
    this.#checkpoints.answered(id, answer);
    return NOTHING;
  }

  fired(now: Instant, token: string): readonly ReplicationStep[] {
    if (token === 'epoch') this.#checkpoints.askEpoch();
    else if (token === 'fetch') return this.#syncing.tick(now);
    else if (token === 'fetch-again') this.#syncing.again();
    return NOTHING;
  }

  interrupted(): void {
    this.#isInterrupted = true;
  }

  installed(height: number): void {
    this.#isInterrupted = false;
    this.#syncing.installed();
    this.#checkpoints.make(height);
  }

  taken(height: number, commits: Commits): void {
    this.#checkpoints.taken(height, commits);
  }

  stored(height: number): void {
    this.#checkpoints.make(height);
  }

  say(): void {
    this.#checkpoints.say();
  }
}
