// One open stream to one peer: a bounded queue of two lanes out, a bounded pace in.
import { free, type Pool } from '@internode/prelude';
import { Bucket } from '../core/bucket.ts';
import type { Frame } from '../core/frame.ts';
import { FRAME_LIMITS, LINK_LIMITS } from '../limits.ts';
import { contextPiece } from './frame-context.ts';
import type { FrameStream } from './grpc-protocol.ts';

/** Enough for a chunk, its head and a context. */
export const JOINED_BYTES = FRAME_LIMITS.chunkBytes + 1024;

export interface LinkOwner {
  /** May this many bytes more of bulk wait, over all links? Counts them if so. */
  takeBulk(bytes: number): boolean;
  giveBulk(bytes: number): void;
  onFrame(frame: Uint8Array): void;
  onClosed(): void;
  onDropped(bytes: number): void;
  /** For a message in pieces; larger ones get memory of their own. */
  readonly joined: Pool<Buffer>;
  /** A large frame was written or read. */
  onLarge(bytes: number): void;
}

interface Taken {
  readonly pieces: readonly Uint8Array[];
  /** Those that nobody looks at any more once they were copied. */
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
      const { pieces, done } = lane.take();
      if (!isFast) this.#owner.giveBulk(bytes - lane.bytes);
      this.#write(pieces);
      // A frame with a tail is joined, which copies it.
      for (const tail of done) free(tail);
    }
  }

  #write(pieces: readonly Uint8Array[]): void {
    const { message, giveBack } = this.#joined(pieces);
    const { length } = message;
    this.#writtenBytes += length;
    this.#stream.write(message, () => {
      giveBack?.();
      this.#writtenBytes -= length;
      this.#passed(length);
      this.#pump();
    });
  }

  /** gRPC copies what it is given, so its memory is free again when it was written. */
  #joined(pieces: readonly Uint8Array[]): { message: Buffer; giveBack?: () => void } {
    const [first] = pieces;
    if (pieces.length === 1 && first !== undefined)
      return { message: Buffer.from(first.buffer, first.byteOffset, first.length) };
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const { largeBytesMin } = LINK_LIMITS;
    if (length < largeBytesMin || length > JOINED_BYTES) return { message: Buffer.concat(pieces) };
    const { joined } = this.#owner;
    const memory = joined.take();
    let at = 0;
    for (const piece of pieces) {
      memory.set(piece, at);
      at += piece.length;
    }
    return { message: memory.subarray(0, length), giveBack: () => joined.giveBack(memory) };
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
