// Certificates for `ic0.data_certificate`: asked of state once per certified height and canister
// (interface-spec 3.3).
import { sha256 } from '@internode/encoding';
import { BoundedMap, concatBytes, toHex, utf8 } from '@internode/prelude';
import { CANISTERS, QUERY_CERTIFICATE_WAIT_MS } from '../limits.ts';
import type { Canister } from './canister.ts';
import { askFor, type Fiber, until } from './fibers.ts';

const CERTIFIED = 'certified';

export function readKey(readId: Uint8Array): string {
  return `read ${toHex(readId)}`;
}

interface Kept {
  readonly height: number;
  readonly certificate: Uint8Array;
}

export class Certificates {
  readonly #seed: Uint8Array;
  readonly #raise: (signal: string) => void;
  readonly #kept = new BoundedMap<string, Kept>(CANISTERS, 'drop-oldest');
  #heightCertified = 0;
  #reads = 0;

  constructor(seed: Uint8Array, raise: (signal: string) => void) {
    this.#seed = seed;
    this.#raise = raise;
  }

  certified(height: number): void {
    if (height <= this.#heightCertified) return;
    this.#heightCertified = height;
    this.#raise(CERTIFIED);
  }

  /**
   * A certificate that shows the canister's present certified data; waits for it for a while, since
   * what the canister answers must fit it. Undefined when there is none.
   */
  *of(canister: Canister): Fiber<Uint8Array | undefined> {
    if (this.#heightCertified < canister.certifiedDataHeight) {
      yield* until(CERTIFIED, QUERY_CERTIFICATE_WAIT_MS);
    }
    const kept = this.#kept.get(canister.key);
    if (kept !== undefined && kept.height >= this.#heightCertified) return kept.certificate;
    const readId = this.#nextReadId();
    const read = yield* askFor(
      'DataCertificateRead',
      { kind: 'ReadDataCertificate', readId, canisterId: canister.id },
      readKey(readId),
    );
    if (read.certificate.length === 0) return undefined;
    this.certified(read.height);
    this.#kept.set(canister.key, { height: read.height, certificate: read.certificate });
    return read.certificate;
  }

  #nextReadId(): Uint8Array {
    const count = utf8(`execution read ${this.#reads++}`);
    return sha256(concatBytes(this.#seed, count)).slice(0, 16);
  }
}
