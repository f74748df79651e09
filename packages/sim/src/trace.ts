// What happened, as a running hash and as the last lines. Lines are only made when somebody reads them.
import { toHex } from '@internode/prelude';
import type { Observed } from './checker.ts';

const LINES_MAX = 200;
/** Of longer arrays the hash takes the length and both ends. */
const HASHED_BYTES_MAX = 256;

export class Trace {
  readonly #linesMax: number;
  readonly #last: (Observed | undefined)[] = [];
  #count = 0;
  #high = 0x811c9dc5;
  #low = 0x9e3779b9;

  constructor(linesMax = LINES_MAX) {
    this.#linesMax = linesMax;
  }

  /** 16 hexadecimal digits over everything mixed in so far. */
  get hash(): string {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, this.#high);
    view.setInt32(4, this.#low);
    return toHex(bytes);
  }

  add(observed: Observed): void {
    this.#last[this.#count % this.#linesMax] = observed;
    this.#count += 1;
    this.mixText(observed.service);
    this.#mixValue(observed.event);
  }

  mix(value: number): void {
    this.#high = Math.imul(this.#high ^ (value | 0), 0x01000193) ^ (this.#low >>> 15);
    this.#low = Math.imul(this.#low + (value | 0), 0x85ebca6b) ^ (this.#high >>> 13);
  }

  /** Times are taken to the nanosecond. */
  mixMs(ms: number): void {
    this.mix(ms * 1e6);
    this.mix((ms * 1e6) / 0x1_0000_0000);
  }

  mixText(text: string): void {
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i));
  }

  mixBytes(bytes: Uint8Array): void {
    this.mix(bytes.length);
    const whole = bytes.length <= HASHED_BYTES_MAX;
    const head = whole ? bytes.length : HASHED_BYTES_MAX / 2;
    for (let i = 0; i < head; i++) this.mix(bytes[i] as number);
    if (whole) return;
    for (let i = bytes.length - head; i < bytes.length; i++) this.mix(bytes[i] as number);
  }

  /** The last events: time in ms, node, service, height, event with its other fields. */
  lines(): string[] {
    const first = Math.max(0, this.#count - this.#linesMax);
    const lines: string[] = [];
    for (let i = first; i < this.#count; i++) {
      lines.push(lineOf(this.#last[i % this.#linesMax] as Observed));
    }
    return lines;
  }

  #mixValue(value: unknown): void {
    if (typeof value === 'number') this.mixMs(value);
    else if (typeof value === 'string') this.mixText(value);
    else if (typeof value === 'bigint') this.mixText(value.toString());
    else if (value instanceof Uint8Array) this.mixBytes(value);
    else if (typeof value === 'object' && value !== null) {
      for (const key in value) this.#mixValue((value as Record<string, unknown>)[key]);
    } else this.mix(value === true ? 1 : 0);
  }
}

function lineOf({ ms, node, service, event }: Observed): string {
  const { kind, height, ...rest } = event as Record<string, unknown>;
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${textOf(value)}`);
  const columns = [
    ms.toFixed(3).padStart(12),
    node.padEnd(4),
    service.padEnd(9),
    (height === undefined ? '-' : String(height)).padStart(5),
    [String(kind), ...fields].join(' '),
  ];
  return columns.join(' ');
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) {
    return value.length <= 8 ? toHex(value) : `${toHex(value.subarray(0, 8))}…(${value.length})`;
  }
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`;
  const fields = Object.entries(value).map(([name, field]) => `${name}:${textOf(field)}`);
  return `{${fields.join(',')}}`;
}
