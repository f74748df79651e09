// A network of four real processes on loopback, beside three of etcd that write as many bytes with fsync, in the same run.
import { loadFastBls } from '@internode/crypto/fast';
import { type Principal, principalFromText } from '@internode/encoding';
import {
  deployCounter,
  generateSigner,
  NO_ARGUMENTS,
  type Prepared,
  postAll,
  readCallAnswer,
  signedRequest,
  type Trust,
} from '@internode/loadtest';
import { fromHex } from '@internode/prelude';
import { certifiedHeight, type Network, startNetwork } from '../e2e/runner/network.ts';
import { EtcdCluster, installEtcd } from './etcd.ts';
import type { Household } from './household.ts';
import {
  describeMachine,
  type Machine,
  type Measured,
  measured,
  processCpuMs,
  residentMb,
} from './measure.ts';

const EXPIRY_MS = 280_000;
const SETTLE_MS = 3_000;
const SENDERS = 100;
const VERIFIED_EVERY = 50;
export const REPLICAS = 4;
export const NETWORK_CONCURRENCY = 64;

export interface NetworkSize {
  readonly starts: number;
  readonly warmUp: number;
  readonly rounds: number;
  readonly sequential: number;
  readonly concurrent: number;
  readonly idleSeconds: number;
}

export const NETWORK_FULL: NetworkSize = {
  starts: 3,
  warmUp: 400,
  rounds: 3,
  sequential: 60,
  concurrent: 2_000,
  idleSeconds: 15,
};

export const NETWORK_QUICK: NetworkSize = {
  starts: 1,
  warmUp: 60,
  rounds: 1,
  sequential: 10,
  concurrent: 200,
  idleSeconds: 5,
};

export interface NetworkLoad {
  readonly who: 'Internode' | 'etcd';
  readonly round: number;
  readonly concurrency: number;
  readonly figures: Measured;
  /** Heights that were certified meanwhile, per second, and what one costs each node; of Internode. */
  readonly heights?: { readonly perSecond: number; readonly cpuMsPerNode: number };
}

export interface NetworkFigures {
  readonly machine: Machine;
  readonly size: NetworkSize;
  readonly readyMs: readonly number[];
  readonly loads: readonly NetworkLoad[];
  /** Bytes of a request: what etcd's values have, too. */
  readonly requestBytes: number;
  readonly idle:
    | {
        /** Share of one core, of all replicas together. */
        readonly cpu: number;
        readonly heightsPerSecond: number;
        readonly residentMb: readonly number[];
      }
    | undefined;
  readonly problems: readonly string[];
  readonly minutes: number;
}

type Log = (line: string) => void;

export async function measureNetwork(
  household: Household,
  size: NetworkSize,
  log: Log,
): Promise<NetworkFigures> {
  const startedAt = performance.now();
  const problems: string[] = [];
  const attempt = async <T>(what: string, run: () => Promise<T>): Promise<T | undefined> => {
    log(what);
    try {
      return await run();
    } catch (fault) {
      const problem = `${what}: ${fault instanceof Error ? fault.message : String(fault)}`;
      problems.push(problem);
      log(`  ✗ ${problem}`);
      return undefined;
    }
  };
  const readyMs = (await attempt('starts', () => measureStarts(household, size, log))) ?? [];
  const loads: NetworkLoad[] = [];
  const add = (load: NetworkLoad): void => {
    loads.push(load);
    log(`  ${describeLoad(load)}`);
  };
  const subject = await attempt('network', () => NetworkSubject.start(household));
  const idle = subject && (await attempt('idle', () => measureIdle(subject, size.idleSeconds)));
  const etcd = await attempt('etcd', async () => {
    await installEtcd(household);
    return EtcdCluster.start(household);
  });
  await attempt('side by side', async () => {
    await subject?.update(size.warmUp, NETWORK_CONCURRENCY);
    for (let round = 1; round <= size.rounds; round++) {
      for (const [count, concurrency] of [
        [size.sequential, 1],
        [size.concurrent, NETWORK_CONCURRENCY],
      ] as const) {
        if (subject)
          add({ who: 'Internode', round, ...(await subject.update(count, concurrency)) });
        if (etcd) {
          const bytes = subject?.requestBytes ?? 400;
          const figures = await etcd.write(count, concurrency, bytes);
          add({ who: 'etcd', round, concurrency, figures });
        }
      }
    }
  });
  await etcd?.stop();
  await subject?.stop();
  return {
    machine: describeMachine(),
    size,
    readyMs,
    loads,
    requestBytes: subject?.requestBytes ?? Number.NaN,
    idle,
    problems,
    minutes: (performance.now() - startedAt) / 60_000,
  };
}

function describeLoad({ who, concurrency, figures, heights }: NetworkLoad): string {
  const { perSecond, p50Ms, p99Ms, cpuUs, otherLoad } = figures;
  const height = heights
    ? `, ${heights.perSecond.toFixed(1)} heights/s at ${heights.cpuMsPerNode.toFixed(0)} ms CPU per node`
    : '';
  return (
    `${who.padEnd(9)} c=${concurrency}: ${perSecond.toFixed(0)}/s, p50 ${p50Ms.toFixed(0)} ms, ` +
    `p99 ${p99Ms.toFixed(0)} ms, ${cpuUs.toFixed(0)} µs CPU each over all processes${height}` +
    `${otherLoad > 0.1 ? ` (others took ${(otherLoad * 100).toFixed(0)} % of the machine)` : ''}`
  );
}

async function open(household: Household, dataDir = household.folder()): Promise<Network> {
  return startNetwork({
    replicas: REPLICAS,
    dataDir,
    args: ['--quiet'],
    spawned: (child) => household.keep(child),
  });
}

async function measureStarts(household: Household, size: NetworkSize, log: Log) {
  const times: number[] = [];
  for (let index = 0; index < size.starts; index++) {
    const network = await open(household);
    times.push(network.readyMs);
    await network.stop();
  }
  log(`  ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  return times;
}

async function measureIdle({ network, pids }: NetworkSubject, seconds: number) {
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await pause(SETTLE_MS);
  const cpuMs = () => pids.reduce((sum, pid) => sum + processCpuMs(pid), 0);
  const url = network.gatewayUrl;
  const [cpu, at, height] = [cpuMs(), performance.now(), await certifiedHeight(url)];
  await pause(seconds * 1000);
  const tookMs = performance.now() - at;
  return {
    cpu: (cpuMs() - cpu) / tookMs,
    heightsPerSecond: ((await certifiedHeight(url)) - height) / (tookMs / 1000),
    residentMb: pids.map(residentMb),
  };
}

/** The network with the counter installed, loaded through all its gateways. */
class NetworkSubject {
  readonly network: Network;
  readonly #canister: string;
  readonly #canisterId: Principal;
  readonly #trust: Trust;
  readonly #signers = Array.from({ length: SENDERS }, generateSigner);

  private constructor(network: Network, canister: string, trust: Trust) {
    const id = principalFromText(canister);
    if (id.kind !== 'valid') throw new Error(id.reason);
    this.network = network;
    this.#canister = canister;
    this.#canisterId = id.value;
    this.#trust = trust;
  }

  static async start(household: Household): Promise<NetworkSubject> {
    const network = await open(household);
    const trust = { rootKey: fromHex(network.rootKey), bls: await loadFastBls() };
    return new NetworkSubject(network, await deployCounter(network.gatewayUrl), trust);
  }

  get pids(): readonly number[] {
    return this.network.replicas.map(({ pid }) => pid);
  }

  get requestBytes(): number {
    return this.#prepare(1)[0]?.body.length ?? 0;
  }

  /** So many certified updates, the connections spread over all replicas. */
  async update(count: number, concurrency: number): Promise<Omit<NetworkLoad, 'who' | 'round'>> {
    const requests = this.#prepare(count);
    const url = this.network.replicas.map(({ gatewayUrl }) => gatewayUrl);
    const path = `/api/v4/canister/${this.#canister}/call`;
    let answers: Awaited<ReturnType<typeof postAll>>['answers'] = [];
    const before = await certifiedHeight(this.network.gatewayUrl);
    const figures = await measured(this.pids, async () => {
      const bodies = requests.map(({ body }) => body);
      const posted = await postAll({ url, path, bodies, concurrency });
      answers = posted.answers;
      return posted.figures;
    });
    const heights = (await certifiedHeight(this.network.gatewayUrl)) - before;
    answers.forEach((answer, index) => {
      const trust = index % VERIFIED_EVERY === 0 ? this.#trust : undefined;
      const read = readCallAnswer(answer, requests[index]?.requestId ?? NO_ARGUMENTS, trust);
      if (read.kind !== 'replied')
        throw new Error(`update ${index} of ${count} was not replied: ${JSON.stringify(read)}`);
    });
    const cpuMs = (figures.cpuUs * count) / 1000;
    return {
      concurrency,
      figures,
      heights: {
        perSecond: heights / figures.seconds,
        cpuMsPerNode: cpuMs / heights / REPLICAS,
      },
    };
  }

  async stop(): Promise<void> {
    await this.network.stop();
  }

  #prepare(count: number): Prepared[] {
    const fields = {
      kind: 'call',
      canisterId: this.#canisterId,
      method: 'inc',
      argument: NO_ARGUMENTS,
      expiryMs: Date.now() + EXPIRY_MS,
    } as const;
    return Array.from({ length: count }, (_, index) => {
      const signer = this.#signers[index % SENDERS];
      if (signer === undefined) throw new Error('no signer');
      return signedRequest(fields, signer);
    });
  }
}
