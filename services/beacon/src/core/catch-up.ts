// Catch-up packages: what a summary height looked like, signed by the subnet, so that others can start from it.
import type {
  Block,
  CatchUpContent,
  CatchUpPackage,
  CheckpointMade,
  EpochBegan,
  Summary,
} from '@internode/contracts';
import type { OfferId, Offers } from './offers.ts';
import type { Outbox } from './outbox.ts';
import { CATCH_UP, contentHashOf } from './wire.ts';
import type { Finished, Workshop } from './workshop.ts';

interface Known {
  readonly summary: Summary;
  readonly block: Block;
  readonly beacon: Uint8Array | undefined;
}

export class CatchUp {
  readonly #workshop: Workshop;
  readonly #offers: Offers;
  readonly #outbox: Outbox;
  /** Of the newest summary. */
  #known: Known | undefined;
  #checkpoint: CheckpointMade | undefined;
  #content: CatchUpContent | undefined;
  #made: { readonly package: CatchUpPackage; readonly offer: OfferId | undefined } | undefined;

  constructor(workshop: Workshop, offers: Offers, outbox: Outbox) {
    this.#workshop = workshop;
    this.#offers = offers;
    this.#outbox = outbox;
  }

  epochBegan({ summary, block, beacon }: EpochBegan): void {
    const older = this.#known !== undefined && summary.height < this.#known.summary.height;
    if (block === undefined || older) return;
    this.#known = { summary, block, beacon: beacon.length > 0 ? beacon : undefined };
    this.prepare();
  }

  checkpointMade(checkpoint: CheckpointMade): void {
    if (this.#checkpoint !== undefined && checkpoint.height < this.#checkpoint.height) return;
    this.#checkpoint = checkpoint;
    const made = this.#made?.package;
    if (made?.summary.height !== checkpoint.height) return this.prepare();
    this.#outbox.publish({ kind: 'CatchUpPackageMade', package: made });
  }

  /** Signs when all that the package says is known here: its block, its beacon, its state. */
  prepare(): void {
    const [known, checkpoint] = [this.#known, this.#checkpoint];
    const height = known?.summary.height;
    if (known === undefined || height === undefined || checkpoint?.height !== height) return;
    if (height <= this.#workshop.marks.catch_up) return;
    const beacon = this.#workshop.histories.beacon.get(height)?.signature ?? known.beacon;
    const round = this.#workshop.round('catch_up', height);
    if (beacon === undefined || round === undefined) return;
    if (round.content === undefined) {
      const { block } = known;
      const { stateRoot, manifestRoot } = checkpoint;
      const summaryHash = block.payloadHash;
      this.#content = { block, summaryHash, beacon, stateRoot, manifestRoot };
      round.content = contentHashOf(this.#content);
      round.released = true;
    }
    this.#workshop.drive(round);
  }

  finished({ height, signature }: Finished): void {
    const [known, content] = [this.#known, this.#content];
    this.#workshop.marks.catch_up = height;
    if (known?.summary.height !== height || content === undefined) return;
    const made = { content, summary: known.summary, signature };
    this.#offers.withdraw(this.#made?.offer);
    this.#made = { package: made, offer: this.#offers.publish('catch_up', CATCH_UP.encode(made)) };
    this.#outbox.publish({ kind: 'CatchUpPackageMade', package: made });
  }
}
