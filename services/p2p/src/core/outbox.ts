// What one step does: effects in order, and parts for peers, which leave in as few frames as they fit into.
import type { Effect, Instant } from '@internode/actor';
import type { Message, PeerPart } from '@internode/contracts';
import { FRAME_LIMITS } from '../limits.ts';
import type { Limited, Misdeed, P2pEvent } from './event.ts';
import { type Frame, NO_TAIL, type Part, PEER_FRAME, withTail } from './frame.ts';
import type { Peer } from './peer.ts';

export type P2pEffect = Effect<never, P2pEvent>;
export type Timer =
  | 'offer-again'
  | 'beat'
  | 'ask-epoch'
  | 'flush'
  | 'flush-echo'
  | 'flush-late'
  | 'look-after';

type Complaint = Extract<P2pEvent, { readonly kind: 'PeerMisbehaved' | 'PeerLimited' }>;

interface Parcel {
  readonly peers: readonly Peer[];
  readonly bulk: boolean;
  readonly parts: PeerPart[];
}

export class Outbox {
  readonly #life: number;
  #effects: P2pEffect[] = [];
  #parcels = new Map<string | readonly Peer[], Parcel>();
  readonly #timing = new Set<string>();
  /** By peer and kind. */
  readonly #complaints = new Map<string, Complaint>();
  now: Instant = { ms: 0, unixNanos: 0n };
  framesSent = 0;

  constructor(life: number) {
    this.#life = life;
  }

  get life(): number {
    return this.#life;
  }

  begin(now: Instant): void {
    this.now = now;
    this.#effects = [];
  }

  /** The effects of the step, frames last. */
  end(): readonly P2pEffect[] {
    for (const { peers, bulk, parts } of this.#parcels.values()) {
      const nodeIds = peers.map(({ nodeId }) => nodeId);
      for (const frame of framesOf(this.#life, parts)) {
        this.framesSent += nodeIds.length;
        this.publish({ kind: 'SendFrame', peers: nodeIds, bulk, ...frame });
      }
    }
    this.#parcels.clear();
    return this.#effects;
  }

  publish(message: Message): void {
    this.#effects.push({ kind: 'publish', message });
  }

  observe(event: P2pEvent): void {
    this.#effects.push({ kind: 'observe', event });
  }

  misbehaved(peer: string, what: Misdeed): void {
    this.#complain(`${peer}/${what}`, { kind: 'PeerMisbehaved', peer, what, times: 0 });
  }

  limited(peer: Peer | undefined, what: Limited): void {
    const key = peer?.key ?? '';
    this.#complain(`${key}/${what}`, { kind: 'PeerLimited', peer: key, what, times: 0 });
  }

  /** Counted and told together: what a peer does often is not to cost us often. */
  tellComplaints(): void {
    for (const event of this.#complaints.values()) this.observe(event);
    this.#complaints.clear();
  }

  #complain(name: string, complaint: Complaint): void {
    const known = this.#complaints.get(name);
    const times = (known?.times ?? 0) + 1;
    this.#complaints.set(name, { ...complaint, times });
  }

  /** One part to many. What the same list of them is told in a step leaves together. */
  sendAll(peers: readonly Peer[], part: Part): void {
    if (peers.length > 0) this.#parcel(peers, peers, false).push({ part });
  }

  send(peer: Peer, part: Part, bulk = false): void {
    if (peer.up) this.#parcel(bulk ? `${peer.key}/bulk` : peer.key, [peer], bulk).push({ part });
  }

  /** Unless it runs already, so that repetition does not put it off. */
  startTimer(token: Timer, delayMs: number): void {
    if (this.#timing.has(token)) return;
    this.#timing.add(token);
    this.#effects.push({ kind: 'wait', token, delayMs });
  }

  timerRang(token: string): void {
    this.#timing.delete(token);
  }

  waitFor(token: string, delayMs: number): void {
    this.#effects.push({ kind: 'wait', token, delayMs });
  }

  cancel(token: string): void {
    this.#effects.push({ kind: 'cancel', token });
  }

  #parcel(key: string | readonly Peer[], peers: readonly Peer[], bulk: boolean): PeerPart[] {
    let parcel = this.#parcels.get(key);
    if (parcel === undefined) {
      parcel = { peers, bulk, parts: [] };
      this.#parcels.set(key, parcel);
    }
    return parcel.parts;
  }
}

function* framesOf(life: number, parts: readonly PeerPart[]): Generator<Frame> {
  let gathered: PeerPart[] = [];
  let bytes = 0;
  const gatheredFrame = (): Frame => {
    const frame = PEER_FRAME.encode({ life, parts: gathered });
    gathered = [];
    bytes = 0;
    return { frame, tail: NO_TAIL, done: false };
  };
  for (const part of parts) {
    const more = sizeOf(part.part);
    const alone = withTail(life, part.part);
    const isFull = alone !== undefined || bytes + more > FRAME_LIMITS.frameBytesAim;
    if (gathered.length > 0 && isFull) yield gatheredFrame();
    if (alone !== undefined) yield alone;
    else {
      gathered.push(part);
      bytes += more;
    }
  }
  if (gathered.length > 0) yield gatheredFrame();
}

/** Of one change without its body, and of a part beside its bodies: rather too much. */
export const CHANGE_BYTES = 72;
const PART_BYTES = 96;
const ID_BYTES = 34;

/** About how long a part is when encoded, rather more. */
function sizeOf(part: Part): number {
  switch (part.kind) {
    case 'updates': {
      let bytes = PART_BYTES;
      for (const { content } of part.updates.changes)
        bytes += CHANGE_BYTES + (content?.body?.length ?? 0);
      return bytes;
    }
    case 'want':
      return PART_BYTES;
    case 'fetch':
      return PART_BYTES + ID_BYTES * part.fetch.ids.length;
    case 'chunk':
      return PART_BYTES + part.chunk.body.length;
    case 'direct':
      return PART_BYTES + part.direct.body.length;
    case 'ask':
      return PART_BYTES + part.ask.body.length;
    case 'answer':
      return PART_BYTES + part.answer.body.length;
    default:
      return part satisfies never;
  }
}
