// What was asked of a peer and is not awaited any more, because it was too slow or another one was faster: what still comes
// of it is of no use, and no misdeed.
import { BoundedSet } from '@internode/prelude';
import { FETCH_LIMITS } from '../limits.ts';
import type { Peer } from './peer.ts';

export class Late {
  readonly #names = new BoundedSet<string>(FETCH_LIMITS.lateMax, 'drop-oldest');

  add({ key }: Peer, name: string): void {
    this.#names.add(`${key}/${name}`);
  }

  has({ key }: Peer, name: string): boolean {
    return this.#names.has(`${key}/${name}`);
  }
}
