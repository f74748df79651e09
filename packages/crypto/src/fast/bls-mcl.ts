// The fast engine, on mcl-wasm. Its settings are global to the wasm instance, so this file is the
// only one that may touch mcl. Not reachable through its JavaScript interface, hence through `mod`:
// the domain separation tag, whose default is not the suite of the Internet Computer, and
// multiplication by secrets without branches on them.

import type { Verdict } from '@internode/prelude';
import {
  assert,
  BoundedMap,
  bytesEqual,
  fromHex,
  invalid,
  toHex,
  utf8,
  valid,
} from '@internode/prelude';
import type { G1, G2 } from 'mcl-wasm';
import mcl from 'mcl-wasm';
import type { BlsEngine } from '../bls-engine.ts';
import { BLS_SUITE } from '../bls-engine.ts';
import { assertSecretKey, checkPublicKeyForm, checkSignatureForm } from '../bls-format.ts';
import { nobleBls } from '../bls-noble.ts';
import { agreementWeights, lagrangeCoefficients, scalarToBytes } from '../bls-scalar.ts';
import { checkAgreeing, checkIndices, checkPolynomials } from '../share-indices.ts';

type Lines = InstanceType<typeof mcl.PrecomputedG2>;

type MclModule = {
  readonly HEAP8: Int8Array;
  _malloc(size: number): number;
  _free(pointer: number): void;
  _mclBnG1_setDst(text: number, length: number): number;
  _mclBnG1_mulCT(product: number, point: number, scalar: number): void;
  _mclBnG2_mulCT(product: number, point: number, scalar: number): void;
};

/** mcl copies a message to its stack, 64 KiB or so; longer ones are rare and hashed by noble. */
const MESSAGE_BYTES_MAX = 4096;

/** Enough for a projective point of G2. */
const SLOT_BYTES = 512;

/** Keys whose lines are held, 20 KB each. */
const LINES_MAX = 16;

/** Compressed. Spelled out because noble would take 0.15 s of every start to compute it. */
const G2_GENERATOR = fromHex(
  '93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e' +
    '024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8',
);

let loading: Promise<BlsEngine> | undefined;

/** The fast engine; set up once, about 0.1 s and 30 MB. */
export function loadFastBls(): Promise<BlsEngine> {
  loading ??= load();
  return loading;
}

async function load(): Promise<BlsEngine> {
  await mcl.init(mcl.BLS12_381);
  mcl.setETHserialization(true);
  mcl.setMapToMode(mcl.IRTF);
  mcl.verifyOrderG1(true);
  mcl.verifyOrderG2(true);
  const module = (mcl as unknown as { mod: MclModule }).mod;
  const suite = utf8(BLS_SUITE);
  const pointer = module._malloc(suite.length);
  module.HEAP8.set(suite, pointer);
  assert(module._mclBnG1_setDst(pointer, suite.length) === 0, 'mcl: setDst');
  module._free(pointer);
  const engine = new MclEngine(module);
  const probe = utf8('probe');
  assert(bytesEqual(engine.hash(probe), nobleBls.hash(probe)), 'mcl: hashes to other points');
  return engine;
}

class MclEngine implements BlsEngine {
  readonly name = 'mcl';
  readonly #module: MclModule;
  readonly #slots: number;
  readonly #generator: G2;
  readonly #generatorPrecomputed: Lines;
  /** Parsing a key costs a tenth of a verification; honest keys are few. */
  readonly #publicKeys = new BoundedMap<string, G2>(1024, 'drop-oldest');
  /** What pairings have in common that are with one key: a tenth of the cost of a check. Keys of groups come back at each height. */
  readonly #lines = new Map<string, Lines>();
  readonly #checkedWith = new BoundedMap<string, true>(LINES_MAX, 'drop-oldest');
  /** Shares of one message arrive together, and hashing it costs as much as parsing one. */
  #hashed: { readonly message: Uint8Array; readonly point: G1 } | undefined;

  constructor(module: MclModule) {
    this.#module = module;
    this.#slots = module._malloc(3 * SLOT_BYTES);
    this.#generator = new mcl.G2();
    this.#generator.deserialize(G2_GENERATOR);
    this.#generatorPrecomputed = new mcl.PrecomputedG2(this.#generator);
  }

  publicKey(secretKey: Uint8Array): Uint8Array {
    return this.#multiplyBySecret(this.#generator, secretKey).serialize();
  }

  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
    return this.#multiplyBySecret(this.#hash(message), secretKey).serialize();
  }

  hash(message: Uint8Array): Uint8Array {
    return this.#hash(message).serialize();
  }

  verify(signed: {
    readonly publicKey: Uint8Array;
    readonly message: Uint8Array;
    readonly signature: Uint8Array;
  }): Verdict<void> {
    const key = this.#parsePublicKey(signed.publicKey);
    if (key.kind !== 'valid') return key;
    const signature = this.#parseSignature(signed.signature);
    if (signature.kind !== 'valid') return signature;
    const [hash, negated] = [this.#hash(signed.message), mcl.neg(signature.value)];
    const lines = this.#linesOf(signed.publicKey, key.value);
    const generator = this.#generatorPrecomputed;
    const product =
      lines === undefined
        ? mcl.precomputedMillerLoop2mixed(hash, key.value, negated, generator)
        : mcl.precomputedMillerLoop2(hash, lines, negated, generator);
    return mcl.finalExp(product).isOne() ? valid() : invalid('bls: signature');
  }

  checkPublicKey(publicKey: Uint8Array): Verdict<void> {
    const key = this.#parsePublicKey(publicKey);
    return key.kind === 'valid' ? valid() : key;
  }

  checkSignature(signature: Uint8Array): Verdict<void> {
    const point = this.#parseSignature(signature);
    return point.kind === 'valid' ? valid() : point;
  }

  combineShares(indices: readonly number[], shares: readonly Uint8Array[]): Verdict<Uint8Array> {
    const checked = checkIndices(indices, shares.length);
    if (checked.kind !== 'valid') return checked;
    const points = this.#parseParts(shares);
    if (points.kind !== 'valid') return points;
    return toSignature(mcl.mulVec([...points.value], toScalars(lagrangeCoefficients(indices))));
  }

  combineAgreeing(
    threshold: number,
    indices: readonly number[],
    shares: readonly Uint8Array[],
  ): Verdict<Uint8Array> {
    const checked = checkAgreeing(threshold, indices, shares.length);
    if (checked.kind !== 'valid') return checked;
    // Of points outside the group, too, the sum is zero only if that of what they have in the group is: what they have
    // outside is found by the check of the result's order.
    const points = this.#parseParts(shares);
    if (points.kind !== 'valid') return points;
    const weights = agreementWeights(threshold, indices, shares);
    if (!mcl.mulVec([...points.value], toScalars(weights)).isZero())
      return invalid('bls: shares of more than one polynomial');
    const coefficients = lagrangeCoefficients(indices.slice(0, threshold));
    return toSignature(mcl.mulVec(points.value.slice(0, threshold), toScalars(coefficients)));
  }

  aggregateSignatures(signatures: readonly Uint8Array[]): Verdict<Uint8Array> {
    const points = this.#parseParts(signatures);
    if (points.kind !== 'valid') return points;
    return toSignature(points.value.reduce((sum, point) => mcl.add(sum, point), new mcl.G1()));
  }

  aggregatePublicKeys(publicKeys: readonly Uint8Array[]): Verdict<Uint8Array> {
    let sum = new mcl.G2();
    for (const publicKey of publicKeys) {
      const key = this.#parsePublicKey(publicKey);
      if (key.kind !== 'valid') return key;
      sum = mcl.add(sum, key.value);
    }
    return sum.isZero() ? invalid('bls: identity') : valid(sum.serialize());
  }

  checkCommitments(points: readonly Uint8Array[]): Verdict<void> {
    const parsed = parsePoints(points);
    return parsed.kind === 'valid' ? valid() : parsed;
  }

  evaluateCommitments(
    commitments: readonly Uint8Array[],
    indices: readonly number[],
  ): Verdict<readonly Uint8Array[]> {
    const points = withoutOrderCheck(mcl.verifyOrderG2, () => parsePoints(commitments));
    if (points.kind !== 'valid') return points;
    return toPoints(indices.map((index) => evaluateAt(points.value, index + 1)));
  }

  combineCommitments(
    polynomials: readonly (readonly Uint8Array[])[],
    indices?: readonly number[],
  ): Verdict<readonly Uint8Array[]> {
    const checked = checkPolynomials(polynomials, indices);
    if (checked.kind !== 'valid') return checked;
    const rows: G2[][] = [];
    for (const commitments of polynomials) {
      const points = withoutOrderCheck(mcl.verifyOrderG2, () => parsePoints(commitments));
      if (points.kind !== 'valid') return points;
      rows.push(points.value);
    }
    const weights = indices === undefined ? undefined : toScalars(lagrangeCoefficients(indices));
    const columns = (rows[0] ?? []).map((_, j) => rows.map((row) => row[j] as G2));
    return toPoints(
      columns.map((column) =>
        weights === undefined
          ? column.reduce((sum, point) => mcl.add(sum, point))
          : mcl.mulVec(column, weights),
      ),
    );
  }

  /** Computed when a key is met the second time: sums of keys never come back. */
  #linesOf(publicKey: Uint8Array, point: G2): Lines | undefined {
    const name = toHex(publicKey);
    const known = this.#lines.get(name);
    if (known !== undefined) return known;
    if (!this.#checkedWith.has(name)) {
      this.#checkedWith.set(name, true);
      return undefined;
    }
    const [oldest] = this.#lines;
    if (oldest !== undefined && this.#lines.size >= LINES_MAX) {
      this.#lines.delete(oldest[0]);
      oldest[1].destroy();
    }
    const lines = new mcl.PrecomputedG2(point);
    this.#lines.set(name, lines);
    return lines;
  }

  #hash(message: Uint8Array): G1 {
    if (this.#hashed === undefined || !bytesEqual(this.#hashed.message, message)) {
      this.#hashed = { message: message.slice(), point: hashToPoint(message) };
    }
    return this.#hashed.point;
  }

  #multiplyBySecret<Point extends G1 | G2>(point: Point, secretKey: Uint8Array): Point {
    assertSecretKey(secretKey);
    const scalar = new mcl.Fr();
    scalar.deserialize(secretKey);
    const product = this.#slots;
    const factor = product + SLOT_BYTES;
    const secret = factor + SLOT_BYTES;
    point.copyToMem(factor);
    scalar.copyToMem(secret);
    if (point instanceof mcl.G1) this.#module._mclBnG1_mulCT(product, factor, secret);
    else this.#module._mclBnG2_mulCT(product, factor, secret);
    this.#module.HEAP8.fill(0, secret, secret + SLOT_BYTES);
    const result = point.clone() as Point;
    result.copyFromMem(product);
    return result;
  }

  #parseSignature(signature: Uint8Array): Verdict<G1> {
    const form = checkSignatureForm(signature);
    if (form.kind !== 'valid') return form;
    const point = new mcl.G1();
    try {
      point.deserialize(signature);
    } catch {
      return invalid('bls: not a point of the group');
    }
    return valid(point);
  }

  /** Of something whose sum is checked: three quarters of the cost of one is the check of its order. */
  #parseParts(parts: readonly Uint8Array[]): Verdict<readonly G1[]> {
    return withoutOrderCheck(mcl.verifyOrderG1, () => {
      const points: G1[] = [];
      for (const part of parts) {
        const point = this.#parseSignature(part);
        if (point.kind !== 'valid') return point;
        points.push(point.value);
      }
      return valid(points);
    });
  }

  #parsePublicKey(publicKey: Uint8Array): Verdict<G2> {
    const name = toHex(publicKey);
    const known = this.#publicKeys.get(name);
    if (known !== undefined) return valid(known);
    const point = parsePoint(publicKey);
    if (point.kind === 'valid') this.#publicKeys.set(name, point.value);
    return point;
  }
}

function parsePoint(bytes: Uint8Array): Verdict<G2> {
  const form = checkPublicKeyForm(bytes);
  if (form.kind !== 'valid') return form;
  const point = new mcl.G2();
  try {
    point.deserialize(bytes);
  } catch {
    return invalid('bls: not a point of the group');
  }
  return valid(point);
}

function parsePoints(points: readonly Uint8Array[]): Verdict<G2[]> {
  const parsed: G2[] = [];
  for (const bytes of points) {
    const point = parsePoint(bytes);
    if (point.kind !== 'valid') return point;
    parsed.push(point.value);
  }
  return valid(parsed);
}

/** For points that were checked before, or whose sum will be. The setting is global, so it never outlives the call. */
function withoutOrderCheck<T>(setting: (verify: boolean) => void, parse: () => T): T {
  setting(false);
  try {
    return parse();
  } finally {
    setting(true);
  }
}

function toSignature(sum: G1): Verdict<Uint8Array> {
  if (sum.isZero()) return invalid('bls: identity');
  return sum.isValidOrder() ? valid(sum.serialize()) : invalid('bls: not a point of the group');
}

function toPoints(points: readonly G2[]): Verdict<readonly Uint8Array[]> {
  if (points.some((point) => point.isZero())) return invalid('bls: identity');
  return valid(points.map((point) => point.serialize()));
}

function toScalars(values: readonly bigint[]): InstanceType<typeof mcl.Fr>[] {
  return values.map((value) => {
    const scalar = new mcl.Fr();
    scalar.deserialize(scalarToBytes(value));
    return scalar;
  });
}

/** Horner by doubling and adding: `x` has ten bits at most, a general multiplication would cost ten times as much. */
function evaluateAt(coefficients: readonly G2[], x: number): G2 {
  let sum = new mcl.G2();
  for (const coefficient of coefficients.toReversed()) {
    let product = new mcl.G2();
    for (let bit = 31 - Math.clz32(x); bit >= 0; bit--) {
      product = mcl.dbl(product);
      if ((x >>> bit) & 1) product = mcl.add(product, sum);
    }
    sum = mcl.add(product, coefficient);
  }
  return sum;
}

function hashToPoint(message: Uint8Array): G1 {
  if (message.length <= MESSAGE_BYTES_MAX) return mcl.hashAndMapToG1(message);
  const point = new mcl.G1();
  point.deserialize(nobleBls.hash(message));
  return point;
}
