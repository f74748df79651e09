// State sync between processes: four replicas whose canister holds so many MiB that do not compress; one of them loses its disk and
// syncs while the others serve calls.
//
// node bench/sync.ts fill FOLDER [MiB]         makes the network's state (once; minutes)
// node bench/sync.ts measure FOLDER [killed] [liar] [every=MS]
//   killed: SIGKILL when half is there, and started again; liar: another replica spoils what it serves;
//   every: a call so often (50). Calls make heights, and heights take what processors there are: how much is printed
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Principal, principalFromText } from '@internode/encoding';
import { generateSigner, percentile, readCallAnswer, signedRequest } from '@internode/loadtest';
import { currentClient } from '../e2e/runner/clients.ts';
import { watModule } from '../e2e/runner/modules.ts';
import { certifiedHeight, type Network, startNetwork } from '../e2e/runner/network.ts';
import { startReplica } from '../e2e/runner/replica.ts';
import { Household } from './household.ts';
import { processCpuMs } from './measure.ts';

const EPOCH = 200;
const FILL_MIB = 16;
/** Pushes the blocks out of the peers' journals, which hold 64 MiB, so that no blocks lead from an empty disk to the state. */
const PUSHED_MIB = 80;
/** A call so often, until there is a checkpoint. */
const HURRY_MS = 50;
const OPEN_MAX = 100;
const CHECKED_MS_PER_MIB = 14;
const QUIET_MS = 20_000;
const TIMEOUT_MS = 180_000;
const LIAR = fileURLToPath(new URL('./lying-server.ts', import.meta.url));

const [what, folder = '', ...options] = process.argv.slice(2);
const everyMs = Number(options.find((option) => option.startsWith('every='))?.slice(6) ?? 50);
const household = new Household();
const note = join(folder, 'sync-bench.json');
/** Everything that the replicas print goes there. */
const file = createWriteStream(`${folder}.log`, { flags: 'a' });
let logged = '';

function spawned(child: ChildProcess): void {
  household.keep(child);
  child.stdout?.pipe(file, { end: false });
  child.stderr?.pipe(file, { end: false });
  child.stderr?.on('data', (text) => (logged += text));
}

async function open(): Promise<Network> {
  const args = ['--epoch-length', String(EPOCH)];
  const network = await startNetwork({
    replicas: 4,
    dataDir: folder,
    args,
    spawned,
  });
  console.log(`ready after ${(network.readyMs / 1e3).toFixed(1)} s`);
  return network;
}

interface Note {
  readonly canister: string;
  readonly mib: number;
}

function noted(): Note | undefined {
  return existsSync(note) ? (JSON.parse(readFileSync(note, 'utf8')) as Note) : undefined;
}

function keep(noted: Note): void {
  writeFileSync(note, JSON.stringify(noted));
}

/** Goes on where it was stopped. */
async function fill(mib: number): Promise<void> {
  const network = await open();
  const client = await currentClient.open(network);
  const before = noted();
  const canister = before?.canister ?? (await client.create(100_000_000_000_000_000n));
  if (before === undefined) await client.install(canister, await watModule('pages.wat'));
  const calls = new Calls(network, canister);
  for (let first = before?.mib ?? 0; first < mib; first += FILL_MIB) {
    const argument = new Uint8Array(8);
    const view = new DataView(argument.buffer);
    view.setUint32(0, first, true);
    view.setUint32(4, FILL_MIB, true);
    await calls.call('fill', argument);
    keep({ canister, mib: first + FILL_MIB });
    if (first % 256 === 0) console.log(`${first} MiB`);
  }
  for (let sent = 0; sent < PUSHED_MIB; sent++)
    await calls.call('inc', new Uint8Array(1024 * 1024).fill(sent));
  keep({ canister, mib });
  await network.stop();
}

interface Latency {
  readonly atMs: number;
  readonly tookMs: number;
}

/** Certified updates through some replicas, each answer checked. */
class Calls {
  readonly #urls: readonly string[];
  readonly #canister: string;
  readonly #canisterId: Principal;
  readonly #signer = generateSigner();
  readonly latencies: Latency[] = [];
  #sent = 0;

  constructor({ replicas }: Network, canister: string) {
    const id = principalFromText(canister);
    if (id.kind !== 'valid') throw new Error(id.reason);
    this.#urls = replicas.slice(0, 2).map(({ gatewayUrl }) => gatewayUrl);
    this.#canister = canister;
    this.#canisterId = id.value;
  }

  async call(method: string, argument = new Uint8Array(0)): Promise<void> {
    const url = this.#urls[this.#sent++ % this.#urls.length];
    const fields = { kind: 'call', canisterId: this.#canisterId, method, argument } as const;
    const request = signedRequest({ ...fields, expiryMs: Date.now() + 240_000 }, this.#signer);
    // What is not certified within ten seconds (202) is sent again: it runs once.
    for (;;) {
      const response = await fetch(`${url}/api/v4/canister/${this.#canister}/call`, {
        method: 'POST',
        headers: { 'content-type': 'application/cbor' },
        body: request.body as Uint8Array<ArrayBuffer>,
      });
      const body = new Uint8Array(await response.arrayBuffer());
      const answer = readCallAnswer({ status: response.status, body }, request.requestId);
      if (answer.kind === 'replied') return;
      // Heights that write much take their time, and so does a replica that catches up.
      if (response.status === 503 || response.status === 429) await setTimeout(200);
      else if (answer.kind !== 'accepted') throw new Error(JSON.stringify(answer));
    }
  }

  /** One call each beat, whether or not earlier ones were answered unless very many were not, until told to stop. */
  async load(stopped: AbortSignal, everyMs: number): Promise<void> {
    const open = new Set<Promise<void>>();
    while (!stopped.aborted) {
      await setTimeout(everyMs);
      if (open.size >= OPEN_MAX) continue;
      const atMs = performance.now();
      const call = this.call('inc').then(() => {
        open.delete(call);
        this.latencies.push({ atMs, tookMs: performance.now() - atMs });
      });
      open.add(call);
    }
    await Promise.all(open);
  }

  between(fromMs: number, toMs: number): string {
    const these = this.latencies.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
    const took = Float64Array.from(these, ({ tookMs }) => tookMs);
    const at = (part: number) => `${percentile(took, part).toFixed(0)} ms`;
    return `${took.length} calls, p50 ${at(0.5)}, p99 ${at(0.99)}`;
  }
}

/** When each line with this text was logged. */
function times(child: ChildProcess, text: string): readonly number[] {
  const atMs: number[] = [];
  child.stderr?.on('data', (chunk) => {
    const count = String(chunk).split(text).length - 1;
    for (let i = 0; i < count; i++) atMs.push(performance.now());
  });
  return atMs;
}

/** When something was logged first, and the line. */
function printed(child: ChildProcess, text: string): Promise<{ atMs: number; line: string }> {
  return new Promise((resolve) => {
    let all = '';
    child.stderr?.on('data', (chunk) => {
      all += chunk;
      const line = all.split('\n').find((each) => each.includes(text));
      if (line !== undefined) resolve({ atMs: performance.now(), line });
    });
  });
}

async function measure(): Promise<void> {
  const { canister, mib } = noted() as Note;
  const network = await open();
  const openedMs = performance.now();
  const calls = new Calls(network, canister);
  const others = network.replicas.slice(0, 3).map(({ pid }) => pid);
  if (options.includes('liar')) {
    network.kill(2);
    const { dataDir, gatewayUrl } = network.replica(2);
    const environment = { NODE_OPTIONS: `--import=${LIAR}` };
    const port = Number(new URL(gatewayUrl).port);
    const liar = await startReplica({ dataDir, port, environment, spawned, timeoutMs: TIMEOUT_MS });
    others[2] = liar.pid;
  }
  network.kill(3);
  const cpu = (pids: readonly number[]) =>
    pids.reduce((sum, pid) => sum + processCpuMs(pid), 0) / 1e3;
  await setTimeout(3_000);
  const hurry = new AbortController();
  const hurried = calls.load(hurry.signal, HURRY_MS);
  await served(others.length);
  hurry.abort();
  await hurried;
  const stop = new AbortController();
  const load = calls.load(stop.signal, everyMs);
  // A store of this size is read through once after its start, 100 MB a second.
  await setTimeout(Math.max(0, mib * CHECKED_MS_PER_MIB - performance.now() + openedMs));
  const height = await certifiedHeight(network.gatewayUrl);
  const quiet = [performance.now(), cpu(others), height] as const;
  await setTimeout(QUIET_MS);
  const quietCpu = (cpu(others) - quiet[1]) / (QUIET_MS / 1e3);
  const heights = (await certifiedHeight(network.gatewayUrl)) - quiet[2];
  console.log(`quiet: ${calls.between(quiet[0], performance.now())}`);
  console.log(`quiet: ${heights} heights, the others take ${quietCpu.toFixed(2)} processors`);
  const { dataDir, gatewayUrl } = network.replica(3);
  for (const entry of ['journal', 'store'])
    rmSync(join(dataDir, entry), { recursive: true, force: true });
  const start = async (half: boolean) => {
    const born = Promise.withResolvers<ChildProcess>();
    const started = startReplica({
      dataDir,
      port: Number(new URL(gatewayUrl).port),
      timeoutMs: TIMEOUT_MS,
      spawned: (child) => {
        spawned(child);
        born.resolve(child);
      },
    });
    started.catch(() => {});
    const child = await born.promise;
    const lies = times(child, 'a peer gave wrong state');
    const done = printed(child, 'state was fetched from peers');
    const began = await printed(child, 'state is fetched from peers');
    if (half) {
      await halfOf(gatewayUrl, mib * 2 ** 20);
      child.kill('SIGKILL');
      console.log(`killed ${((performance.now() - began.atMs) / 1e3).toFixed(1)} s after it began`);
      await setTimeout(500);
      return undefined;
    }
    const cpuBefore = cpu(others);
    const end = await done;
    const seconds = (end.atMs - began.atMs) / 1e3;
    const cpus = [cpu([child.pid ?? 0]), cpu(others) - cpuBefore];
    const rate = (mib * 2 ** 20) / 1e6 / seconds;
    console.log(`synced in ${seconds.toFixed(1)} s: ${rate.toFixed(0)} MB/s of state`);
    console.log(`processor: joiner ${cpus[0]?.toFixed(1)} s, others ${cpus[1]?.toFixed(1)} s`);
    console.log(end.line.trim());
    console.log(`during the sync: ${calls.between(began.atMs, end.atMs)}`);
    const [first, last] = [lies.at(0), lies.at(-1)];
    if (first !== undefined && last !== undefined)
      console.log(`a liar: ${lies.length} wrong answers within ${(last - first).toFixed(0)} ms`);
    const replica = await started;
    console.log(`ready ${((performance.now() - end.atMs) / 1e3).toFixed(1)} s later`);
    return replica;
  };
  if (options.includes('killed')) await start(true);
  const joiner = await start(false);
  stop.abort();
  await load;
  // The next run needs its folder.
  await joiner?.stop();
  await network.stop();
  household.close();
  process.exit(0);
}

/**
 * So many replicas have made a checkpoint in this life: they serve what they hold, as those do that have been up for a while. From
 * the disk they would compare each chunk with its hash first.
 */
async function served(replicas: number): Promise<void> {
  const having = () => logged.match(/^(?!3 ).*checkpoint made.*$/gm) ?? [];
  while (having().length < replicas) await setTimeout(100);
}

async function halfOf(gatewayUrl: string, bytes: number): Promise<void> {
  for (;;) {
    const metrics = await fetch(`${gatewayUrl}/metrics`).then((response) => response.text());
    const done = /sync_bytes_done\S* (\d+)/.exec(metrics);
    if (Number(done?.[1] ?? 0) > bytes / 2) return;
    await setTimeout(100);
  }
}

if (what === 'fill') await fill(Number(options[0] ?? 2_048));
else if (what === 'measure') await measure();
else console.log('fill or measure');
