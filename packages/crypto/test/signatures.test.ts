import type { KeyObject } from 'node:crypto';
import { createPublicKey, createSign, generateKeyPairSync, sign } from 'node:crypto';
import { ECDSAKeyIdentity, Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import { Secp256k1KeyIdentity } from '@icp-sdk/core/identity/secp256k1';
import type { SignatureEngine, SignedMessage } from '@internode/crypto';
import { nobleSignatures, parseUserKey, sha256 } from '@internode/crypto';
import { nodeSignatures, signOnPool, verifyOnPool } from '@internode/crypto/fast';
import { encodeCbor } from '@internode/encoding';
import { concatBytes, fromHex, toHex, utf8, valid } from '@internode/prelude';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { describe, expect, test } from 'vitest';
import { below, bytesOf } from './random.ts';

const engines: readonly SignatureEngine[] = [nobleSignatures, nodeSignatures];
const message = utf8('\x0Aic-request and an id of 32 bytes');

type Sample = { name: string; signed: SignedMessage };

function spki(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }));
}

/** A key and a signature of each plain scheme, made by OpenSSL. */
function plainSamples(): Sample[] {
  const edwards = generateKeyPairSync('ed25519');
  const samples: Sample[] = [
    {
      name: 'Ed25519',
      signed: {
        publicKeyDer: spki(edwards.publicKey),
        message,
        signature: new Uint8Array(sign(null, message, edwards.privateKey)),
      },
    },
  ];
  for (const [name, namedCurve] of [
    ['P-256', 'P-256'],
    ['secp256k1', 'secp256k1'],
  ] as const) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
    const key = { key: privateKey, dsaEncoding: 'ieee-p1363' as const };
    const signature = new Uint8Array(sign('sha256', message, key));
    samples.push({ name, signed: { publicKeyDer: spki(publicKey), message, signature } });
  }
  return samples;
}

function expectAll(signed: SignedMessage, kind: 'valid' | 'invalid', what = ''): void {
  for (const engine of engines) {
    expect([engine.name, what, engine.verify(signed).kind]).toEqual([engine.name, what, kind]);
  }
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[at] = (flipped[at] as number) ^ 1;
  return flipped;
}

test('signed on the pool as in place', async () => {
  const secret = new Uint8Array(32).fill(7);
  const signature = await signOnPool(secret, message);
  expect(signature).toEqual(nodeSignatures.signEd25519(secret, message));
  expect(signature.constructor).toBe(Uint8Array);
});

test('on the pool as in place: every scheme, good, forged and no key at all', async () => {
  const samples = plainSamples().map(({ signed }) => signed);
  const forged = samples.map((signed) => ({ ...signed, signature: flip(signed.signature, 5) }));
  const short = samples.map((signed) => ({ ...signed, signature: signed.signature.slice(1) }));
  const noKey = samples.map((signed) => ({
    ...signed,
    publicKeyDer: flip(signed.publicKeyDer, 3),
  }));
  // 32 times ff is no point of the curve, and no field element either.
  const [first] = samples;
  const noPoint = {
    ...(first as SignedMessage),
    publicKeyDer: first?.publicKeyDer.slice().fill(0xff, 12),
  };
  const all = [...samples, ...forged, ...short, ...noKey, noPoint as SignedMessage];
  const verdicts = await Promise.all(all.map(verifyOnPool));
  expect(verdicts).toEqual(all.map((signed) => nodeSignatures.verify(signed)));
  expect(verdicts.map(({ kind }) => kind === 'valid').filter(Boolean)).toHaveLength(samples.length);
});

describe('row 13: Ed25519, P-256 and secp256k1 signatures, r‖s form', () => {
  test.each(plainSamples())('$name of OpenSSL', ({ signed }) => {
    expectAll(signed, 'valid');
    expectAll({ ...signed, message: utf8('other') }, 'invalid');
    for (let at = 0; at < 64; at += 7) {
      expectAll({ ...signed, signature: flip(signed.signature, at) }, 'invalid');
    }
    for (const signature of [new Uint8Array(64), new Uint8Array(0), signed.signature.slice(1)]) {
      expectAll({ ...signed, signature }, 'invalid');
    }
    const der = signed.publicKeyDer;
    for (let at = 0; at < der.length; at++) {
      expectAll({ ...signed, publicKeyDer: flip(der, at) }, 'invalid', `bit of byte ${at}`);
    }
    expectAll({ ...signed, publicKeyDer: concatBytes(der, new Uint8Array(1)) }, 'invalid');
    const longForm = concatBytes(new Uint8Array([0x30, 0x81, der.length - 2]), der.slice(2));
    expectAll({ ...signed, publicKeyDer: longForm }, 'invalid', 'length not in shortest form');
    expectAll({ ...signed, publicKeyDer: der.slice(0, -1) }, 'invalid');
  });

  test('identities of the client library', async () => {
    for (const identity of [
      Ed25519KeyIdentity.generate(new Uint8Array(32).fill(4)),
      Secp256k1KeyIdentity.generate(new Uint8Array(32).fill(4)),
      await ECDSAKeyIdentity.generate(),
    ]) {
      const publicKeyDer = new Uint8Array(identity.getPublicKey().toDer());
      const signature = new Uint8Array(await identity.sign(message));
      expectAll({ publicKeyDer, message, signature }, 'valid');
      expectAll({ publicKeyDer, message: utf8('x'), signature }, 'invalid');
    }
  });

  test('an ECDSA signature in DER, or of a compressed key, is refused', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKeyDer = spki(publicKey);
    const signature = new Uint8Array(sign('sha256', message, privateKey));
    expectAll({ publicKeyDer, message, signature }, 'invalid');
    const point = publicKeyDer.slice(-65);
    const compressed = concatBytes(
      fromHex('3039301306072a8648ce3d020106082a8648ce3d030107032200'),
      new Uint8Array([2 + ((point[64] as number) & 1)]),
      point.slice(1, 33),
    );
    expect(() => {
      createPublicKey({ key: Buffer.from(compressed), format: 'der', type: 'spki' });
    }).not.toThrow();
    expect(parseUserKey(compressed).kind).toBe('invalid');
  });

  test('either sign of s, as the specification asks for no other', () => {
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const sample = plainSamples()[2] as Sample;
    const { signature } = sample.signed;
    const s = BigInt(`0x${toHex(signature.slice(32))}`);
    const other = fromHex((order - s).toString(16).padStart(64, '0'));
    const mirrored = concatBytes(signature.slice(0, 32), other);
    expectAll({ ...sample.signed, signature: mirrored }, 'valid');
  });
});

describe('Ed25519 where engines are known to differ', () => {
  const { Point } = ed25519;
  const order = Point.Fn.ORDER;

  test('keys of small order and keys that are not canonical are refused', () => {
    const torsion = Point.fromHex(
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    );
    let point = torsion;
    for (let i = 0; i < 8; i++) {
      expect(point.isSmallOrder()).toBe(true);
      const publicKeyDer = derOf(point.toBytes());
      expect(parseUserKey(publicKeyDer)).toMatchObject({
        reason: 'public key: Ed25519 key of small order',
      });
      point = point.add(torsion);
    }
    for (let low = 0xed; low <= 0xff; low++) {
      const key = new Uint8Array(32).fill(0xff);
      key[0] = low;
      for (const last of [0x7f, 0xff]) {
        key[31] = last;
        expect(parseUserKey(derOf(key))).toMatchObject({
          reason: 'public key: Ed25519 key not canonical',
        });
      }
    }
  });

  test('keys with a small-order component: the same verdict from both engines', () => {
    const torsion = Point.fromHex(
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    );
    const seen = new Set<string>();
    for (let i = 1n; i < 40n; i++) {
      const [secret, nonce] = [123456789n * i, 987654321n * i];
      const key = Point.BASE.multiply(secret).add(torsion).toBytes();
      const r = Point.BASE.multiply(nonce).toBytes();
      const k = fromLittleEndian(sha512(concatBytes(r, key, message))) % order;
      const s = toLittleEndian((nonce + k * secret) % order);
      const signed = { publicKeyDer: derOf(key), message, signature: concatBytes(r, s) };
      const kinds = engines.map((engine) => engine.verify(signed).kind);
      expect(kinds[0]).toBe(kinds[1]);
      seen.add(kinds[0] as string);
    }
    expect(seen.size).toBe(2);
  });

  test('s beyond the order is refused', () => {
    const { signed } = plainSamples()[0] as Sample;
    const s = fromLittleEndian(signed.signature.slice(32));
    const larger = concatBytes(signed.signature.slice(0, 32), toLittleEndian(s + order));
    expectAll({ ...signed, signature: larger }, 'invalid');
  });
});

describe('row 89: WebAuthn signatures: P-256, RSA, Ed25519', () => {
  const authenticatorData = new Uint8Array(37).fill(3);

  function clientData(challenge: Uint8Array): string {
    return JSON.stringify({
      type: 'webauthn.get',
      challenge: Buffer.from(challenge).toString('base64url'),
      origin: 'https://example.org',
    });
  }

  function wrap(json: string, signer: (signed: Uint8Array) => Uint8Array): Uint8Array {
    const signed = concatBytes(authenticatorData, sha256(utf8(json)));
    return encodeCbor({
      authenticator_data: authenticatorData,
      client_data_json: json,
      signature: signer(signed),
    });
  }

  function samples(): (Sample & { signer: (signed: Uint8Array) => Uint8Array })[] {
    const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const edwards = generateKeyPairSync('ed25519');
    const point = spki(p256.publicKey).slice(-64);
    const jwk = rsa.publicKey.export({ format: 'jwk' });
    const modulus = fromBase64Url(jwk.n);
    const exponent = fromBase64Url(jwk.e);
    const parts: [string, string, (signed: Uint8Array) => Uint8Array][] = [
      [
        'P-256',
        `a50102032620012158${'20'}${toHex(point.slice(0, 32))}2258${'20'}${toHex(point.slice(32))}`,
        (bytes) => new Uint8Array(createSign('sha256').update(bytes).sign(p256.privateKey)),
      ],
      [
        'RSA',
        `a401030339010020590100${toHex(modulus)}2143${toHex(exponent)}`,
        (bytes) => new Uint8Array(sign('sha256', bytes, rsa.privateKey)),
      ],
      [
        'Ed25519',
        `a4010103272006215820${toHex(spki(edwards.publicKey).slice(-32))}`,
        (bytes) => new Uint8Array(sign(null, bytes, edwards.privateKey)),
      ],
    ];
    return parts.map(([name, cose, signer]) => ({
      name,
      signer,
      signed: {
        publicKeyDer: coseDer(fromHex(cose)),
        message,
        signature: wrap(clientData(message), signer),
      },
    }));
  }

  test.each(samples())('$name', ({ signed, signer }) => {
    expectAll(signed, 'valid');
    expectAll({ ...signed, message: utf8('other') }, 'invalid');
    const other = wrap(clientData(utf8('other')), signer);
    expectAll({ ...signed, signature: other }, 'invalid', 'challenge');
    const broken = wrap('{"challenge":', signer);
    expectAll({ ...signed, signature: broken }, 'invalid', 'json');
    const nothing = wrap('null', signer);
    expectAll({ ...signed, signature: nothing }, 'invalid', 'null');
    const unsigned = wrap(clientData(message), (bytes) => signer(bytes.slice(1)));
    expectAll({ ...signed, signature: unsigned }, 'invalid', 'inner signature');
    expectAll({ ...signed, signature: new Uint8Array(64) }, 'invalid', 'not CBOR');
    expectAll({ ...signed, signature: new Uint8Array(20_000) }, 'invalid', 'long');
  });

  test('an ECDSA signature is DER, in its one form', () => {
    const sample = samples()[0];
    if (sample === undefined) throw new Error('no sample');
    const raw = wrap(clientData(message), () => new Uint8Array(64).fill(1));
    expectAll({ ...sample.signed, signature: raw }, 'invalid');
    const pad = (integer: Uint8Array) => concatBytes(new Uint8Array(1), integer);
    for (const change of [
      (r: Uint8Array, s: Uint8Array) =>
        element(0x30, concatBytes(element(2, pad(r)), element(2, s))),
      (r: Uint8Array, s: Uint8Array) =>
        element(0x30, concatBytes(element(2, r), element(2, pad(s)))),
      (r: Uint8Array, s: Uint8Array) => {
        return pad(element(0x30, concatBytes(element(2, r), element(2, s)))).subarray(1, -1);
      },
      (r: Uint8Array, s: Uint8Array) => {
        const body = concatBytes(element(2, r), element(2, s));
        return concatBytes(new Uint8Array([0x30, 0x81, body.length]), body);
      },
      (r: Uint8Array, s: Uint8Array) => {
        return element(0x30, concatBytes(element(2, r), element(2, s), new Uint8Array(1)));
      },
    ]) {
      const signature = wrap(clientData(message), (signed) => {
        const der = sample.signer(signed);
        const r = der.slice(4, 4 + (der[3] as number));
        const s = der.slice(6 + r.length);
        expect(element(0x30, concatBytes(element(2, r), element(2, s)))).toEqual(der);
        return change(r, s);
      });
      expectAll({ ...sample.signed, signature }, 'invalid', String(change));
    }
  });

  test('COSE keys with other parameters are refused', () => {
    const key = '20'.repeat(32);
    for (const cose of [
      'a0',
      `a401010326200621${'58'}20${key}`,
      `a4010103272007215820${key}`,
      `a401010327200621581f${'20'.repeat(31)}`,
      `a401030339010020583f${'ff'.repeat(63)}2143010001`,
      `a401030339010020590100${'ff'.repeat(256)}2101`,
      `a401030339010020590100${'ff'.repeat(256)}214101`,
      `a401030339010020590100${'ff'.repeat(255)}fe2143010001`,
      `a5010203262001215820${key}22581f${'20'.repeat(31)}`,
    ]) {
      expect([cose, parseUserKey(coseDer(fromHex(cose))).kind]).toEqual([cose, 'invalid']);
    }
  });
});

test('canister signatures are left to who has the certificate', () => {
  const bits = concatBytes(new Uint8Array([10]), new Uint8Array(10).fill(7), utf8('seed'));
  const publicKeyDer = wrapSpki('300c060a2b0601040183b8430102', bits);
  expect(parseUserKey(publicKeyDer)).toEqual(
    valid({ kind: 'canister', canisterId: new Uint8Array(10).fill(7), seed: utf8('seed') }),
  );
  for (const engine of engines) {
    const verdict = engine.verify({ publicKeyDer, message, signature: new Uint8Array(9) });
    expect(verdict.kind).toBe('undecided');
  }
  const short = wrapSpki('300c060a2b0601040183b8430102', new Uint8Array([10, 1]));
  expect(parseUserKey(short).kind).toBe('invalid');
});

test('node keys: the same key and signature from both engines, 44 bytes DER', () => {
  const random = bytesOf('node keys');
  for (let i = 0; i < 20; i++) {
    const secret = random(32);
    const publicKeyDer = nobleSignatures.ed25519PublicKey(secret);
    expect(publicKeyDer.length).toBe(44);
    expect(nodeSignatures.ed25519PublicKey(secret)).toEqual(publicKeyDer);
    const signature = nodeSignatures.signEd25519(secret, message);
    expect(nobleSignatures.signEd25519(secret, message)).toEqual(signature);
    expectAll({ publicKeyDer, message, signature }, 'valid');
  }
});

test('random and mutated keys and signatures never throw, and engines agree', () => {
  const random = bytesOf('signature fuzz');
  const samples = plainSamples();
  for (let i = 0; i < 400; i++) {
    const { signed } = samples[i % 3] as Sample;
    const publicKeyDer = signed.publicKeyDer.slice();
    const signature = signed.signature.slice();
    if (i % 2 === 0) publicKeyDer[below(random, publicKeyDer.length)] = below(random, 256);
    else signature[below(random, 64)] = below(random, 256);
    const [noble, node] = engines.map((engine) => {
      return engine.verify({ publicKeyDer, message, signature }).kind;
    });
    expect(noble).toBe(node);
  }
  for (let i = 0; i < 5000; i++) {
    const der = random(below(random, 120));
    if (der.length > 1) der.set([0x30, der.length - 2]);
    expect(parseUserKey(der).kind).toBe('invalid');
  }
});

function derOf(key: Uint8Array): Uint8Array {
  return concatBytes(fromHex('302a300506032b6570032100'), key);
}

function coseDer(cose: Uint8Array): Uint8Array {
  return wrapSpki('300c060a2b0601040183b8430101', cose);
}

function wrapSpki(algorithm: string, bits: Uint8Array): Uint8Array {
  const content = concatBytes(new Uint8Array([0]), bits);
  return element(0x30, concatBytes(fromHex(algorithm), element(0x03, content)));
}

function element(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const head =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8];
  return concatBytes(Uint8Array.from(length < 256 ? head : [...head, length & 255]), content);
}

function fromBase64Url(text: string | undefined): Uint8Array {
  return new Uint8Array(Buffer.from(text ?? '', 'base64url'));
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`);
}

function toLittleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).reverse();
}
