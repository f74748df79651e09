const encoder = new TextEncoder();

const BYTES_FIRST = 4096;
const BYTES_KEPT_MAX = 64 * 1024;

/** The buffer of a writer that has finished: the next one begins with it, since a new one costs more than most values. */
let spare: Buffered | undefined;

interface Buffered {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

function buffered(size: number): Buffered {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

const ENDED = buffered(0);

/** A growing buffer; `finish` answers exactly the bytes written, and ends it. */
export class ByteWriter {
  #buffered: Buffered;
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor() {
    this.#buffered = spare ?? buffered(BYTES_FIRST);
    spare = undefined;
    this.#bytes = this.#buffered.bytes;
    this.#view = this.#buffered.view;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Big-endian unsigned integer of 1, 2 or 4 bytes. */
  uint(value: number, width: 1 | 2 | 4): void {
    this.#reserve(width);
    if (width === 1) this.#view.setUint8(this.#length, value);
    else if (width === 2) this.#view.setUint16(this.#length, value);
    else this.#view.setUint32(this.#length, value);
    this.#length += width;
  }

  uint64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigUint64(this.#length, value);
    this.#length += 8;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Writes the UTF-8 of `text` after what `head(byteLength)` writes. */
  text(text: string, head: (byteLength: number) => void): void {
    if (text.length <= 32 && isAscii(text)) {
      head(text.length);
      this.#reserve(text.length);
      for (let i = 0; i < text.length; i++) this.#bytes[this.#length++] = text.charCodeAt(i);
      return;
    }
    const encoded = encoder.encode(text);
    head(encoded.length);
    this.bytes(encoded);
  }

  unsignedLeb128(value: bigint | number): void {
    if (typeof value === 'bigint' && value > 0x7fff_ffffn) {
      let rest = value;
      for (; rest >= 0x80n; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80);
      this.byte(Number(rest));
      return;
    }
    let rest = Number(value);
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) | 0x80);
    this.byte(rest);
  }

  signedLeb128(value: bigint): void {
    let rest = value;
    for (; rest < -0x40n || rest >= 0x40n; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80);
    this.byte(Number(rest & 0x7fn));
  }

  finish(): Uint8Array {
    const written = this.#bytes.slice(0, this.#length);
    if (this.#bytes.length <= BYTES_KEPT_MAX) spare = this.#buffered;
    this.#use(ENDED);
    this.#length = 0;
    return written;
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#bytes.length) return;
    const larger = buffered(Math.max(needed, 2 * this.#bytes.length));
    larger.bytes.set(this.#bytes.subarray(0, this.#length));
    this.#use(larger);
  }

  #use(next: Buffered): void {
    this.#buffered = next;
    this.#bytes = next.bytes;
    this.#view = next.view;
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}
