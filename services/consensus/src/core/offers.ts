// What this node offers to its peers, so that it can be withdrawn when it is of no use any more (protocol 3.1: the table
// of slots is the content of the validated pool). A node without peers offers nothing.
import type { Effect } from '@internode/actor';
import type { ArtifactKind } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { CERTIFICATE, STRIPPED_PROPOSAL, VOTE, type VotePurpose } from './artifact.ts';
import type { HeightPool } from './pool.ts';
import type { View } from './view.ts';

interface Offered {
  readonly height: number;
  readonly kind: ArtifactKind;
  readonly id: Uint8Array;
}

type Publish = Extract<Effect<never, never>, { kind: 'publish' }>;

export class Offers {
  #offered: Offered[] = [];

  add(
    height: number,
    artifact: { readonly kind: ArtifactKind; readonly id: Uint8Array; readonly body: Uint8Array },
  ): Publish {
    const { kind, id, body } = artifact;
    this.#offered.push({ height, kind, id });
    return { kind: 'publish', message: { kind: 'PublishArtifact', artifactKind: kind, id, body } };
  }

  /** Everything that is of use to peers, own votes too: whoever publishes it sees to it that they are durable. */
  everything(view: View, upTo = view.pool.notarized + 1): readonly Publish[] {
    if (view.epochs.alone) return [];
    const { pool } = view;
    const published: Publish[] = [];
    this.#offered = [];
    for (let height = pool.lowest; height <= upTo; height += 1) {
      const here = pool.at(height);
      if (here !== undefined) published.push(...this.#offerHeight(view, height, here));
    }
    return published;
  }

  withdrawShares(height: number): readonly Publish[] {
    return this.#withdraw((offered) => offered.height <= height && offered.kind.endsWith('_share'));
  }

  withdrawBelow(height: number): readonly Publish[] {
    return this.#withdraw((offered) => offered.height < height);
  }

  *#offerHeight(view: View, height: number, here: HeightPool): Generator<Publish> {
    const offer = (kind: ArtifactKind, body: Uint8Array): Publish =>
      this.add(height, { kind, id: sha256(body), body });
    const subnet = view.epochs.subnetOf(height);
    const { self } = subnet;
    for (const { stripped } of here.blocks.values()) {
      if (stripped !== undefined) yield offer('block_proposal', STRIPPED_PROPOSAL.encode(stripped));
    }
    for (const purpose of [
      'notarization',
      'finalization',
    ] as const satisfies readonly VotePurpose[]) {
      for (const certificate of here.certificates[purpose].values()) {
        yield offer(purpose, CERTIFICATE.encode(certificate));
      }
      if (self === undefined) continue;
      for (const [key, votes] of here.votes[purpose]) {
        // Votes that are added up go to few, and to all only when that has failed.
        const hidden =
          subnet.scheme === 'multi' && !view.flatVotes.has(`${purpose}/${height}/${key}`);
        if (hidden) continue;
        const signature = votes.get(self);
        const blockHash = here.blocks.get(key)?.hash;
        if (signature === undefined || blockHash === undefined) continue;
        const signer = subnet.member(self).nodeId;
        yield offer(`${purpose}_share`, VOTE.encode({ height, blockHash, signer, signature }));
      }
    }
  }

  #withdraw(gone: (offered: Offered) => boolean): readonly Publish[] {
    const withdrawn: Publish[] = [];
    this.#offered = this.#offered.filter((offered) => {
      if (!gone(offered)) return true;
      const { kind, id } = offered;
      withdrawn.push({
        kind: 'publish',
        message: { kind: 'WithdrawArtifact', artifactKind: kind, id },
      });
      return false;
    });
    return withdrawn;
  }
}
