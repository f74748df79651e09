// What waits for a service. Two lanes, control before bulk; each bounded in items and bytes. Waiting time, depth and
// drops are counted by construction, so no room can forget to.
import { BoundedQueue } from '@internode/prelude';

export type Lane = 'control' | 'bulk';

/** What a full lane does with one more: answer with a refusal, forget the oldest, or stop the service. */
export type WhenFull = 'refuse' | 'drop-oldest' | 'crash';

export interface LaneLimits {
  readonly itemsMax: number;
  readonly bytesMax: number;
}

export interface MailboxLimits {
  readonly control: LaneLimits;
  readonly bulk: LaneLimits;
}

export interface Offering<Item> {
  readonly item: Item;
  readonly lane: Lane;
  readonly whenFull: WhenFull;
  readonly bytes: number;
}

export type Offered<Item> =
  | { readonly kind: 'taken'; readonly dropped: readonly Item[] }
  | { readonly kind: 'refused' }
  | { readonly kind: 'overflow' };

export interface MailboxFigures {
  readonly depth: { readonly control: number; readonly bulk: number };
  readonly bytes: { readonly control: number; readonly bulk: number };
  readonly taken: number;
  readonly dropped: number;
  readonly refused: number;
  readonly waitMsTotal: number;
  readonly waitMsMax: number;
}

interface Slot<Item> {
  readonly item: Item;
  readonly bytes: number;
  readonly bounded: boolean;
  readonly order: number;
  readonly offeredMs: number;
}

// The ring's own bound; the lane's limits are what counts.
const ITEMS_MAX = 2 ** 30;
const NOTHING: readonly never[] = [];

/** First in, first out. What may be dropped waits in a queue of its own, so that dropping never touches the rest. */
class LaneQueue<Item> {
  readonly limits: LaneLimits;
  readonly #firm = new BoundedQueue<Slot<Item>>(ITEMS_MAX);
  readonly #droppable = new BoundedQueue<Slot<Item>>(ITEMS_MAX);
  bytes = 0;
  #bounded = 0;

  constructor(limits: LaneLimits) {
    this.limits = limits;
  }

  get size(): number {
    return this.#firm.size + this.#droppable.size;
  }

  /** A lone item larger than the lane is let in: the bus bounds a message's size. */
  fits(bytes: number): boolean {
    if (this.#bounded === 0) return true;
    return this.#bounded < this.limits.itemsMax && this.bytes + bytes <= this.limits.bytesMax;
  }

  put(slot: Slot<Item>, droppable: boolean): void {
    (droppable ? this.#droppable : this.#firm).offer(slot);
    this.bytes += slot.bytes;
    if (slot.bounded) this.#bounded += 1;
  }

  shift(): Slot<Item> | undefined {
    const firm = this.#firm.peek();
    const droppable = this.#droppable.peek();
    const first = !droppable || (firm && firm.order < droppable.order);
    return this.#removed((first ? this.#firm : this.#droppable).shift());
  }

  dropOldest(): Slot<Item> | undefined {
    return this.#removed(this.#droppable.shift());
  }

  #removed(slot: Slot<Item> | undefined): Slot<Item> | undefined {
    if (slot === undefined) return undefined;
    this.bytes -= slot.bytes;
    if (slot.bounded) this.#bounded -= 1;
    return slot;
  }
}

export class Mailbox<Item> {
  readonly #control: LaneQueue<Item>;
  readonly #bulk: LaneQueue<Item>;
  #order = 0;
  #taken = 0;
  #dropped = 0;
  #refused = 0;
  #waitMsTotal = 0;
  #waitMsMax = 0;

  constructor(limits: MailboxLimits) {
    this.#control = new LaneQueue(limits.control);
    this.#bulk = new LaneQueue(limits.bulk);
  }

  get size(): number {
    return this.#control.size + this.#bulk.size;
  }

  /**
   * Offers what came from outside. A full lane first forgets its oldest droppable items, whoever is offered;
   * then the offer's own policy decides.
   */
  offer(offering: Offering<Item>, nowMs: number): Offered<Item> {
    const lane = offering.lane === 'control' ? this.#control : this.#bulk;
    let dropped: Item[] | undefined;
    while (!lane.fits(offering.bytes)) {
      const slot = lane.dropOldest();
      if (slot === undefined) return this.#full(offering, dropped ?? []);
      this.#dropped += 1;
      dropped ??= [];
      dropped.push(slot.item);
    }
    const { item, bytes, whenFull } = offering;
    const slot = { item, bytes, bounded: true, order: this.#order++, offeredMs: nowMs };
    lane.put(slot, whenFull === 'drop-oldest');
    return { kind: 'taken', dropped: dropped ?? NOTHING };
  }

  /** Takes in what the service itself asked for (timers, answers): control, never dropped, bounded by its asking. */
  offerOwn(item: Item, nowMs: number): void {
    const slot = { item, bytes: 0, bounded: false, order: this.#order++, offeredMs: nowMs };
    this.#control.put(slot, false);
  }

  take(nowMs: number): Item | undefined {
    const slot = this.#control.shift() ?? this.#bulk.shift();
    if (slot === undefined) return undefined;
    const waitedMs = nowMs - slot.offeredMs;
    this.#taken += 1;
    this.#waitMsTotal += waitedMs;
    if (waitedMs > this.#waitMsMax) this.#waitMsMax = waitedMs;
    return slot.item;
  }

  figures(): MailboxFigures {
    return {
      depth: { control: this.#control.size, bulk: this.#bulk.size },
      bytes: { control: this.#control.bytes, bulk: this.#bulk.bytes },
      taken: this.#taken,
      dropped: this.#dropped,
      refused: this.#refused,
      waitMsTotal: this.#waitMsTotal,
      waitMsMax: this.#waitMsMax,
    };
  }

  #full(offering: Offering<Item>, dropped: Item[]): Offered<Item> {
    if (offering.whenFull === 'crash') return { kind: 'overflow' };
    if (offering.whenFull === 'refuse') {
      this.#refused += 1;
      return { kind: 'refused' };
    }
    this.#dropped += 1;
    return { kind: 'taken', dropped: [...dropped, offering.item] };
  }
}
