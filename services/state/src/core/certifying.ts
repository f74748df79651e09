/** What the beacon says about hashed heights: judged, verified, and then the version is the one that is shown. */
import type { CertificationValue } from '@internode/contracts';
import { STATE_LIMITS } from '../limits.ts';
import type { Outbox } from './outbox.ts';
import type { Standing } from './standing.ts';
import type { StateAnswer } from './task.ts';
import type { Version, Versions } from './versions.ts';

const VERIFY = 'verify:';

interface Parts {
  readonly out: Outbox;
  readonly standing: Standing;
  readonly checks: boolean;
}

/** True when the newest certified version is another one now. */
type HasCertified = boolean;

export class Certifying {
  readonly #out: Outbox;
  readonly #standing: Standing;
  readonly #checks: boolean;
  /** Signatures being verified, by height. */
  readonly #verifying = new Map<number, Uint8Array>();

  constructor({ out, standing, checks }: Parts) {
    this.#out = out;
    this.#standing = standing;
    this.#checks = checks;
  }

  static owns(id: string): boolean {
    return id.startsWith(VERIFY);
  }

  sayHashed({ height, root, timeNanos }: Version): void {
    this.#out.say({ kind: 'StateHashed', height, root, timeNanos });
    this.#out.wait('repeat', STATE_LIMITS.repeatMs);
  }

  /** What is certified here, to a beacon that has forgotten it: a peer may need this node's share of it. */
  sayCertified(version: Version | undefined): void {
    if (version === undefined) return;
    const { height, root, timeNanos } = version;
    this.#out.say({ kind: 'StateHashed', height, root, timeNanos });
  }

  take(versions: Versions, value: CertificationValue): HasCertified {
    const { height, root, signature } = value;
    if (height <= (versions.certified?.height ?? 0)) return false;
    const judged = versions.judge(value);
    if (judged.kind !== 'valid') return this.#ignore(judged.reason);
    if (!this.#checks) return this.certify(versions, judged.value, signature);
    if (this.#verifying.has(height)) return false;
    this.#verifying.set(height, signature);
    this.#out.solve(`${VERIFY}${height}`, { kind: 'verify', root, signature });
    return false;
  }

  verified(versions: Versions | undefined, id: string, answer: StateAnswer): HasCertified {
    const height = Number(id.slice(VERIFY.length));
    const signature = this.#verifying.get(height);
    this.#verifying.delete(height);
    const version = versions?.find(height);
    if (versions === undefined || signature === undefined || version === undefined) return false;
    if (this.#standing.fault !== undefined) return false;
    const isValid = answer.kind === 'verified' && answer.valid;
    return isValid
      ? this.certify(versions, version, signature)
      : this.#ignore('signature does not verify');
  }

  certify(versions: Versions, version: Version, signature: Uint8Array): HasCertified {
    const certified = versions.certify(version, signature);
    if (versions.inFlight === 0) this.#out.cancel('repeat');
    const { height, root, timeNanos, completed } = certified;
    this.#out.observe({ kind: 'StateCertified', height, completed: completed.length });
    const said = { height, root, timeNanos, completedRequests: completed };
    const standing = this.#standing;
    standing.lastCertified = { kind: 'StateCertified', ...said };
    const wasReady = standing.isReady;
    standing.change(() => standing.certifiedAt(height));
    if (wasReady) this.#out.say(standing.lastCertified);
    return true;
  }

  #ignore(reason: string): false {
    this.#out.ignore('CertificationValue', reason);
    return false;
  }
}
