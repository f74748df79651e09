// Memory that goes with a message from hand to hand, within one thread. Left to the collector, a megabyte that has been through a few
// hands has grown old, and makes it go through all that lives for some fifty of them.

const given = new WeakSet<ArrayBufferLike>();

/** Nobody else looks into this memory: whoever is done with the message may `free` it. Nothing for a view of larger memory. */
export function give<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
  if (bytes.length === bytes.buffer.byteLength) given.add(bytes.buffer);
  return bytes;
}

/** Ends all views of memory that was given. Nothing for any other: of a message that was decoded, or that others hold, too. */
export function free({ buffer }: Uint8Array): void {
  if (given.delete(buffer) && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
