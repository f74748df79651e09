// Own dealings and complaints, shown to the own consensus and to peers until the chain has them.
import type { ComplaintMade, DealingMade, DkgTarget, Message } from '@internode/contracts';
import type { OfferId, Offers } from './offers.ts';
import type { Outbox } from './outbox.ts';
import { COMPLAINT, DEALING } from './wire.ts';

interface OwnPart {
  readonly target: DkgTarget;
  readonly message: Message;
  readonly offer: OfferId | undefined;
}

export class OwnParts {
  readonly #offers: Offers;
  readonly #outbox: Outbox;
  readonly #parts = new Map<string, OwnPart>();

  constructor(offers: Offers, outbox: Outbox) {
    this.#offers = offers;
    this.#outbox = outbox;
  }

  get size(): number {
    return this.#parts.size;
  }

  has(name: string): boolean {
    return this.#parts.has(name);
  }

  show(name: string, message: DealingMade | ComplaintMade): void {
    this.withdraw(name);
    const isDealing = message.kind === 'DealingMade';
    const { target } = isDealing ? message.dealing : message.complaint;
    const offer = isDealing
      ? this.#offers.publish('dealing', DEALING.encode(message.dealing))
      : this.#offers.publish('complaint', COMPLAINT.encode(message.complaint));
    this.#parts.set(name, { target, message, offer });
    this.#outbox.publish(message);
  }

  withdraw(name: string): void {
    this.#offers.withdraw(this.#parts.get(name)?.offer);
    this.#parts.delete(name);
  }

  withdrawBefore(summaryHeight: number): void {
    for (const [name, part] of this.#parts) {
      if (part.target.summaryHeight < summaryHeight) this.withdraw(name);
    }
  }

  /** The bus forgets: what the own consensus has to hear is said again. */
  repeat(): void {
    for (const { message } of this.#parts.values()) this.#outbox.publish(message);
  }
}
