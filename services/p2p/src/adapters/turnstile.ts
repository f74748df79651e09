// Whose connection comes next. A handshake costs us a millisecond and a caller nothing, so every place has a pace of its own: each
// address where a member is, and all others together. A crowd waits apart, and members pass it by; of a crowd the newest is let in first,
// since whoever has waited long has given up or is there to be in the way.
import type { Socket } from 'node:net';
import { Bucket } from '../core/bucket.ts';
import { LINK_LIMITS, PEER_LIMITS } from '../limits.ts';

interface Queue {
  readonly pace: Bucket;
  /** In the order in which they came, each with the end of its patience. */
  readonly waiting: Map<Socket, NodeJS.Timeout>;
  timer: NodeJS.Timeout | undefined;
}

const ELSEWHERE = '';

export class Turnstile {
  readonly #isMembers: (host: string) => boolean;
  readonly #begin: (socket: Socket) => void;
  readonly #queues = new Map<string, Queue>();

  constructor(isMembers: (host: string) => boolean, begin: (socket: Socket) => void) {
    this.#isMembers = isMembers;
    this.#begin = begin;
  }

  /** How many wait is for the caller to bound. */
  enter(socket: Socket): void {
    const queue = this.#queueOf(socket.remoteAddress ?? ELSEWHERE);
    queue.waiting.set(
      socket,
      setTimeout(() => socket.destroy(), LINK_LIMITS.openingMs),
    );
    socket.once('close', () => leave(queue, socket));
    if (queue.timer === undefined) this.#drain(queue);
  }

  close(): void {
    for (const queue of this.#queues.values()) {
      clearTimeout(queue.timer);
      for (const socket of [...queue.waiting.keys()]) leave(queue, socket);
    }
    this.#queues.clear();
  }

  #queueOf(host: string): Queue {
    const plain = host.startsWith(MAPPED) ? host.slice(MAPPED.length) : host;
    const place = this.#isMembers(plain) ? plain : ELSEWHERE;
    const known = this.#queues.get(place);
    if (known !== undefined) return known;
    // Of places where members were; those that still wait there are let in all the same.
    if (this.#queues.size > PEER_LIMITS.peersMax) this.#queues.clear();
    const { handshakesPerSecond, handshakesAtOnce } = LINK_LIMITS;
    const pace = new Bucket(handshakesPerSecond, handshakesAtOnce);
    const queue: Queue = { pace, waiting: new Map(), timer: undefined };
    this.#queues.set(place, queue);
    return queue;
  }

  #drain(queue: Queue): void {
    queue.timer = undefined;
    for (const socket of [...queue.waiting.keys()].reverse()) {
      if (!queue.pace.take(1, performance.now())) break;
      leave(queue, socket);
      this.#begin(socket);
    }
    if (queue.waiting.size === 0) return;
    const againMs = Math.ceil(1_000 / LINK_LIMITS.handshakesPerSecond);
    queue.timer = setTimeout(() => this.#drain(queue), againMs);
  }
}

function leave({ waiting }: Queue, socket: Socket): void {
  clearTimeout(waiting.get(socket));
  waiting.delete(socket);
}

/** How an address of version 4 looks on a port that listens for both. */
const MAPPED = '::ffff:';
