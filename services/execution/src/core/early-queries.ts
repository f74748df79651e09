// Queries that came before the state that has to answer them: of a tip that is being loaded, or of one older than what the client has
// seen certified. They wait for it for a while.
import type { ExecuteQuery } from '@internode/contracts';
import { QUERIES, QUERY_TIP_WAIT_MS } from '../limits.ts';
import { type Fiber, type Fibers, until } from './fibers.ts';
import type { Queries } from './queries.ts';

interface Waiting {
  readonly query: ExecuteQuery;
  readonly signal: string;
}

export interface EarlyQueriesOptions {
  readonly fibers: Fibers;
  readonly queries: Queries;
  /** Whether the tip may answer. */
  readonly shows: (query: ExecuteQuery) => boolean;
  /** Told of one that has to wait. */
  readonly onWait?: () => void;
}

export class EarlyQueries {
  readonly #options: EarlyQueriesOptions;
  readonly #waiting = new Set<Waiting>();
  #count = 0;

  constructor(options: EarlyQueriesOptions) {
    this.#options = options;
  }

  /** The newest height that one waits for. */
  get heightWanted(): number {
    let height = 0;
    for (const { query } of this.#waiting) height = Math.max(height, query.minHeight ?? 0);
    return height;
  }

  hear(query: ExecuteQuery): void {
    const { fibers, queries, shows } = this.#options;
    if (shows(query) || this.#waiting.size >= QUERIES) queries.ask(query, shows(query));
    else fibers.start(this.#wait(query));
  }

  /** The tip has changed. */
  release(): void {
    if (this.#waiting.size === 0) return;
    for (const { query, signal } of [...this.#waiting])
      if (this.#options.shows(query)) this.#options.fibers.raise(signal);
  }

  *#wait(query: ExecuteQuery): Fiber {
    const { queries, shows, onWait } = this.#options;
    const waiting = { query, signal: `early query ${this.#count++}` };
    this.#waiting.add(waiting);
    onWait?.();
    yield* until(waiting.signal, QUERY_TIP_WAIT_MS);
    this.#waiting.delete(waiting);
    queries.ask(query, shows(query));
  }
}
