import type { BlsEngine, ProvenKey } from '@internode/crypto';
import {
  blsPublicKeyFromDer,
  blsPublicKeyToDer,
  combineSignature,
  dealShares,
  generateBlsKey,
  nobleBls,
  provePossession,
  verifyMultiSignature,
  verifyPossession,
} from '@internode/crypto';
import { loadFastBls } from '@internode/crypto/fast';
import { separator } from '@internode/encoding';
import { concatBytes, fromHex, toHex, utf8, valid } from '@internode/prelude';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { describe, expect, test, vi } from 'vitest';
import { below, bytesOf } from './random.ts';

const fastBls = await loadFastBls();
const engines: readonly [string, BlsEngine][] = [
  ['noble', nobleBls],
  ['mcl', fastBls],
];

function unwrap<T>(verdict: { kind: string; value?: T; reason?: string }): T {
  if (verdict.kind !== 'valid') throw new Error(verdict.reason);
  return verdict.value as T;
}

describe('row 27: the BLS suite, both engines alike', () => {
  test('keys, hashes and signatures of 120 random inputs are identical', () => {
    const random = bytesOf('bls engines');
    for (let i = 0; i < 120; i++) {
      const { secretKey } = generateBlsKey(nobleBls, random(32));
      const message = random(i < 100 ? below(random, 300) : 4000 + below(random, 200));
      expect(toHex(fastBls.publicKey(secretKey))).toBe(toHex(nobleBls.publicKey(secretKey)));
      expect(toHex(fastBls.hash(message))).toBe(toHex(nobleBls.hash(message)));
      const signature = fastBls.sign(secretKey, message);
      expect(toHex(signature)).toBe(toHex(nobleBls.sign(secretKey, message)));
      if (i % 8 > 0) continue;
      const publicKey = fastBls.publicKey(secretKey);
      for (const [, engine] of engines) {
        expect(engine.verify({ publicKey, message, signature })).toEqual(valid());
        const other = concatBytes(message, new Uint8Array(1));
        expect(engine.verify({ publicKey, message: other, signature }).kind).toBe('invalid');
      }
    }
  });

  test('keys that are used again and again verify as the first time', () => {
    const signers = Array.from({ length: 40 }, (_, i) => {
      const key = generateBlsKey(fastBls, new Uint8Array(32).fill(i + 1));
      return { ...key, signature: fastBls.sign(key.secretKey, utf8('m')) };
    });
    for (const times of [1, 2, 3, 1]) {
      for (const { publicKey, signature } of signers) {
        for (let i = 0; i < times; i++) {
          expect(fastBls.verify({ publicKey, message: utf8('m'), signature })).toEqual(valid());
          const other = { publicKey, message: utf8('n'), signature };
          expect(fastBls.verify(other).kind).toBe('invalid');
        }
      }
    }
  });

  test('combined shares are identical, and are the signature of the group', () => {
    const random = bytesOf('bls combine');
    for (let i = 0; i < 100; i++) {
      const count = 1 + below(random, 13);
      const threshold = 1 + below(random, count);
      const { secretKey, shares } = dealShares(fastBls, { threshold, count, entropy: random(32) });
      const message = random(32);
      const signers = shares
        .map((share) => ({ share, order: below(random, 1000) }))
        .sort((left, right) => left.order - right.order)
        .slice(0, threshold)
        .map(({ share }) => share);
      const indices = signers.map((share) => share.index);
      const signatures = signers.map((share) => fastBls.sign(share.secretKey, message));
      const expected = valid(fastBls.sign(secretKey, message));
      expect(fastBls.combineShares(indices, signatures)).toEqual(expected);
      if (i % 4 === 0) expect(nobleBls.combineShares(indices, signatures)).toEqual(expected);
    }
  });

  test.each(engines)('%s: RFC 9380 J.9.1 hashes to the same curve', (_, engine) => {
    // The published vectors use another tag, so that noble's hash is checked with it and the
    // engines then against noble with the suite of the Internet Computer.
    const tag = utf8('QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_');
    const point = bls12_381.shortSignatures.hash(new Uint8Array(0), tag).toAffine();
    expect(point.x.toString(16).padStart(96, '0')).toBe(
      '052926add2207b76ca4fa57a8734416c8dc95e24501772c8142787' +
        '00eed6d1e4e8cf62d9c09db0fac349612b759e79a1',
    );
    const suite = utf8('BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_');
    expect(toHex(engine.hash(utf8('abc')))).toBe(
      toHex(bls12_381.shortSignatures.hash(utf8('abc'), suite).toBytes()),
    );
  });

  test.each(engines)('%s: a key and signature that the clients test with', (_, engine) => {
    const publicKey = fromHex(
      'a7623a93cdb56c4d23d99c14216afaab3dfd6d4f9eb3db23d038280b6d5cb2caaee2a19dd92c9df7001dede2' +
        '3bf036bc0f33982dfb41e8fa9b8e96b5dc3e83d55ca4dd146c7eb2e8b6859cb5a5db815db86810b8d12cee1588b5' +
        'dbf34a4dc9a5',
    );
    const signature = fromHex(
      'b89e13a212c830586eaa9ad53946cd968718ebecc27eda849d9232673dcd4f440e8b5df39bf14a88048c15e1' +
        '6cbcaabe',
    );
    expect(engine.verify({ publicKey, message: utf8('hello'), signature })).toEqual(valid());
    expect(engine.verify({ publicKey, message: utf8('hallo'), signature }).kind).toBe('invalid');
  });

  test.each(engines)('%s: a signature over the state root separator verifies', (_, engine) => {
    const { secretKey, publicKey } = generateBlsKey(engine, new Uint8Array(32).fill(1));
    const message = concatBytes(separator('ic-state-root'), new Uint8Array(32).fill(7));
    expect(message.slice(0, 14)).toEqual(utf8('\x0Dic-state-root'));
    const signature = engine.sign(secretKey, message);
    expect(engine.verify({ publicKey, message, signature })).toEqual(valid());
  });
});

describe('points from strangers', () => {
  const { secretKey, publicKey } = generateBlsKey(fastBls, new Uint8Array(32).fill(2));
  const message = utf8('m');
  const signature = fastBls.sign(secretKey, message);
  const infinity1 = fromHex(`c0${'00'.repeat(47)}`);
  const infinity2 = fromHex(`c0${'00'.repeat(95)}`);
  const modulus = '1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffe';
  const overflowing = fromHex(`9a${modulus.slice(2)}b153ffffb9feffffffffaaab`);

  test.each(engines)('%s refuses signatures that are no points of the group', (_, engine) => {
    const bad: [string, Uint8Array][] = [
      ['empty', new Uint8Array(0)],
      ['short', signature.slice(1)],
      ['long', concatBytes(signature, new Uint8Array(1))],
      ['identity', infinity1],
      ['identity with bits', fromHex(`c0${'00'.repeat(46)}01`)],
      ['identity, sign', fromHex(`e0${'00'.repeat(47)}`)],
      ['uncompressed flag', fromHex(`00${toHex(signature).slice(2)}`)],
      ['x is the modulus', overflowing],
      ['all ones', new Uint8Array(48).fill(0xff)],
      ['not in the subgroup', outsideSubgroup()],
    ];
    for (const [what, bytes] of bad) {
      expect([what, engine.checkSignature(bytes).kind]).toEqual([what, 'invalid']);
      expect(engine.verify({ publicKey, message, signature: bytes }).kind).toBe('invalid');
      expect(engine.combineShares([0], [bytes]).kind).toBe('invalid');
      expect(engine.aggregateSignatures([signature, bytes]).kind).toBe('invalid');
    }
    expect(engine.checkSignature(signature)).toEqual(valid());
  });

  test.each(engines)('%s refuses a second form of a good signature', (_, engine) => {
    // A coordinate below 2^381 - p can be written once more with the modulus added.
    const prime = BigInt(`0x${modulus}b153ffffb9feffffffffaaab`);
    for (let i = 0; ; i++) {
      const good = fastBls.sign(secretKey, utf8(`attempt ${i}`));
      const flags = (good[0] as number) & 0xe0;
      const x = BigInt(`0x${toHex(good)}`) & ((1n << 381n) - 1n);
      if (x + prime >= 1n << 381n) continue;
      const again = fromHex((x + prime).toString(16).padStart(96, '0'));
      again[0] = (again[0] as number) | flags;
      expect(engine.checkSignature(good)).toEqual(valid());
      expect(engine.checkSignature(again)).toMatchObject({
        reason: 'bls: coordinate not canonical',
      });
      return;
    }
  });

  test.each(engines)('%s refuses keys that are no points of the group', (_, engine) => {
    const swapped = publicKey.slice();
    swapped.fill(0xff, 48);
    const bad = [
      infinity2,
      publicKey.slice(1),
      swapped,
      fromHex(`c0${'00'.repeat(94)}01`),
      fromHex(`80${'00'.repeat(95)}`),
    ];
    for (const bytes of bad) {
      expect(engine.checkPublicKey(bytes).kind).toBe('invalid');
      expect(engine.verify({ publicKey: bytes, message, signature }).kind).toBe('invalid');
      expect(engine.aggregatePublicKeys([publicKey, bytes]).kind).toBe('invalid');
    }
    // The trap of limits of engines: the identity signs everything for the identity.
    expect(engine.verify({ publicKey: infinity2, message, signature: infinity1 }).kind).toBe(
      'invalid',
    );
    expect(engine.checkPublicKey(publicKey)).toEqual(valid());
  });

  test('sums that cancel are refused', () => {
    const negated = signature.slice();
    negated[0] = (negated[0] as number) ^ 0x20;
    const negatedKey = publicKey.slice();
    negatedKey[0] = (negatedKey[0] as number) ^ 0x20;
    for (const [, engine] of engines) {
      expect(engine.aggregateSignatures([signature, negated]).kind).toBe('invalid');
      expect(engine.aggregatePublicKeys([publicKey, negatedKey]).kind).toBe('invalid');
      expect(engine.aggregateSignatures([]).kind).toBe('invalid');
    }
  });

  test('parts outside the group that cancel out give the same sum, or none; alone they are refused', () => {
    const Point = bls12_381.G1.Point;
    const torsion = torsionPoint();
    const [one, other] = ['a', 'b'].map((name) => fastBls.sign(secretKey, utf8(name)));
    if (one === undefined || other === undefined) throw new Error('two signatures');
    const bent = [
      compressed(Point.fromBytes(one).add(torsion)),
      compressed(Point.fromBytes(other).subtract(torsion)),
    ] as const;
    const sum = nobleBls.aggregateSignatures([one, other]);
    for (const [, engine] of engines) {
      expect(engine.aggregateSignatures([one, other])).toEqual(sum);
      const cancelled = engine.aggregateSignatures(bent);
      if (cancelled.kind === 'valid') expect(cancelled).toEqual(sum);
      expect(engine.aggregateSignatures([bent[0], other]).kind).toBe('invalid');
      expect(engine.aggregateSignatures([bent[0]]).kind).toBe('invalid');
      expect(engine.checkSignature(bent[1]).kind).toBe('invalid');
    }
  });

  test('random and mutated points get the same verdict from both engines', () => {
    const random = bytesOf('bls fuzz');
    for (let i = 0; i < 150; i++) {
      const point = i % 2 === 0 ? random(48) : signature.slice();
      point[below(random, 48)] = below(random, 256);
      point[0] = (point[0] as number) | (i % 3 === 0 ? 0 : 0x80);
      expect(fastBls.checkSignature(point).kind).toBe(nobleBls.checkSignature(point).kind);
      const key = publicKey.slice();
      key[below(random, 96)] = below(random, 256);
      if (i % 5 === 0) {
        expect(fastBls.checkPublicKey(key).kind).toBe(nobleBls.checkPublicKey(key).kind);
      }
    }
  });

  test('shares of one polynomial agree, whichever they are, and give its value at zero; one that is off, in the group or not, spoils them', () => {
    const random = bytesOf('agreement');
    const torsion = torsionPoint();
    for (const [threshold, count] of [
      [2, 4],
      [3, 4],
      [5, 13],
    ] as const) {
      const message = random(20);
      const dealing = dealShares(fastBls, { threshold, count, entropy: random(32) });
      const expected = valid(fastBls.sign(dealing.secretKey, message));
      for (let sufficient = threshold + 1; sufficient <= count; sufficient += 2) {
        const shares = dealing.shares
          .map((one) => ({ one, order: below(random, 1000) }))
          .sort((left, right) => left.order - right.order)
          .slice(0, sufficient)
          .map(({ one }) => one);
        const indices = shares.map(({ index }) => index);
        const good = shares.map(({ secretKey: secret }) => fastBls.sign(secret, message));
        const bad = below(random, sufficient);
        const share = bls12_381.G1.Point.fromBytes(good[bad] as Uint8Array);
        const [wrong, outside] = [fastBls.hash(message), compressed(share.add(torsion))];
        for (const [, engine] of count === 13 ? engines.slice(1) : engines) {
          expect(engine.combineAgreeing(threshold, indices, good)).toEqual(expected);
          expect(engine.combineAgreeing(threshold, indices, good.with(bad, wrong)).kind).toBe(
            'invalid',
          );
          expect(engine.combineAgreeing(threshold, indices, good.with(bad, outside)).kind).toBe(
            'invalid',
          );
        }
      }
    }
  });

  test('parts outside the group that cancel out where shares are held against each other are found in the result', () => {
    const entropy = new Uint8Array(32).fill(7);
    const { shares } = dealShares(fastBls, { threshold: 2, count: 4, entropy });
    const signed = shares.slice(0, 3).map((one) => fastBls.sign(one.secretKey, utf8('message')));
    const points = signed.map((one) => bls12_381.G1.Point.fromBytes(one));
    // The weights of the first and the third of three are the same.
    const torsion = torsionPoint();
    const bent = [
      compressed((points[0] as typeof torsion).add(torsion)),
      signed[1] as Uint8Array,
      compressed((points[2] as typeof torsion).subtract(torsion)),
    ];
    for (const [, engine] of engines) {
      expect(engine.combineAgreeing(2, [0, 1, 2], signed).kind).toBe('valid');
      expect(engine.combineAgreeing(2, [0, 1, 2], bent).kind).toBe('invalid');
    }
  });

  test('two liars cannot choose their shares for weights that they know', () => {
    const { Fn } = bls12_381.G1.Point;
    const entropy = new Uint8Array(32).fill(8);
    const { shares } = dealShares(fastBls, { threshold: 2, count: 4, entropy });
    const signed = shares.map((one) => fastBls.sign(one.secretKey, utf8('message')));
    // Of the word whose polynomial is x: what they add cancels out under it.
    const xs = [1n, 2n, 3n, 4n];
    const weightOf = (x: bigint): bigint =>
      Fn.mul(
        x,
        Fn.inv(xs.filter((o) => o !== x).reduce((all, o) => Fn.mul(all, Fn.create(x - o)), 1n)),
      );
    const error = bls12_381.G1.Point.BASE;
    const lie = (index: number, factor: bigint): Uint8Array =>
      bls12_381.G1.Point.fromBytes(signed[index] as Uint8Array)
        .add(error.multiply(Fn.create(factor)))
        .toBytes();
    const lies = signed.with(2, lie(2, weightOf(4n))).with(3, lie(3, -weightOf(3n)));
    for (const [, engine] of engines) {
      expect(engine.combineAgreeing(2, [0, 1, 2, 3], signed).kind).toBe('valid');
      expect(engine.combineAgreeing(2, [0, 1, 2, 3], lies).kind).toBe('invalid');
    }
  });

  test('as many shares as decide a polynomial prove nothing', () => {
    for (const [, engine] of engines) {
      const [one, two] = [1, 2].map((i) => fastBls.sign(secretKey, utf8(`${i}`))) as [
        Uint8Array,
        Uint8Array,
      ];
      expect(engine.combineAgreeing(2, [0, 1], [one, two]).kind).toBe('invalid');
      expect(engine.combineAgreeing(0, [0, 1], [one, two]).kind).toBe('invalid');
      expect(engine.combineAgreeing(1, [0, 0], [one, two]).kind).toBe('invalid');
      expect(engine.combineAgreeing(1, [0, 1], [one]).kind).toBe('invalid');
      expect(engine.combineAgreeing(1, [0, 1], [one, one])).toEqual(valid(one));
    }
  });

  test('indices are judged', () => {
    for (const [, engine] of engines) {
      expect(engine.combineShares([1, 1], [signature, signature]).kind).toBe('invalid');
      expect(engine.combineShares([1], [signature, signature]).kind).toBe('invalid');
      expect(engine.combineShares([], []).kind).toBe('invalid');
      expect(engine.combineShares([-1], [signature]).kind).toBe('invalid');
      expect(engine.combineShares([0.5], [signature]).kind).toBe('invalid');
    }
  });
});

describe('keys as DER', () => {
  test('133 bytes with the prefix that clients compare', () => {
    const { publicKey } = generateBlsKey(fastBls, new Uint8Array(32).fill(3));
    const der = blsPublicKeyToDer(publicKey);
    expect(der.length).toBe(133);
    expect(toHex(der.slice(0, 37))).toBe(
      '308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100',
    );
    expect(blsPublicKeyFromDer(der)).toEqual(valid(publicKey));
    for (let i = 0; i < 37; i++) {
      const changed = der.slice();
      changed[i] = (changed[i] as number) ^ 1;
      expect(blsPublicKeyFromDer(changed).kind).toBe('invalid');
    }
    expect(blsPublicKeyFromDer(der.slice(0, 132)).kind).toBe('invalid');
  });
});

describe('threshold signatures', () => {
  const entropy = new Uint8Array(32).fill(9);
  const message = utf8('height 7');
  const { groupPublicKey, shares } = dealShares(fastBls, { threshold: 3, count: 7, entropy });
  const signed = shares.map(({ index, publicKey, secretKey }) => ({
    index,
    publicKey,
    signature: fastBls.sign(secretKey, message),
  }));
  const request = { groupPublicKey, threshold: 3, message };

  test('any three sign, and always the same', () => {
    const first = combineSignature(fastBls, { ...request, shares: signed.slice(0, 3) });
    const last = combineSignature(fastBls, { ...request, shares: signed.slice(4) });
    expect(first).toEqual(last);
    expect(first).toMatchObject({ kind: 'combined', culprits: [] });
    expect(combineSignature(fastBls, { ...request, shares: signed.slice(5) }).kind).toBe(
      'insufficient',
    );
  });

  test.each(engines)('%s names the culprits, and does without them', (_, engine) => {
    const honest = combineSignature(engine, { ...request, shares: signed });
    const other = engine.sign(shares[1]?.secretKey as Uint8Array, utf8('height 8'));
    const tampered = signed.map((share) => {
      if (share.index === 0) return { ...share, signature: new Uint8Array(48) };
      return share.index === 1 ? { ...share, signature: other } : share;
    });
    expect(combineSignature(engine, { ...request, shares: tampered })).toEqual({
      ...honest,
      culprits: [0, 1],
    });
    expect(combineSignature(engine, { ...request, shares: tampered.slice(0, 4) })).toEqual({
      kind: 'insufficient',
      culprits: [0, 1],
    });
  });

  test.each(engines)(
    '%s believes five of seven that agree, and finds culprits as ever when they do not',
    (_, engine) => {
      const verify = vi.spyOn(engine, 'verify');
      const sufficient = 5;
      const combined = combineSignature(engine, { ...request, shares: signed });
      expect(verify).toHaveBeenCalledTimes(1);
      const agreed = combineSignature(engine, { ...request, shares: signed, sufficient });
      expect(agreed).toEqual({ ...combined, agreed: true });
      expect(verify).toHaveBeenCalledTimes(1);
      const few = combineSignature(engine, { ...request, shares: signed.slice(3), sufficient });
      expect(few).toEqual(combined);
      expect(verify).toHaveBeenCalledTimes(2);
      // A bad share that is needed, and one that is not.
      const other = engine.sign(shares[1]?.secretKey as Uint8Array, utf8('height 8'));
      for (const bad of [1, 4]) {
        const tampered = signed.map((share) =>
          share.index === bad ? { ...share, signature: other } : share,
        );
        expect(combineSignature(engine, { ...request, shares: tampered, sufficient })).toEqual({
          ...combined,
          culprits: [bad],
        });
      }
      verify.mockRestore();
    },
  );

  test('the dealing is a function of the entropy', () => {
    const again = dealShares(nobleBls, { threshold: 3, count: 7, entropy });
    expect(toHex(again.groupPublicKey)).toBe(toHex(groupPublicKey));
    const other = dealShares(fastBls, { threshold: 3, count: 7, entropy: bytesOf('x')(32) });
    expect(toHex(other.groupPublicKey)).not.toBe(toHex(groupPublicKey));
    expect(() => dealShares(fastBls, { threshold: 0, count: 1, entropy })).toThrow();
  });
});

describe('multi-signatures', () => {
  const keys = [1, 2, 3].map((i) => generateBlsKey(fastBls, new Uint8Array(32).fill(i)));
  const message = utf8('block');
  const publicKeys = keys.map((key) =>
    unwrap<ProvenKey>(
      verifyPossession(fastBls, key.publicKey, provePossession(fastBls, key.secretKey)),
    ),
  );

  test.each(engines)('%s: all signers, no fewer and no more', (_, engine) => {
    const signatures = keys.map((key) => engine.sign(key.secretKey, message));
    const signature = unwrap(engine.aggregateSignatures(signatures));
    expect(verifyMultiSignature(engine, { publicKeys, message, signature })).toEqual(valid());
    const fewer = publicKeys.slice(1);
    expect(verifyMultiSignature(engine, { publicKeys: fewer, message, signature }).kind).toBe(
      'invalid',
    );
    expect(verifyMultiSignature(engine, { publicKeys: [], message, signature }).kind).toBe(
      'invalid',
    );
  });

  test.each(engines)('%s: possession is proven by the holder only', (_, engine) => {
    const [one, two] = keys as [(typeof keys)[0], (typeof keys)[0]];
    const proof = provePossession(engine, one.secretKey);
    expect(verifyPossession(engine, one.publicKey, proof)).toEqual(valid(one.publicKey));
    expect(verifyPossession(engine, two.publicKey, proof).kind).toBe('invalid');
  });

  test('a rogue key that cancels another one forges a multi-signature, and has no proof of possession', () => {
    const [victim, attacker] = keys as [(typeof keys)[0], (typeof keys)[0]];
    const point = (key: Uint8Array) => bls12_381.G2.Point.fromBytes(key);
    const rogue = point(attacker.publicKey).subtract(point(victim.publicKey)).toBytes();
    const signature = fastBls.sign(attacker.secretKey, message);
    // Were the key taken unproven, the victim would seem to have signed.
    const unproven = [victim.publicKey, rogue] as ProvenKey[];
    expect(verifyMultiSignature(fastBls, { publicKeys: unproven, message, signature })).toEqual(
      valid(),
    );
    // The attacker knows no secret of it: neither its own proof nor the victim's fits.
    for (const { secretKey } of [attacker, victim]) {
      const proof = provePossession(fastBls, secretKey);
      expect(verifyPossession(fastBls, rogue, proof).kind).toBe('invalid');
    }
    const overRogue = concatBytes(separator('internode-bls-possession'), rogue);
    const made = fastBls.sign(attacker.secretKey, overRogue);
    expect(verifyPossession(fastBls, rogue, made).kind).toBe('invalid');
  });
});

/** A point of the curve outside the prime-order subgroup; most points are. */
function pointOutside(): InstanceType<typeof bls12_381.G1.Point> {
  const { Fp } = bls12_381.fields;
  for (let x = 4n; ; x++) {
    try {
      const y = Fp.sqrt(Fp.add(Fp.mul(Fp.sqr(x), x), 4n));
      const point = new bls12_381.G1.Point(x, y, 1n);
      if (!point.isTorsionFree()) return point;
    } catch {}
  }
}

/** Nothing of it lies in the group. */
function torsionPoint(): InstanceType<typeof bls12_381.G1.Point> {
  const outside = pointOutside();
  return outside.multiplyUnsafe(bls12_381.G1.Point.Fn.ORDER - 1n).add(outside);
}

function outsideSubgroup(): Uint8Array {
  return compressed(pointOutside());
}

/** As `toBytes`, which refuses what is not in the group. */
function compressed(point: InstanceType<typeof bls12_381.G1.Point>): Uint8Array {
  const { x, y } = point.toAffine();
  const bytes = fromHex(x.toString(16).padStart(96, '0'));
  const isLarger = 2n * y > bls12_381.fields.Fp.ORDER;
  bytes[0] = (bytes[0] as number) | (isLarger ? 0xa0 : 0x80);
  return bytes;
}
