// Cost of the request history in the state tree: node --expose-gc bench/request-history.bench.ts
import { emptyTree, encodeHashTree, type Label, witness } from '../src/index.ts';

const ENTRIES = 300_000;
const BATCH = 100;
const REPLY_BYTES = 16;
const replied = new TextEncoder().encode('replied');

function requestId(index: number): Uint8Array {
  const id = new Uint8Array(32);
  let word = index + 1;
  for (let i = 0; i < 32; i++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) | 0;
    id[i] = word >>> 24;
  }
  return id;
}

function heapBytes(): number {
  globalThis.gc?.();
  const usage = process.memoryUsage();
  return usage.heapUsed + usage.external;
}

function pathOf(index: number): Label[] {
  return ['request_status', requestId(index)];
}

const heapBefore = heapBytes();
let tree = emptyTree();
let insertMs = 0;
let hashMs = 0;
for (let start = 0; start < ENTRIES; start += BATCH) {
  const began = performance.now();
  for (let i = start; i < start + BATCH; i++) {
    tree = tree.set(pathOf(i), [
      ['reply', new Uint8Array(REPLY_BYTES).fill(i)],
      ['status', replied],
    ]);
  }
  const inserted = performance.now();
  tree.rootHash();
  insertMs += inserted - began;
  hashMs += performance.now() - inserted;
}
console.log(`entries ${ENTRIES}, bytes per entry ${((heapBytes() - heapBefore) / ENTRIES) | 0}`);
console.log(`insert ${((insertMs / ENTRIES) * 1e3).toFixed(1)} µs per entry`);
console.log(`rehash ${((hashMs / ENTRIES) * 1e3).toFixed(1)} µs per entry in batches of ${BATCH}`);

const rounds = 5_000;
let began = performance.now();
for (let i = 0; i < rounds; i++) {
  tree = tree.set(pathOf(ENTRIES + i), [
    ['reply', replied],
    ['status', replied],
  ]);
  tree.rootHash();
}
console.log(`single insert and rehash ${(((performance.now() - began) / rounds) * 1e3) | 0} µs`);

began = performance.now();
let bytes = 0;
for (let i = 0; i < rounds; i++) {
  bytes += encodeHashTree(witness(tree, [pathOf(i * 7), ['time']])).length;
}
const witnessUs = ((performance.now() - began) / rounds) * 1e3;
console.log(`witness and encode ${witnessUs | 0} µs, ${(bytes / rounds) | 0} bytes`);

began = performance.now();
for (let i = 0; i < rounds; i++) tree = tree.remove(pathOf(i));
tree.rootHash();
console.log(`remove ${(((performance.now() - began) / rounds) * 1e3).toFixed(1)} µs per entry`);
