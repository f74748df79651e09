// What passes in bulk leaves three times its size in garbage outside V8's heap. Left to itself V8 notices by how much there is, and
// goes through all that lives to be rid of it: of three replicas that serve a state, a tenth of their processor time. That garbage is young, and to
// collect the young takes a millisecond.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LINK_LIMITS } from '../limits.ts';

type Collect = (options: { readonly type: 'minor' }) => void;

export class YoungGarbage {
  readonly #collect = collector();
  #bytes = 0;

  /** So many bytes have passed. */
  passed(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < LINK_LIMITS.collectedBytes) return;
    this.#bytes = 0;
    this.#collect({ type: 'minor' });
  }
}

/** V8 gives its collector to the contexts that are made while the flag is set. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('globalThis.gc') as Collect | undefined;
  setFlagsFromString('--no-expose-gc');
  return collect ?? (() => {});
}
