// Real crypto whose cost is charged to the node that computes: measured once on this machine, by operation, in processor
// time. What was computed once with the same input is remembered, so that 500 nodes do not verify one certificate 500 times
// on one machine; the node is charged all the same.
import { type BlsEngine, dealShares, type SignatureEngine } from '@internode/crypto';
import { sha256 } from '@internode/encoding';
import { joinBytes, toHex, utf8 } from '@internode/prelude';
import type { Crypto } from '../crypto.ts';

/** Milliseconds of one processor. */
export interface Costs {
  readonly signEd25519: number;
  readonly verifyEd25519: number;
  readonly sign: number;
  readonly verify: number;
  /** For each share that is combined, and for each point that is added. */
  readonly combineEach: number;
  readonly addSignatureEach: number;
  readonly addKeyEach: number;
}

type Real = Pick<Crypto, 'bls' | 'signatures'>;

const MEASURED_POINTS = 64;

export function measured({ bls, signatures }: Real): Costs {
  const secret = sha256(utf8('measured'));
  const message = utf8('what is signed');
  const { shares } = dealShares(bls, { threshold: 22, count: MEASURED_POINTS, entropy: secret });
  const [first] = shares;
  if (first === undefined) throw new Error('no shares');
  const { publicKey, secretKey } = first;
  const signature = bls.sign(secretKey, message);
  const signed = shares.map((share) => bls.sign(share.secretKey, message));
  const keys = shares.map((share) => share.publicKey);
  const indices = shares.map(({ index }) => index);
  const publicKeyDer = signatures.ed25519PublicKey(secret);
  const ed25519 = signatures.signEd25519(secret, message);
  return {
    signEd25519: timeOf(200, () => signatures.signEd25519(secret, message)),
    verifyEd25519: timeOf(200, () =>
      signatures.verify({ publicKeyDer, message, signature: ed25519 }),
    ),
    sign: timeOf(20, () => bls.sign(secretKey, message)),
    verify: timeOf(20, (i) => bls.verify({ publicKey, message: utf8(`${i % 2}`), signature })),
    combineEach: timeOf(4, () => bls.combineShares(indices, signed)) / MEASURED_POINTS,
    addSignatureEach: timeOf(10, () => bls.aggregateSignatures(signed)) / MEASURED_POINTS,
    addKeyEach: timeOf(10, () => bls.aggregatePublicKeys(keys)) / MEASURED_POINTS,
  };
}

function timeOf(times: number, run: (i: number) => void): number {
  run(0);
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) run(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}

/** What has been charged since it was last taken. */
export class Meter {
  #ms = 0;

  add(ms: number): void {
    this.#ms += ms;
  }

  take(): number {
    const ms = this.#ms;
    this.#ms = 0;
    return ms;
  }
}

const REMEMBERED_MAX = 200_000;

class Memory {
  readonly #answers = new Map<string, unknown>();

  of<Answer>(parts: readonly Uint8Array[], compute: () => Answer): Answer {
    const name = toHex(sha256(joinBytes(parts)));
    const known = this.#answers.get(name) as Answer | undefined;
    if (known !== undefined) return known;
    const answer = compute();
    if (this.#answers.size >= REMEMBERED_MAX) this.#answers.clear();
    this.#answers.set(name, answer);
    return answer;
  }
}

export function metered(real: Real, costs: Costs, meter: Meter): Crypto {
  return {
    bls: meteredBls(real.bls, costs, meter),
    signatures: meteredSignatures(real.signatures, costs, meter),
    dealsEachLife: false,
  };
}

function meteredBls(real: BlsEngine, costs: Costs, meter: Meter): BlsEngine {
  const memory = new Memory();
  const named = (name: string): Uint8Array => utf8(name);
  return {
    ...real,
    publicKey: (secret) => real.publicKey(secret),
    hash: (message) => real.hash(message),
    checkPublicKey: (key) => memory.of([named('key'), key], () => real.checkPublicKey(key)),
    checkSignature: (signature) =>
      memory.of([named('point'), signature], () => real.checkSignature(signature)),
    sign: (secret, message) => {
      meter.add(costs.sign);
      return real.sign(secret, message);
    },
    verify: (signed) => {
      meter.add(costs.verify);
      const { publicKey, message, signature } = signed;
      return memory.of([named('verify'), publicKey, signature, message], () => real.verify(signed));
    },
    combineShares: (indices, shares) => {
      meter.add(costs.combineEach * shares.length);
      const parts = [named(`combine ${indices.join()}`), ...shares];
      return memory.of(parts, () => real.combineShares(indices, shares));
    },
    combineAgreeing: (threshold, indices, shares) => {
      meter.add(costs.combineEach * (shares.length + threshold));
      const parts = [named(`agree ${threshold} ${indices.join()}`), ...shares];
      return memory.of(parts, () => real.combineAgreeing(threshold, indices, shares));
    },
    aggregateSignatures: (signatures) => {
      meter.add(costs.addSignatureEach * signatures.length);
      return memory.of([named('sum'), ...signatures], () => real.aggregateSignatures(signatures));
    },
    aggregatePublicKeys: (keys) => {
      meter.add(costs.addKeyEach * keys.length);
      return memory.of([named('keys'), ...keys], () => real.aggregatePublicKeys(keys));
    },
  };
}

function meteredSignatures(real: SignatureEngine, costs: Costs, meter: Meter): SignatureEngine {
  const memory = new Memory();
  return {
    ...real,
    ed25519PublicKey: (secret) => real.ed25519PublicKey(secret),
    signEd25519: (secret, message) => {
      meter.add(costs.signEd25519);
      return real.signEd25519(secret, message);
    },
    verify: (signed) => {
      meter.add(costs.verifyEd25519);
      const { publicKeyDer, message, signature } = signed;
      return memory.of([publicKeyDer, signature, message], () => real.verify(signed));
    },
  };
}
