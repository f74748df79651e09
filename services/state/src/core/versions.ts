/** Heights that are hashed and wait for their certification, and the newest certified one. Trees share what is equal. */
import type { CertificationValue } from '@internode/contracts';
import type { LabelledTree } from '@internode/hash-tree';
import { assert, bytesEqual, invalid, undecided, type Verdict, valid } from '@internode/prelude';
import { STATE_LIMITS } from '../limits.ts';

const SIGNATURE_BYTES = 48;

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

  /**
   * The oldest gives way when there are too many, and the next one tells of its requests. A replica that executes what is
   * final elsewhere would wait for ever for certifications that its peers have forgotten; that the chain itself does not
   * run ahead of its certification is consensus' to see to.
   */
  add(version: Version): void {
    this.#inFlight.push(version);
    if (this.#inFlight.length <= STATE_LIMITS.inFlightMax) return;
    const [oldest, next, ...others] = this.#inFlight as [Version, Version];
    const completed = [...oldest.completed, ...next.completed].slice(-STATE_LIMITS.passedOverMax);
    this.#inFlight = [{ ...next, completed }, ...others];
  }

  find(height: number): Version | undefined {
    return this.#inFlight.find((version) => version.height === height);
  }

  /** The version that a certification is for, if it has the right form; its signature is for others to verify. */
  judge({ height, root, signature }: CertificationValue): Verdict<Version> {
    const version = this.find(height);
    if (version === undefined) return undecided('of a height that is not executed');
    if (!bytesEqual(version.root, root)) return invalid('of another root');
    if (signature.length !== SIGNATURE_BYTES) return invalid('signature is not 48 bytes');
    return valid(version);
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
