import { gunzipSync } from 'node:zlib';

/** Unpacks gzip; undefined when it is damaged or holds more than `bytesMax`. */
export function inflate(bytes: Uint8Array, bytesMax: number): Uint8Array | undefined {
  try {
    return new Uint8Array(gunzipSync(bytes, { maxOutputLength: bytesMax }));
  } catch {
    return undefined;
  }
}
