// One open stream to one peer: a bounded queue of two lanes out, a bounded pace in.
import { free, placeBytes } from '@internode/prelude';
import { Bucket } from '../core/bucket.ts';
import type { Frame } from '../core/frame.ts';
import { LINK_LIMITS } from '../limits.ts';
import { contextPiece } from './frame-context.ts';
import type { FrameStream } from './grpc-protocol.ts';

export interface LinkOwner {
  /** May this many bytes more of bulk wait, over all links? Counts them if so. */
  takeBulk(bytes: number): boolean;
  giveBulk(bytes: number): void;
  onFrame(frame: Uint8Array): void;
  onClosed(): void;
  onDropped(bytes: number): void;
  /** A large frame was written or read. */
  onLarge(bytes: number): void;
}

interface Taken {
  readonly pieces: readonly Uint8Array[];
  /** Those that nobody looks at any more once they were written. */
  readonly done: readonly Uint8Array[];
}

/** Frames in order, and their bytes. */
class Lane {
  readonly frames: Frame[] = [];
  bytes = 0;
  /** Trace context of the first that has one. */
  #context = '';

  put(frame: Frame, context: string): void {
    this.frames.push(frame);
    if (this.#context === '') this.#context = context;
    this.bytes += bytesOf(frame);
  }

  /** The pieces of the next message: frames one behind the other are a frame. */
  take(): Taken {
    let count = 0;
    let bytes = 0;
    for (const frame of this.frames) {
      const more = bytesOf(frame);
      if (count > 0 && bytes + more > LINK_LIMITS.joinBytesMax) break;
      count += 1;
      bytes += more;
    }
    const taken = this.frames.splice(0, count);
    this.bytes -= bytes;
    const pieces = taken.flatMap(({ frame, tail }) => (tail.length === 0 ? frame : [frame, tail]));
    const context = contextPiece(bytes, this.#context);
    this.#context = '';
    if (context !== undefined) pieces.push(context);
    return { pieces, done: taken.filter(({ done }) => done).map(({ tail }) => tail) };
  }
}

function bytesOf({ frame, tail }: Frame): number {
  return frame.length + tail.length;
}

export class Link {
  readonly #stream: FrameStream;
  readonly #owner: LinkOwner;
  readonly #fast = new Lane();
  readonly #bulk = new Lane();
  readonly #messages = new Bucket(LINK_LIMITS.messagesPerSecond, LINK_LIMITS.messagesPerSecond);
  readonly #bytes = new Bucket(LINK_LIMITS.bytesPerSecond, LINK_LIMITS.bytesPerSecond / 8);
  #writtenBytes = 0;
  #pumping = false;
  #closed = false;
  #pausedUntilMs = 0;
  #resuming: NodeJS.Timeout | undefined;

  constructor(stream: FrameStream, owner: LinkOwner) {
    this.#stream = stream;
    this.#owner = owner;
    stream.on('data', (frame: Buffer) => this.#read(frame));
    stream.on('error', () => this.close());
    stream.on('end', () => this.close());
    stream.on('close', () => this.close());
  }

  /** `context` is W3C trace context, or ''. */
  send(frame: Frame, bulk: boolean, context = ''): void {
    if (this.#closed) return;
    const lane = bulk ? this.#bulk : this.#fast;
    const { queueBytesMax, bulkBytesMax } = LINK_LIMITS;
    const bytes = bytesOf(frame);
    const fits = lane.bytes + bytes <= (bulk ? bulkBytesMax : queueBytesMax);
    if (!fits || (bulk && !this.#owner.takeBulk(bytes))) return this.#owner.onDropped(bytes);
    lane.put(frame, context);
    if (this.#pumping) return;
    this.#pumping = true;
    // Frames of this turn of the loop leave together.
    setImmediate(() => this.#pump());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#resuming);
    this.#owner.giveBulk(this.#bulk.bytes);
    // An error after this would have nobody to hear it.
    this.#stream.on('error', () => {});
    this.#owner.onClosed();
  }

  #pump(): void {
    this.#pumping = false;
    while (!this.#closed && this.#writtenBytes < LINK_LIMITS.writtenBytesMax) {
      const isFast = this.#fast.frames.length > 0;
      if (!isFast && this.#bulk.frames.length === 0) return;
      const lane = isFast ? this.#fast : this.#bulk;
      const { bytes } = lane;
      const taken = lane.take();
      if (!isFast) this.#owner.giveBulk(bytes - lane.bytes);
      this.#write(taken);
    }
  }

  #write({ pieces, done }: Taken): void {
    const message = messageOf(pieces);
    const { length } = message;
    this.#writtenBytes += length;
    this.#stream.write(message, () => {
      for (const tail of done) free(tail);
      this.#writtenBytes -= length;
      this.#passed(length);
      this.#pump();
    });
  }

  /** The peer is not read for so long, so that it has to wait. */
  pause(forMs: number): void {
    const untilMs = performance.now() + forMs;
    if (this.#closed || untilMs <= this.#pausedUntilMs) return;
    this.#pausedUntilMs = untilMs;
    clearTimeout(this.#resuming);
    this.#stream.pause();
    this.#resuming = setTimeout(() => this.#stream.resume(), forMs);
  }

  #read(frame: Buffer): void {
    if (this.#closed) return;
    const nowMs = performance.now();
    const isInPace = this.#messages.take(1, nowMs) && this.#bytes.take(frame.length, nowMs);
    if (!isInPace) this.pause(LINK_LIMITS.pauseMs);
    this.#owner.onFrame(frame);
    this.#passed(frame.length);
  }

  #passed(bytes: number): void {
    if (bytes >= LINK_LIMITS.largeBytesMin) this.#owner.onLarge(bytes);
  }
}

function messageOf(pieces: readonly Uint8Array[]): Buffer {
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined
    ? Buffer.from(first.buffer, first.byteOffset, first.length)
    : (new Pieces(pieces) as Pick<Buffer, 'length' | 'byteLength' | 'copy'> as Buffer);
}

/** gRPC copies a message behind a prefix of its own, and asks no more of it than this: so pieces need not be joined before. */
class Pieces {
  readonly length: number;
  readonly #pieces: readonly Uint8Array[];

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
    this.length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  get byteLength(): number {
    return this.length;
  }

  copy(target: Uint8Array, start = 0): number {
    placeBytes(target, this.#pieces, start);
    return this.length;
  }
}
