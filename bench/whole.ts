// The whole system, and the peers beside it in the same run.
import { median } from '@internode/loadtest';
import { end, type Household } from './household.ts';
import {
  describeMachine,
  type Machine,
  type Measured,
  processCpuMs,
  residentMb,
} from './measure.ts';
import { installPeers, Peer, type PeerName } from './peers.ts';
import { Subject, startMeasured } from './subject.ts';

/** How much of everything; `quick` is for seeing that the bench works, its figures mean nothing. */
export interface Size {
  readonly starts: number;
  /** Operations before anything is measured: V8 takes thousands until what runs all the time is compiled. */
  readonly warmUp: number;
  readonly rounds: number;
  readonly sequential: number;
  /** Operations at c=64 of the first turn of who was not warmed up: nothing is known of their speed. */
  readonly first: number;
  /** How long everybody's further turns at c=64 last: as many operations as they did in that time when they were last measured. */
  readonly turnSeconds: number;
  readonly reads: number;
  readonly queries: number;
  readonly sustained: number;
  readonly idleSeconds: number;
}

export const FULL: Size = {
  starts: 5,
  warmUp: 10_000,
  rounds: 5,
  sequential: 200,
  first: 3000,
  turnSeconds: 1.5,
  reads: 3000,
  queries: 6000,
  sustained: 100_000,
  idleSeconds: 20,
};

export const QUICK: Size = {
  starts: 1,
  warmUp: 100,
  rounds: 1,
  sequential: 20,
  first: 100,
  turnSeconds: 0.1,
  reads: 200,
  queries: 300,
  sustained: 2000,
  idleSeconds: 3,
};

export const CONCURRENCY = 64;
const QUERY_CONCURRENCIES = [16, 64] as const;
const BLOCKS = 10;
const SETTLE_MS = 3000;

export interface Starts {
  readonly freshMs: readonly number[];
  readonly existingMs: readonly number[];
}

export interface Load {
  readonly operation: 'sequential' | 'concurrent' | 'signed query' | 'anonymous query' | 'read';
  readonly who: 'Internode' | PeerName;
  readonly round: number;
  readonly concurrency: number;
  readonly figures: Measured;
}

export interface Block extends Measured {
  readonly residentMb: number;
}

export interface Whole {
  readonly machine: Machine;
  readonly size: Size;
  /** Name, version and way of writing of each peer. */
  readonly peers: readonly string[];
  readonly starts: Starts | undefined;
  readonly loads: readonly Load[];
  readonly residentBeforeMb: number | undefined;
  readonly sustained: readonly Block[];
  /** Share of one core that the idle replica used, 0 to 1. */
  readonly idleCpu: number | undefined;
  readonly certificatesVerified: number;
  /** Of both replicas: the one beside the peers and the one of the long run. */
  readonly updates: number;
  /** What could not be measured and why: each fails the bench. */
  readonly problems: readonly string[];
  readonly minutes: number;
}

type Log = (line: string) => void;

export async function measureWhole(household: Household, size: Size, log: Log): Promise<Whole> {
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
  const starts = await attempt('cold starts', () => measureStarts(household, size.starts, log));
  const loads: Load[] = [];
  const sustained: Block[] = [];
  const besidePeers = await attempt('replica', () => Subject.start(household));
  const peers =
    (await attempt('peers', async () => {
      await installPeers(household, (line) => log(`  ${line}`));
      return Peer.startAll(household, CONCURRENCY);
    })) ?? [];
  const add = (load: Load): void => {
    loads.push(load);
    log(`  ${describe(load)}`);
  };
  await attempt('side by side', () => sideBySide(besidePeers, peers, size, add));
  for (const peer of peers) {
    await attempt(`${peer.name} counted every write`, () => peer.checkCount());
    await peer.stop();
  }
  if (besidePeers) {
    await attempt('every update was counted once', () => besidePeers.checkCount());
    await besidePeers.stop();
  }
  // A replica of its own, so that its memory is that of so many updates and no others.
  const subject = await attempt('another replica', () => Subject.start(household));
  const residentBeforeMb = subject && residentMb(subject.pid);
  let idleCpu: number | undefined;
  if (subject) {
    await attempt('queries', () => queries(subject, size, add));
    await attempt(`${size.sustained} updates`, () => sustain(subject, size, sustained, log));
    await attempt('every update was counted once', () => subject.checkCount());
    idleCpu = await attempt('idle', () => measureIdle(subject.pid, size.idleSeconds));
    await subject.stop();
  }
  return {
    machine: describeMachine(),
    size,
    peers: peers.map(({ description }) => description),
    starts,
    loads,
    residentBeforeMb,
    sustained,
    idleCpu,
    certificatesVerified: (besidePeers?.verified ?? 0) + (subject?.verified ?? 0),
    updates: (besidePeers?.updates ?? 0) + (subject?.updates ?? 0),
    problems,
    minutes: (performance.now() - startedAt) / 60_000,
  };
}

function describe({ who, operation, concurrency, figures }: Load): string {
  const { perSecond, p50Ms, p99Ms, cpuUs, otherLoad } = figures;
  return (
    `${who.padEnd(9)} ${operation} c=${concurrency}: ${perSecond.toFixed(0)}/s, ` +
    `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, ${cpuUs.toFixed(0)} µs CPU each` +
    `${otherLoad > 0.1 ? ` (others took ${(otherLoad * 100).toFixed(0)} % of the machine)` : ''}`
  );
}

async function measureStarts(household: Household, count: number, log: Log): Promise<Starts> {
  const [freshMs, existingMs]: [number[], number[]] = [[], []];
  for (let index = 0; index < count; index++) {
    const dataDir = household.folder();
    for (const times of [freshMs, existingMs]) {
      const { replica, readyMs } = await startMeasured(household, dataDir);
      times.push(readyMs);
      await end(replica.process);
    }
  }
  const list = (times: readonly number[]): string => times.map((ms) => ms.toFixed(0)).join(', ');
  log(`  fresh ${list(freshMs)} ms; existing ${list(existingMs)} ms`);
  return { freshMs, existingMs };
}

/** Somebody who takes turns: the replica or a peer. */
interface Participant {
  readonly name: Load['who'];
  readonly warmsUp: boolean;
  write(count: number, concurrency: number): Promise<Measured>;
}

/**
 * In turns, so that whatever else the machine does hits everyone alike, and of one length. Short ones: hardhat is slower with a longer
 * chain, by a seventh at 50,000 blocks, and must not be measured there.
 */
async function sideBySide(
  subject: Subject | undefined,
  peers: readonly Peer[],
  size: Size,
  add: (load: Load) => void,
): Promise<void> {
  const replica: Participant | undefined = subject && {
    name: 'Internode',
    warmsUp: true,
    write: (count, concurrency) => subject.update(count, concurrency),
  };
  const participants = replica ? [replica, ...peers] : peers;
  const lastPerSecond = new Map<Load['who'], number>();
  for (const who of participants)
    if (who.warmsUp)
      lastPerSecond.set(who.name, (await who.write(size.warmUp, CONCURRENCY)).perSecond);
  for (let round = 1; round <= size.rounds; round++) {
    for (const who of participants) {
      const figures = await who.write(size.sequential, 1);
      add({ who: who.name, operation: 'sequential', round, concurrency: 1, figures });
    }
    for (const who of participants) {
      const figures = await who.write(turnOf(lastPerSecond.get(who.name), size), CONCURRENCY);
      lastPerSecond.set(who.name, figures.perSecond);
      add({ who: who.name, operation: 'concurrent', round, concurrency: CONCURRENCY, figures });
    }
    for (const peer of peers) {
      const figures = await peer.read(size.reads, CONCURRENCY);
      add({ who: peer.name, operation: 'read', round, concurrency: CONCURRENCY, figures });
    }
  }
}

/** How many operations a turn has. */
export function turnOf(
  lastPerSecond: number | undefined,
  { first, turnSeconds }: Pick<Size, 'first' | 'turnSeconds'>,
): number {
  if (lastPerSecond === undefined) return first;
  return Math.max(CONCURRENCY, Math.round(lastPerSecond * turnSeconds));
}

async function queries(subject: Subject, size: Size, add: (load: Load) => void): Promise<void> {
  await subject.update(size.warmUp, CONCURRENCY);
  await subject.query(size.warmUp, CONCURRENCY, true);
  for (let round = 1; round <= size.rounds; round++) {
    for (const concurrency of QUERY_CONCURRENCIES) {
      for (const operation of ['signed query', 'anonymous query'] as const) {
        const signed = operation === 'signed query';
        const figures = await subject.query(size.queries, concurrency, signed);
        add({ who: 'Internode', operation, round, concurrency, figures });
      }
    }
  }
}

async function sustain(subject: Subject, size: Size, blocks: Block[], log: Log): Promise<void> {
  for (let index = 0; index < BLOCKS; index++) {
    const figures = await subject.update(size.sustained / BLOCKS, CONCURRENCY);
    blocks.push({ ...figures, residentMb: residentMb(subject.pid) });
    const { perSecond, cpuUs } = figures;
    log(
      `  tenth ${index + 1}: ${perSecond.toFixed(0)}/s, ${cpuUs.toFixed(0)} µs CPU each, ` +
        `${residentMb(subject.pid).toFixed(0)} MB`,
    );
  }
}

async function measureIdle(pid: number, seconds: number): Promise<number> {
  await pause(SETTLE_MS);
  const [cpu, at] = [processCpuMs(pid), performance.now()];
  await pause(seconds * 1000);
  return (processCpuMs(pid) - cpu) / (performance.now() - at);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One figure over the rounds of one kind of load. */
export function medianOf(
  loads: readonly Load[],
  chosen: Partial<Pick<Load, 'operation' | 'who' | 'concurrency'>>,
  figure: keyof Measured,
): number {
  const matching = loads.filter((load) =>
    Object.entries(chosen).every(([key, value]) => load[key as keyof Load] === value),
  );
  return median(matching.map(({ figures }) => figures[figure]));
}
