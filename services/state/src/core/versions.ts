/** Heights that are hashed and wait for their certification, and the newest certified one. Trees share what is equal. */
import type { LabelledTree } from '@internode/hash-tree';
import { assert } from '@internode/prelude';
import { STATE_LIMITS } from '../limits.ts';

export interface Version {
  readonly height: number;
  readonly timeNanos: bigint;
  readonly root: Uint8Array;
  readonly tree: LabelledTree;
  /** Requests that were replied or rejected at this height. */
  readonly completed: readonly Uint8Array[];
}

export interface CertifiedVersion extends Version {
  /** 48 bytes by the subnet. */
  readonly signature: Uint8Array;
}

export class Versions {
  #inFlight: Version[] = [];
  #certified: CertifiedVersion | undefined = undefined;

  get certified(): CertifiedVersion | undefined {
    return this.#certified;
  }

  get inFlight(): number {
    return this.#inFlight.length;
  }

  get full(): boolean {
    return this.#inFlight.length >= STATE_LIMITS.inFlightMax;
  }

  add(version: Version): void {
    this.#inFlight.push(version);
  }

  find(height: number): Version | undefined {
    return this.#inFlight.find((version) => version.height === height);
  }

  /** What to say again: the oldest, and the newest, which would make all others unnecessary. */
  toRepeat(): readonly Version[] {
    const { repeatedMax } = STATE_LIMITS;
    if (this.#inFlight.length <= repeatedMax) return this.#inFlight;
    return [...this.#inFlight.slice(0, repeatedMax - 1), ...this.#inFlight.slice(-1)];
  }

  /** Makes a version in flight the certified one; its `completed` includes those of the versions it passes over. */
  certify(version: Version, signature: Uint8Array): CertifiedVersion {
    assert(this.#inFlight.includes(version), 'versions: certified before');
    const passed = this.#inFlight.filter(({ height }) => height <= version.height);
    const completed = passed.flatMap((each) => each.completed);
    this.#certified = { ...version, completed, signature };
    this.#inFlight = this.#inFlight.filter(({ height }) => height > version.height);
    return this.#certified;
  }
}
