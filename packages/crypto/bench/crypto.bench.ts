// node packages/crypto/bench/crypto.bench.ts
// What a node pays for signatures, shares and hashes with the fast and the reference engines.

import { combineSignature, dealShares, nobleBls, nobleSignatures } from '@internode/crypto';
import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { utf8 } from '@internode/prelude';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { measure } from './measure.ts';

const message = utf8('\x0Dic-state-root and a hash of 32 byte');
const start = process.hrtime.bigint();
const fastBls = await loadFastBls();
console.log(`loading mcl: ${Number((process.hrtime.bigint() - start) / 1_000_000n)} ms`);

for (const engine of [fastBls, nobleBls]) {
  const entropy = new Uint8Array(32).fill(1);
  const { secretKey, groupPublicKey: publicKey } = dealShares(engine, {
    threshold: 1,
    count: 1,
    entropy,
  });
  const signature = engine.sign(secretKey, message);
  let counter = 0;
  const fresh = () => Uint8Array.from(message, (byte, i) => (i === 0 ? counter++ : byte));
  measure(`${engine.name}: sign, new message`, () => engine.sign(secretKey, fresh()));
  measure(`${engine.name}: public key`, () => engine.publicKey(secretKey));
  measure(`${engine.name}: verify`, () => engine.verify({ publicKey, message, signature }));
}

for (const [threshold, count] of [
  [3, 4],
  [9, 13],
] as const) {
  const entropy = new Uint8Array(32).fill(2);
  const { groupPublicKey, shares } = dealShares(fastBls, { threshold, count, entropy });
  const signed = shares.map(({ index, publicKey, secretKey }) => {
    return { index, publicKey, signature: fastBls.sign(secretKey, message) };
  });
  const request = { groupPublicKey, threshold, message };
  measure(`mcl: combine ${threshold} of ${count}, all good`, () =>
    combineSignature(fastBls, { ...request, shares: signed }),
  );
  const [first, second, ...rest] = signed;
  if (first === undefined || second === undefined) continue;
  const forged = [{ ...first, signature: second.signature }, second, ...rest];
  measure(`mcl: combine ${threshold} of ${count}, one forged`, () =>
    combineSignature(fastBls, { ...request, shares: forged }),
  );
}

for (const engine of [nodeSignatures, nobleSignatures]) {
  const secret = new Uint8Array(32).fill(3);
  const publicKeyDer = engine.ed25519PublicKey(secret);
  const signature = engine.signEd25519(secret, message);
  measure(`${engine.name}: Ed25519 sign`, () => engine.signEd25519(secret, message));
  measure(`${engine.name}: Ed25519 verify`, () =>
    engine.verify({ publicKeyDer, message, signature }),
  );
}

for (const bytes of [64, 4096]) {
  const input = new Uint8Array(bytes);
  measure(`node: SHA-256 of ${bytes} bytes`, () => nodeHashEngine.sha256(input));
  measure(`noble: SHA-256 of ${bytes} bytes`, () => nobleSha256(input));
}
