// node packages/encoding/bench/cbor.bench.ts
// Decoding and encoding a call envelope, and its request id. Best and median of many batches.

import { hash } from 'node:crypto';
import type { CborMap } from '@internode/encoding';
import {
  decodeCborMap,
  encodeCbor,
  nobleHashEngine,
  requestIdOf,
  setHashEngine,
} from '@internode/encoding';

const envelope = {
  content: {
    request_type: 'call',
    sender: new Uint8Array(29).fill(7),
    ingress_expiry: 1685570400000000000n,
    nonce: new Uint8Array(16).fill(1),
    canister_id: new Uint8Array(10).fill(1),
    method_name: 'greet_everyone',
    arg: new Uint8Array(96).fill(9),
  },
  sender_pubkey: new Uint8Array(44).fill(2),
  sender_sig: new Uint8Array(64).fill(3),
};
const bytes = encodeCbor(envelope);
const decoded = decodeCborMap(bytes);
if (decoded.kind !== 'valid') throw new Error(decoded.reason);
const content = decoded.value['content'] as CborMap;

function measure(name: string, work: () => unknown): void {
  const batch = 2000;
  const times: number[] = [];
  for (let i = 0; i < 60; i++) {
    const start = process.hrtime.bigint();
    for (let j = 0; j < batch; j++) work();
    times.push(Number(process.hrtime.bigint() - start) / 1000 / batch);
  }
  times.sort((a, b) => a - b);
  const median = times[30] as number;
  console.log(
    `${name.padEnd(32)} ${median.toFixed(2)} µs (best ${(times[0] as number).toFixed(2)})`,
  );
}

console.log(`envelope of ${bytes.length} bytes, node ${process.version}`);
measure('decode', () => decodeCborMap(bytes));
measure('encode', () => encodeCbor(envelope));
setHashEngine(nobleHashEngine);
measure('request id, noble', () => requestIdOf(content));
setHashEngine({
  sha256: (input) => Buffer.from(hash('sha256', input, 'binary'), 'latin1'),
  sha224: (input) => Buffer.from(hash('sha224', input, 'binary'), 'latin1'),
});
measure('request id, node:crypto', () => requestIdOf(content));
