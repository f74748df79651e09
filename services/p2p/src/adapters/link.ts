// One open stream to one peer: a bounded queue of two lanes out, a bounded pace in.
import { Bucket } from '../core/bucket.ts';
import { LINK_LIMITS } from '../limits.ts';
import { withContext } from './frame-context.ts';
import type { FrameStream } from './grpc-protocol.ts';

export interface LinkOwner {
  /** May this many bytes more of bulk wait, over all links? Counts them if so. */
  takeBulk(bytes: number): boolean;
  giveBulk(bytes: number): void;
  onFrame(frame: Uint8Array): void;
  onClosed(): void;
  onDropped(bytes: number): void;
}

/** Frames in order, and their bytes. */
class Lane {
  readonly frames: Uint8Array[] = [];
  bytes = 0;
  /** Trace context of the first that has one. */
  #context = '';

  put(frame: Uint8Array, context: string): void {
    this.frames.push(frame);
    if (this.#context === '') this.#context = context;
    this.bytes += frame.length;
  }

  /** The next frames as one message: joined frames are a frame. */
  take(): Uint8Array {
    let count = 0;
    let bytes = 0;
    for (const { length } of this.frames) {
      if (count > 0 && bytes + length > LINK_LIMITS.joinBytesMax) break;
      count += 1;
      bytes += length;
    }
    const frames = this.frames.splice(0, count);
    this.bytes -= bytes;
    const joined =
      frames.length === 1 && frames[0] !== undefined ? frames[0] : Buffer.concat(frames);
    if (this.#context === '') return joined;
    const traced = withContext(joined, this.#context);
    this.#context = '';
    return traced;
  }
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
  send(frame: Uint8Array, bulk: boolean, context = ''): void {
    if (this.#closed) return;
    const lane = bulk ? this.#bulk : this.#fast;
    const { queueBytesMax, bulkBytesMax } = LINK_LIMITS;
    const fits = lane.bytes + frame.length <= (bulk ? bulkBytesMax : queueBytesMax);
    if (!fits || (bulk && !this.#owner.takeBulk(frame.length)))
      return this.#owner.onDropped(frame.length);
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
      const message = lane.take();
      if (!isFast) this.#owner.giveBulk(bytes - lane.bytes);
      this.#write(message);
    }
  }

  #write(message: Uint8Array): void {
    const { length } = message;
    this.#writtenBytes += length;
    const bytes = Buffer.from(message.buffer, message.byteOffset, length);
    this.#stream.write(bytes, () => {
      this.#writtenBytes -= length;
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
  }
}
