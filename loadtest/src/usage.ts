// What the replica takes of its machine, read from its own /metrics about once a second.
import { setTimeout } from 'node:timers/promises';

/** Counters and gauges by series, such as `internode_process_cpu_seconds_total{unit="state"}`. */
export type Series = ReadonlyMap<string, number>;

export interface Sample {
  /** Since the run began. */
  readonly atMs: number;
  readonly series: Series;
  /** Processor seconds of this process, the generator, until now. */
  readonly ownCpu: number;
}

const EVERY_MS = 1_000;
const TIMEOUT_MS = 5_000;
const TEXT_MAX = 4_000_000;

export function readSeries(text: string): Series {
  const series = new Map<string, number>();
  for (const line of text.slice(0, TEXT_MAX).split('\n')) {
    const [, name, value] = /^([a-z]\w*(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? [];
    if (name !== undefined && Number.isFinite(Number(value))) series.set(name, Number(value));
  }
  return series;
}

/** Samples until told to stop, the first and the last included. One that cannot be had is left out. */
export async function watchUsage(url: string, stopped: AbortSignal): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const startMs = performance.now();
  const take = async (): Promise<void> => {
    const atMs = performance.now() - startMs;
    const { user, system } = process.cpuUsage();
    const text = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
      .then((response) => (response.ok ? response.text() : ''))
      .catch(() => '');
    if (text !== '')
      samples.push({ atMs, series: readSeries(text), ownCpu: (user + system) / 1e6 });
  };
  while (!stopped.aborted) {
    await take();
    await setTimeout(EVERY_MS, undefined, { signal: stopped }).catch(() => {});
  }
  await take();
  return samples;
}

export interface UnitUsage {
  readonly unit: string;
  /** Cores, on average. */
  readonly cores: number;
  readonly residentBytes: number;
}

export interface ServiceUsage {
  readonly service: string;
  /** The share of the time in which its core took steps, and the mean wait in its mailbox. */
  readonly busy: number;
  readonly waitMs: number;
}

export interface Usage {
  readonly units: readonly UnitUsage[];
  readonly services: readonly ServiceUsage[];
  /** Cores that the generator took. */
  readonly generatorCores: number;
}

const CPU = /^internode_process_cpu_seconds_total\{.*unit="([^"]+)".*\}$/;
const RESIDENT = 'internode_process_resident_bytes';
const STEPS = /^internode_([a-z0-9]+)_step_seconds_total(?:\{instance="([^"]+)"\})?$/;

/** Of everything between the first sample and the last. */
export function usageOf(samples: readonly Sample[]): Usage {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.atMs <= first.atMs)
    return { units: [], services: [], generatorCores: 0 };
  const seconds = (last.atMs - first.atMs) / 1e3;
  const grown = (name: string): number =>
    (last.series.get(name) ?? 0) - (first.series.get(name) ?? 0);
  const units: UnitUsage[] = [];
  const services: ServiceUsage[] = [];
  for (const name of last.series.keys()) {
    const unit = CPU.exec(name)?.[1];
    if (unit !== undefined) {
      const resident = name.replace('internode_process_cpu_seconds_total', RESIDENT);
      const residentBytes = Math.max(...samples.map(({ series }) => series.get(resident) ?? 0));
      units.push({ unit, cores: grown(name) / seconds, residentBytes });
    }
    const [, service, instance] = STEPS.exec(name) ?? [];
    if (service !== undefined) {
      const wait = name.replace('_step_seconds_', '_mailbox_wait_seconds_');
      const steps = name.replace('_step_seconds_', '_steps_');
      services.push({
        service: instance ?? service,
        busy: grown(name) / seconds,
        waitMs: (grown(wait) / Math.max(1, grown(steps))) * 1e3,
      });
    }
  }
  return {
    units: units.sort((a, b) => b.cores - a.cores),
    services: services.sort((a, b) => b.busy - a.busy),
    generatorCores: (last.ownCpu - first.ownCpu) / seconds,
  };
}
