// Checkpoints and sync of a large state through two stores on disk, with buses between:
// node --disable-warning=ExperimentalWarning bench/sync.bench.ts [MiB] [random|half|text]
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { MessageOf } from '@internode/actor';
import type { Message } from '@internode/contracts';
import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { type Live, live } from '../test/live.ts';
import { batch, change, record } from '../test/rig.ts';
import { epochBegan, packageOf } from '../test/subnet.ts';

const MIB = Number(process.argv[2] ?? 2_048);
const CONTENT = process.argv[3] ?? 'random';
const PAGES_PER_HEIGHT = 1_024;
const HEIGHTS = (MIB * 256) / PAGES_PER_HEIGHT;
const CANISTERS = 16;
setHashEngine(nodeHashEngine);

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const random = randomFillSync(new Uint8Array(1 << 20));
function content(seed: number): Uint8Array {
  const page = new Uint8Array(4096);
  const from = (seed * 2_654_435_761) % (random.length - 4096);
  if (CONTENT !== 'text')
    page.set(random.subarray(from, from + (CONTENT === 'half' ? 2048 : 4096)));
  else
    for (let i = 0; i < 4096; i++)
      page[i] = 97 + ((random[(from + (i >> 3)) % random.length] as number) % 16);
  new DataView(page.buffer).setUint32(0, seed);
  return page;
}

/** Every page of the state is written once. */
function heightOf(height: number): Message {
  const canister = height % CANISTERS;
  const nth = Math.floor((height - 1) / CANISTERS);
  const pages = Array.from({ length: PAGES_PER_HEIGHT }, (_, i) => ({
    index: nth * PAGES_PER_HEIGHT + i,
    content: content(height * PAGES_PER_HEIGHT + i),
  }));
  const sizeBytes = (nth + 1) * PAGES_PER_HEIGHT * 4096;
  const memories = [{ memory: 'heap', cleared: false, sizeBytes, pages }] as const;
  return batch(height, {
    canisters: [change(canister, { memories, ...(nth === 0 && { record: record() }) })],
  });
}

async function grow(node: Live, from: number, to: number): Promise<void> {
  for (let height = from; height <= to; height++) {
    node.caller.tell(heightOf(height));
    await node.until('StateHashed', (said) => said.height >= height);
    if (height % 8 === 0) await node.until('StateCommitted', (said) => said.height >= height - 8);
  }
}

async function measured<T>(name: string, bytes: number, work: () => Promise<T>): Promise<T> {
  const cpu = cpuSeconds();
  const began = performance.now();
  const result = await work();
  const seconds = (performance.now() - began) / 1e3;
  const cpuUsed = cpuSeconds() - cpu;
  const rate = (count: number) => `${(bytes / 1e6 / count).toFixed(0)} MB/s`;
  console.log(
    `${name}: ${seconds.toFixed(1)} s, ${rate(seconds)}; processor ${cpuUsed.toFixed(1)} s, ${rate(cpuUsed)}`,
  );
  return result;
}

const folder = mkdtempSync(join(tmpdir(), 'internode-sync-'));
const bytes = MIB * 2 ** 20;
const donor = await live(join(folder, 'donor'), 1);
const joiner = await live(join(folder, 'joiner'), 2);
donor.link(joiner);
joiner.link(donor);
await measured('written', bytes, () => grow(donor, 1, HEIGHTS - 1));
donor.caller.tell(epochBegan(0, HEIGHTS));
const made = await measured('checkpoint of all rows', bytes, async () => {
  donor.caller.tell(heightOf(HEIGHTS));
  return donor.until('CheckpointMade', ({ height }) => height === HEIGHTS);
});
donor.caller.tell(epochBegan(HEIGHTS, HEIGHTS + 1));
const next = {
  ...(heightOf(HEIGHTS) as MessageOf<'BatchExecuted'>),
  height: HEIGHTS + 1,
  timeNanos: 2n ** 62n,
};
await measured(
  `checkpoint after ${PAGES_PER_HEIGHT} pages were written`,
  PAGES_PER_HEIGHT * 4096,
  async () => {
    donor.caller.tell(next);
    return donor.until('CheckpointMade', ({ height }) => height === HEIGHTS + 1);
  },
);
const sync = { kind: 'SyncState', package: packageOf(made), peers: [donor.id] } as const;
await measured(`synced (${CONTENT})`, bytes, async () => {
  joiner.caller.tell(sync);
  return joiner.until('StateCertified', ({ height }) => height === HEIGHTS);
});
console.log(
  `longest step: donor ${donor.stepMsMax().toFixed(1)} ms, joiner ${joiner.stepMsMax().toFixed(1)} ms`,
);
console.log(
  `carried ${(donor.bytesAnswered() / 1e6).toFixed(0)} MB; resident ${(process.memoryUsage.rss() / 2 ** 20) | 0} MiB`,
);
await joiner.close();
rmSync(join(folder, 'joiner'), { recursive: true });

/** Stopped when half was there, without a word to the store, and started again beside a peer that lies. */
const stopped = await live(join(folder, 'stopped'), 3);
stopped.link(donor);
const before = donor.bytesAnswered();
stopped.caller.tell(sync);
while (donor.bytesAnswered() - before < bytes / 2) await setTimeout(5);
await stopped.close();
const fetched = donor.bytesAnswered() - before;
const liar = Uint8Array.of(9, 2);
const again = await live(join(folder, 'stopped'), 3);
again.link(donor);
let firstLieMs = 0;
again.link({ ...donor, id: liar }, (body) => {
  if (firstLieMs === 0) firstLieMs = performance.now();
  const lie = Uint8Array.from(body);
  lie[lie.length >> 1] = 255 - (lie[lie.length >> 1] as number);
  return lie;
});
const dropped = again.event('SyncPeerDropped').then(() => performance.now() - firstLieMs);
await measured('the rest, with one of two peers lying', bytes - fetched, async () => {
  again.caller.tell({ ...sync, peers: [liar, donor.id] });
  return again.until('StateCertified', ({ height }) => height === HEIGHTS);
});
const [done] = again.events.filter((event) => event.kind === 'SyncDone');
const carried = donor.bytesAnswered() - before - fetched;
const [first, reused, later] = [fetched, done?.bytesReused ?? 0, carried].map(
  (count) => `${(count / 1e6).toFixed(0)} MB`,
);
console.log(`stopped after ${first}; found again ${reused}; carried later ${later}`);
console.log(`the liar was dropped ${(await dropped).toFixed(0)} ms after its first lie`);
await Promise.all([donor.close(), again.close()]);
rmSync(folder, { recursive: true });
