// node bench/network-profile.ts [CALLS] [CONCURRENCY]: what a height costs each of four replicas, and on what. Milliseconds are user and
// system time from /proc of replicas that nobody looks into; then others run with --cpu-prof on all their threads, whose samples that
// are not idle give the shares.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeHashEngine } from '@internode/crypto/fast';
import { principalFromText, setHashEngine } from '@internode/encoding';
import type { CpuProfile } from '@internode/host';
import {
  deployCounter,
  generateSigner,
  NO_ARGUMENTS,
  postAll,
  readCallAnswer,
  signedRequest,
} from '@internode/loadtest';
import { certifiedHeight, type Network, startNetwork } from '../e2e/runner/network.ts';
import { timeByWork } from './cpu-profile.ts';
import { processCpuMs } from './measure.ts';

const [calls = 200, concurrency = 1] = process.argv.slice(2).map(Number);
const REPLICAS = 4;
const WARM_UP = 100;
const EXPIRY_MS = 240_000;

interface Window {
  readonly fromUs: number;
  readonly toUs: number;
  readonly heights: number;
  /** Per height and replica. */
  readonly cpuMs: number;
}

async function measure(): Promise<Window> {
  const network = await startNetwork({ replicas: REPLICAS });
  try {
    const update = await updaterOf(network);
    await update(WARM_UP);
    const [height, cpuMs, fromUs] = [await heightOf(network), cpuOf(network), nowUs()];
    await update(calls);
    const heights = (await heightOf(network)) - height;
    const used = (cpuOf(network) - cpuMs) / heights / REPLICAS;
    return { fromUs, toUs: nowUs(), heights, cpuMs: used };
  } finally {
    await network.stop();
  }
}

async function updaterOf({
  gatewayUrl,
  replicas,
}: Network): Promise<(count: number) => Promise<void>> {
  const canister = await deployCounter(gatewayUrl);
  const canisterId = principalFromText(canister);
  if (canisterId.kind !== 'valid') throw new Error(canisterId.reason);
  const signer = generateSigner();
  return async (count) => {
    const expiryMs = Date.now() + EXPIRY_MS;
    const requests = Array.from({ length: count }, (_, index) =>
      signedRequest(
        {
          kind: 'call',
          canisterId: canisterId.value,
          method: 'inc',
          argument: NO_ARGUMENTS,
          expiryMs: expiryMs + index,
        },
        signer,
      ),
    );
    const { answers } = await postAll({
      url: replicas.map((replica) => replica.gatewayUrl),
      path: `/api/v4/canister/${canister}/call`,
      bodies: requests.map(({ body }) => body),
      concurrency,
    });
    for (const [index, answer] of answers.entries()) {
      const { requestId = NO_ARGUMENTS } = requests[index] ?? {};
      const read = readCallAnswer(answer, requestId, undefined);
      if (read.kind !== 'replied') throw new Error(`update ${index} was not replied`);
    }
  };
}

function heightOf({ gatewayUrl }: Network): Promise<number> {
  return certifiedHeight(gatewayUrl);
}

function cpuOf({ replicas }: Network): number {
  return replicas.reduce((sum, { pid }) => sum + processCpuMs(pid), 0);
}

/** Of the machine's monotonic clock, which profiles count by. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

setHashEngine(nodeHashEngine);
const plain = await measure();
const folder = mkdtempSync(join(tmpdir(), 'internode-profile-'));
process.env['NODE_OPTIONS'] = `--cpu-prof --cpu-prof-interval=1000 --cpu-prof-dir=${folder}`;
const profiled = await measure();
const times = new Map<string, number>();
for (const file of readdirSync(folder)) {
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
  for (const [work, us] of timeByWork(profile, profiled))
    times.set(work, (times.get(work) ?? 0) + us);
}
rmSync(folder, { recursive: true, force: true });
const sum = [...times.values()].reduce((all, us) => all + us, 0);
console.log(
  `${calls} calls, ${concurrency} at a time: ${plain.heights} heights, ${plain.cpuMs.toFixed(1)} ms per height and node ` +
    `(${profiled.cpuMs.toFixed(1)} while profiled)\n`,
);
console.log(`| what | share | ms of ${plain.cpuMs.toFixed(1)} |\n| --- | --- | --- |`);
for (const [work, us] of [...times].sort(([, a], [, b]) => b - a)) {
  const share = us / sum;
  console.log(`| ${work} | ${(100 * share).toFixed(1)} % | ${(share * plain.cpuMs).toFixed(1)} |`);
}
