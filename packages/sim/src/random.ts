import { assert } from '@internode/prelude';

/**
 * Seeded, forkable, finite randomness (sfc32). When its draws are used up every further draw is 0, the calmest choice,
 * so a failing run is shrunk by giving it fewer draws.
 */
export class Random {
  readonly #seed: string;
  readonly #drawsMax: number;
  #draws = 0;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string, drawsMax = Number.POSITIVE_INFINITY) {
    this.#seed = seed;
    this.#drawsMax = drawsMax;
    this.#a = hashOf(seed, 0x9e3779b9);
    this.#b = hashOf(seed, 0x85ebca6b);
    this.#c = hashOf(seed, 0xc2b2ae35);
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** A stream of its own: what one stream draws moves no other. */
  fork(name: string): Random {
    return new Random(`${this.#seed}/${name}`, this.#drawsMax);
  }

  /** True once every further draw is 0. */
  get exhausted(): boolean {
    return this.#draws >= this.#drawsMax;
  }

  /** A whole number of 32 bits. */
  uint32(): number {
    if (this.#draws >= this.#drawsMax) return 0;
    this.#draws += 1;
    return this.#next();
  }

  /** From 0 up to but without 1. */
  unit(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** From 0 up to but without `bound`. */
  below(bound: number): number {
    assert(bound > 0, 'Random.below: bound');
    return Math.floor(this.unit() * bound);
  }

  between(min: number, max: number): number {
    return min + this.unit() * (max - min);
  }

  /** True with the given probability; a used-up stream says false. */
  chance(probability: number): boolean {
    return probability > 0 && 1 - this.unit() <= probability;
  }

  /** Waiting time until the next of events that come every `mean` on average; never 0. */
  exponential(mean: number): number {
    return -Math.log(1 - this.unit() * 0.999_999) * mean + 1e-3;
  }

  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, 'Random.pick: nothing to pick from');
    return items[this.below(items.length)] as T;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.uint32() & 0xff;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}

function hashOf(text: string, start: number): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash ^= hash >>> 13;
  }
  return hash | 0;
}
