// What this node offers its peers: kept, so that it can be said again when p2p has lost it.
import type { ArtifactKind, PublishArtifact } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import type { Outbox } from './outbox.ts';

/** A handle to withdraw by. */
export type OfferId = string;

export class Offers {
  readonly #outbox: Outbox;
  readonly #alone: () => boolean;
  readonly #offers = new Map<OfferId, PublishArtifact>();

  /** While `alone` nothing is offered: there is nobody to hear it. */
  constructor(outbox: Outbox, alone: () => boolean) {
    this.#outbox = outbox;
    this.#alone = alone;
  }

  publish(artifactKind: ArtifactKind, body: Uint8Array): OfferId | undefined {
    if (this.#alone()) return undefined;
    const id = sha256(body);
    const name = `${artifactKind}/${toHex(id)}`;
    const offer = { kind: 'PublishArtifact', artifactKind, id, body } as const;
    this.#offers.set(name, offer);
    this.#outbox.publish(offer);
    return name;
  }

  withdraw(name: OfferId | undefined): void {
    const offer = name === undefined ? undefined : this.#offers.get(name);
    if (name === undefined || offer === undefined) return;
    this.#offers.delete(name);
    const { artifactKind, id } = offer;
    this.#outbox.publish({ kind: 'WithdrawArtifact', artifactKind, id });
  }

  repeat(): void {
    for (const offer of this.#offers.values()) this.#outbox.publish(offer);
  }
}
