// Cost of the state with a long request history: node --expose-gc bench/state.bench.ts [entries]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTRACTS, encodeMessage, type Message, type RequestChange } from '@internode/contracts';
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { RocksStore } from '@internode/storage/rocksdb';
import type { StateEffect } from '../src/core/outbox.ts';
import { createStateSolver, type StateAnswer, StateCore } from '../src/index.ts';
import { batch, bls, change, page, publicKey, record, request, SUBNET } from '../test/rig.ts';

const ENTRIES = Number(process.argv[2] ?? 300_000);
const PER_BATCH = 50;
const OPTIONS = {
  subnet: SUBNET,
  checksCertifications: false,
  checkpoints: false,
  seed: new Uint8Array(32),
};
setHashEngine(nodeHashEngine);

const path = mkdtempSync(join(tmpdir(), 'internode-bench-'));
let store = await RocksStore.open({ path });
let core = new StateCore(OPTIONS);
let waiting = 0;
let stepMs = 0;
let storedHeight = 0;
let opened: (() => void) | undefined;
let last: Message | undefined;
const signature = new Uint8Array(48);

/** Processor time of this thread, ms: the machine may be busy. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e3;
}

function hear(message: Message): void {
  // As on the bus: what is said and heard is encoded and decoded.
  const bytes = encodeMessage(message);
  const began = cpuMs();
  const verdict = CONTRACTS[message.kind].decode(bytes);
  if (verdict.kind === 'valid') step({ kind: 'message', message: verdict.value, sender: '' });
  stepMs += cpuMs() - began;
}

function step(input: Parameters<StateCore['step']>[1]): void {
  const effects = core.step({ ms: performance.now(), unixNanos: 0n }, input);
  for (const effect of effects) perform(effect);
}

function perform(effect: StateEffect): void {
  if (effect.kind === 'publish') {
    last = effect.message;
    if (last.kind === 'StateHashed') {
      const { height, root } = last;
      step({
        kind: 'message',
        message: { kind: 'CertificationValue', height, root, signature },
        sender: '',
      });
    } else if (last.kind === 'StateCommitted') storedHeight = last.height;
    else encodeMessage(last);
  } else if (effect.kind === 'solve') {
    waiting += 1;
    createStateSolver({ store, bls, publicKey }).solve(effect.task, (answer: StateAnswer) => {
      waiting -= 1;
      const began = cpuMs();
      step({ kind: 'solved', id: effect.id, answer });
      stepMs += cpuMs() - began;
    });
  } else if (effect.kind === 'observe' && effect.event.kind === 'StoreOpened') opened?.();
}

function idOf(index: number): Uint8Array {
  const id = new Uint8Array(32);
  let word = index + 1;
  for (let i = 0; i < 32; i++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) | 0;
    id[i] = word >>> 24;
  }
  return id;
}

async function start(finalHeight: number): Promise<void> {
  const isOpen = new Promise<void>((resolve) => {
    opened = resolve;
  });
  step({ kind: 'started' });
  await isOpen;
  hear({ kind: 'Readiness', service: 'consensus', ready: true, height: finalHeight, detail: '' });
}

const ecid = request(1).effectiveCanisterId;
const sender = new Uint8Array(29).fill(3);
function requestOf(index: number): RequestChange {
  return request(0, {
    requestId: idOf(index),
    sender,
    effectiveCanisterId: ecid,
    reply: new Uint8Array(16).fill(index),
  });
}

const soon = () => new Promise((resolve) => setImmediate(resolve));
const heights = Math.ceil(ENTRIES / PER_BATCH);
await start(0);
stepMs = 0;
const cpuBefore = process.cpuUsage();
const began = performance.now();
for (let height = 1; height <= heights; height++) {
  const requests = Array.from({ length: PER_BATCH }, (_, i) => requestOf(height * PER_BATCH + i));
  const memories = [
    {
      memory: 'heap',
      cleared: false,
      sizeBytes: 2 ** 20,
      pages: Array.from({ length: 8 }, (_, index) => ({ index, content: page(height) })),
    },
  ] as const;
  hear(
    batch(height, {
      requests,
      canisters: [change(1, { memories, ...(height === 1 && { record: record() }) })],
    }),
  );
  await soon();
}
while (waiting > 0 || storedHeight < heights) await soon();
const tookMs = performance.now() - began;
const cpu = process.cpuUsage(cpuBefore);
const per = (ms: number, count: number) => `${((ms / count) * 1e3).toFixed(1)} µs`;
console.log(
  `${ENTRIES} requests in ${heights} heights of ${PER_BATCH} and 8 pages: ${(tookMs / 1e3).toFixed(1)} s`,
);
console.log(
  `decode, tree, rows and certification on the loop: ${per(stepMs, ENTRIES)} per request`,
);
console.log(
  `all threads, store included: ${per((cpu.user + cpu.system) / 1e3, ENTRIES)} per request`,
);
globalThis.gc?.();
console.log(
  `resident ${(process.memoryUsage.rss() / 2 ** 20) | 0} MiB, heap ${(process.memoryUsage().heapUsed / 2 ** 20) | 0} MiB`,
);

const READS = 20_000;
stepMs = 0;
const labels = (index: number) => [new TextEncoder().encode('request_status'), idOf(index)];
let bytes = 0;
for (let i = 0; i < READS; i++) {
  hear({
    kind: 'ReadCertified',
    readId: new Uint8Array(16),
    paths: [{ labels: labels(PER_BATCH + i * 7) }],
    certificateOnly: true,
  });
  if (last?.kind === 'CertifiedRead') bytes += last.certificate.length;
}
console.log(
  `certificate of one request, decoding the read and encoding the answer: ${per(stepMs, READS)}, ${(bytes / READS) | 0} bytes`,
);

await new Promise((resolve) => setTimeout(resolve, 100));
await store.close();
for (let round = 0; round < 2; round++) {
  const openMs = performance.now();
  store = await RocksStore.open({ path });
  const openedMs = performance.now();
  core = new StateCore(OPTIONS);
  stepMs = 0;
  await start(heights);
  const doneMs = performance.now();
  console.log(
    `restart: open ${(openedMs - openMs) | 0} ms, read and build ${(doneMs - openedMs) | 0} ms, of it on the loop ${stepMs | 0} ms`,
  );
  await store.close();
}
rmSync(path, { recursive: true, force: true });
