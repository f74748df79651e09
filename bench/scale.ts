// node bench/scale.ts [LIGHT] [HEAVY]: queries on a replica in processes with one and two gateways and with no, one and two followers.
// Light queries are signed and cost the gateway most, heavy ones are anonymous and cost execution most. Prints markdown: the rate, what a
// query costs each service in processor time, and what kept the rate from being higher, by the rules of the load report.
import { cpus } from 'node:os';
import { nodeHashEngine } from '@internode/crypto/fast';
import { candid, principalFromText, setHashEngine } from '@internode/encoding';
import {
  anonymousRequest,
  bottleneckOf,
  generateSigner,
  NO_ARGUMENTS,
  postAll,
  readQueryAnswer,
  signedRequest,
} from '@internode/loadtest';
import type { Replica } from '../e2e/runner/replica.ts';
import { pidOfBroker, pidOfService } from '../e2e/runner/services.ts';
import { MarkStream } from '../e2e/runner/stream.ts';
import { unitsOf } from './faults-apart.ts';
import { Household } from './household.ts';
import { describeMachine, processCpuMs } from './measure.ts';
import { startMeasured } from './subject.ts';

const [light = 12_000, heavy = 1_500] = process.argv.slice(2).map(Number);
const CONFIGURATIONS = [
  { gateway: 1, execution: 1 },
  { gateway: 1, execution: 2 },
  { gateway: 1, execution: 3 },
  { gateway: 2, execution: 1 },
  { gateway: 2, execution: 2 },
  { gateway: 2, execution: 3 },
] as const;
const KINDS = ['light', 'heavy'] as const;
const CONCURRENCY = 64;
const WARM_UP = 1_500;
/** Numbers that a heavy query answers with: some milliseconds. */
const HEAVY_LENGTH = 40_000n;
const EXPIRY_MS = 240_000;
const SIGNERS = 64;

type Kind = (typeof KINDS)[number];

setHashEngine(nodeHashEngine);
const household = new Household();
const rows: string[] = [];
for (const { gateway, execution } of CONFIGURATIONS) {
  const scale = ['--scale', `gateway=${gateway}`, '--scale', `execution=${execution}`];
  const args = ['--placement', 'processes', ...scale];
  const { replica } = await startMeasured(household, household.folder(), { args });
  const { canisterId } = await MarkStream.open(replica);
  for (const kind of KINDS) {
    await ask(replica, { canisterId, kind, count: WARM_UP / (kind === 'light' ? 1 : 5) });
    const row = await measure(replica, canisterId, kind);
    rows.push(`| ${[gateway, execution - 1, kind, ...row].join(' | ')} |`);
    console.error(rows.at(-1));
  }
  await replica.stop();
}
const { commit, modified, date, processor, cores } = describeMachine();
console.log(`
Commit ${commit}${modified ? ' (modified)' : ''}, ${date}, ${processor}, ${cores} cores; \`node bench/scale.ts ${light} ${heavy}\`, ${CONCURRENCY} at a time, the generator on the same machine.

| gateways | followers | queries | a second | p50 ms | processor µs a query, by service | bottleneck |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}`);
process.exit();

async function measure(replica: Replica, canisterId: string, kind: Kind): Promise<string[]> {
  const count = kind === 'light' ? light : heavy;
  const before = cpuByUnit(replica);
  const own = process.cpuUsage();
  const startedMs = performance.now();
  const figures = await ask(replica, { canisterId, kind, count });
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(own);
  const used = [...cpuByUnit(replica)].map(([unit, ms]) => ({
    unit,
    ms: ms - (before.get(unit) ?? 0),
  }));
  const units = used
    .map(({ unit, ms }) => ({ unit, cores: ms / elapsedMs, residentBytes: 0 }))
    .sort((left, right) => right.cores - left.cores);
  const usage = { units, services: [], generatorCores: (user + system) / 1e3 / elapsedMs };
  const line = { backlogMax: 0, concurrency: CONCURRENCY, stages: [] };
  const costs = used
    .filter(({ ms }) => (ms * 1_000) / count >= 1)
    .map(({ unit, ms }) => `${unit} ${((ms * 1_000) / count).toFixed(0)}`);
  return [
    figures.perSecond.toFixed(0),
    figures.p50Ms.toFixed(1),
    costs.join(', '),
    bottleneckOf({ ...line, usage, cores: cpus().length }),
  ];
}

async function ask(
  { gatewayUrl }: Replica,
  { canisterId, kind, count }: { canisterId: string; kind: Kind; count: number },
) {
  const id = principalFromText(canisterId);
  if (id.kind !== 'valid') throw new Error(id.reason);
  const argument =
    kind === 'light' ? NO_ARGUMENTS : candid.encode([candid.nat, candid.nat], [0n, HEAVY_LENGTH]);
  const method = kind === 'light' ? 'sum' : 'countsFrom';
  const fields = { kind: 'query', canisterId: id.value, method, argument } as const;
  const signers = Array.from({ length: SIGNERS }, generateSigner);
  const expiryMs = Date.now() + EXPIRY_MS;
  const bodies = Array.from({ length: count }, (_, index) => {
    const signer = signers[index % SIGNERS];
    const request = { ...fields, expiryMs };
    const isSigned = kind === 'light' && signer !== undefined;
    return (isSigned ? signedRequest(request, signer) : anonymousRequest(request)).body;
  });
  const path = `/api/v3/canister/${canisterId}/query`;
  const posted = await postAll({ url: gatewayUrl, path, bodies, concurrency: CONCURRENCY });
  const failed = posted.answers.filter((answer) => !readQueryAnswer(answer).replied).length;
  if (failed > 0) throw new Error(`${failed} of ${count} queries were not replied`);
  return posted.figures;
}

function cpuByUnit(replica: Replica): ReadonlyMap<string, number> {
  const pids = new Map<string, number | undefined>(
    unitsOf(replica).map((unit) => [
      unit,
      pidOfService(replica.pid, unit as Parameters<typeof pidOfService>[1]),
    ]),
  );
  pids.set('nats-server', pidOfBroker(replica.pid));
  return new Map([...pids].map(([unit, pid]) => [unit, pid === undefined ? 0 : processCpuMs(pid)]));
}
