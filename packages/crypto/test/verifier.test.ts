import { generateKeyPairSync, sign } from 'node:crypto';
import type { SignedMessage } from '@internode/crypto';
import { nodeSignatures, openVerifier } from '@internode/crypto/fast';
import { utf8 } from '@internode/prelude';
import { expect, onTestFinished, test } from 'vitest';
import { readBatch, writeBatch } from '../src/fast/verifier-batch.ts';

const LOADED_MS = 1500;

/** Good and bad ones in turn, of several keys, with messages of many lengths; every seventh by P-256. */
function signatures(count: number): SignedMessage[] {
  const keys = Array.from({ length: 5 }, () => generateKeyPairSync('ed25519'));
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return Array.from({ length: count }, (_, index) => {
    const { publicKey, privateKey } = index % 7 === 6 ? other : (keys[index % 5] ?? other);
    const message = utf8(`request ${'x'.repeat((index * 37) % 1500)}`);
    const signature = new Uint8Array(
      index % 7 === 6
        ? sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' })
        : sign(null, message, privateKey),
    );
    if (index % 3 === 1) signature[index % 64] = (signature[index % 64] ?? 0) ^ 1;
    const publicKeyDer = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
    return { publicKeyDer, message, signature: index % 11 === 5 ? signature.slice(1) : signature };
  });
}

test('the threads judge as the engine does: while they load, when they have, and when they are gone', async () => {
  const verifier = openVerifier(2);
  onTestFinished(() => verifier.close());
  const all = signatures(150);
  const expected = all.map((signed) => nodeSignatures.verify(signed));
  expect(new Set(expected.map(({ kind }) => kind))).toEqual(new Set(['valid', 'invalid']));
  expect(await Promise.all(all.map(verifier.verify))).toEqual(expected);
  const startedMs = performance.now();
  while (performance.now() - startedMs < LOADED_MS) {
    expect(await Promise.all(all.map(verifier.verify))).toEqual(expected);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const underWay = Promise.all(all.map(verifier.verify));
  await new Promise((resolve) => setImmediate(resolve));
  await verifier.close();
  expect(await underWay).toEqual(expected);
  expect(await Promise.all(all.map(verifier.verify))).toEqual(expected);
});

test('what comes faster than threads can judge waits, and each gets its own verdict', async () => {
  const verifier = openVerifier(2);
  onTestFinished(() => verifier.close());
  const all = signatures(100);
  const expected = all.map((signed) => nodeSignatures.verify(signed));
  await verifier.verify(all[0] as SignedMessage);
  await new Promise((resolve) => setTimeout(resolve, LOADED_MS / 2));
  const verdicts: Promise<unknown>[] = [];
  for (const signed of [...all, ...all, ...all]) {
    verdicts.push(verifier.verify(signed));
    // A turn of the loop each: many more batches than threads take at once.
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await Promise.all(verdicts)).toEqual([...expected, ...expected, ...expected]);
});

test('keys that are no points and signatures of nothing are wrong', async () => {
  const verifier = openVerifier(1);
  onTestFinished(() => verifier.close());
  const [good] = signatures(1);
  const publicKeyDer = (good?.publicKeyDer ?? new Uint8Array()).slice().fill(0xff, 12);
  const signed = { publicKeyDer, message: new Uint8Array(0), signature: new Uint8Array(64) };
  for (let round = 0; round < 20; round++) {
    expect(await verifier.verify(signed)).toEqual(nodeSignatures.verify(signed));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('a batch comes out as it went in', () => {
  const batch = [0, 1, 43, 255, 256, 1024].map((length, index) => ({
    key: new Uint8Array(32).fill(index),
    signature: new Uint8Array(64).fill(index + 1),
    message: new Uint8Array(length).fill(index + 2),
  }));
  expect(readBatch(writeBatch(batch))).toEqual(batch);
  expect(readBatch(writeBatch([]))).toEqual([]);
});
