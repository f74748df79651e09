// node bench/network-profile.ts [CALLS] [CONCURRENCY]: what a height costs each of four replicas, and on what. All of their threads run
// with --cpu-prof; shares are of samples that are not idle, milliseconds are those shares of what /proc says.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeHashEngine } from '@internode/crypto/fast';
import { principalFromText, setHashEngine } from '@internode/encoding';
import {
  deployCounter,
  generateSigner,
  postAll,
  readCallAnswer,
  signedRequest,
} from '@internode/loadtest';
import { certifiedHeight, startNetwork } from '../e2e/runner/network.ts';
import { type CpuProfile, timeByWork } from './cpu-profile.ts';
import { processCpuMs } from './measure.ts';

const [calls = 200, concurrency = 1] = process.argv.slice(2).map(Number);
const NO_ARGUMENTS = Uint8Array.from([0x44, 0x49, 0x44, 0x4c, 0, 0]);
const WARM_UP = 60;
const EXPIRY_MS = 240_000;

setHashEngine(nodeHashEngine);
const folder = mkdtempSync(join(tmpdir(), 'internode-profile-'));
process.env['NODE_OPTIONS'] = `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${folder}`;
const network = await startNetwork({ replicas: 4 });
delete process.env['NODE_OPTIONS'];
const canister = await deployCounter(network.gatewayUrl);
const canisterId = principalFromText(canister);
if (canisterId.kind !== 'valid') throw new Error(canisterId.reason);
const signer = generateSigner();

async function update(count: number): Promise<void> {
  const requests = Array.from({ length: count }, () => {
    const expiryMs = Date.now() + EXPIRY_MS - Math.random() * 1_000;
    const call = {
      kind: 'call',
      canisterId: target,
      method: 'inc',
      argument: NO_ARGUMENTS,
      expiryMs,
    } as const;
    return signedRequest(call, signer);
  });
  const { answers } = await postAll({
    url: network.replicas.map(({ gatewayUrl }) => gatewayUrl),
    path: `/api/v4/canister/${canister}/call`,
    bodies: requests.map(({ body }) => body),
    concurrency,
  });
  for (const [index, answer] of answers.entries()) {
    const { requestId } = requests[index] ?? { requestId: NO_ARGUMENTS };
    if (readCallAnswer(answer, requestId, undefined).kind !== 'replied')
      throw new Error('a call was not replied');
  }
}

const target = canisterId.value;
const nowUs = (): number => Number(process.hrtime.bigint() / 1_000n);
const cpuMs = (): number => network.replicas.reduce((sum, { pid }) => sum + processCpuMs(pid), 0);
await update(WARM_UP);
const before = { height: await certifiedHeight(network.gatewayUrl), cpuMs: cpuMs(), us: nowUs() };
await update(calls);
const after = { height: await certifiedHeight(network.gatewayUrl), cpuMs: cpuMs(), us: nowUs() };
await network.stop();

const times = new Map<string, number>();
for (const file of readdirSync(folder)) {
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
  for (const [work, us] of timeByWork(profile, { fromUs: before.us, toUs: after.us }))
    times.set(work, (times.get(work) ?? 0) + us);
}
rmSync(folder, { recursive: true, force: true });
const heights = after.height - before.height;
const perHeight = (after.cpuMs - before.cpuMs) / heights / network.replicas.length;
const sum = [...times.values()].reduce((all, us) => all + us, 0);
console.log(
  `${calls} calls, ${concurrency} at a time, ${heights} heights, ${perHeight.toFixed(1)} ms per height and node by /proc`,
);
console.log(`${(sum / 1_000 / heights / network.replicas.length).toFixed(1)} ms by samples\n`);
console.log('| what | share | ms |\n| --- | --- | --- |');
for (const [work, us] of [...times].sort(([, a], [, b]) => b - a))
  console.log(
    `| ${work} | ${((100 * us) / sum).toFixed(1)} % | ${((perHeight * us) / sum).toFixed(1)} |`,
  );
