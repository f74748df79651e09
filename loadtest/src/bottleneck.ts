// What kept a run from being faster, named from what was measured. In order: who is full, then who is waited for.
import type { StageFigures } from '@internode/telemetry';
import type { Usage } from './usage.ts';

export interface Measured {
  readonly usage: Usage;
  readonly stages: readonly StageFigures[];
  readonly cores: number;
  /** The longest line of requests that were due and waited for a connection. */
  readonly backlogMax: number;
  readonly concurrency: number;
}

/** A thread that is busy for so much of its time takes no more. */
const FULL = 0.85;
/** The same of a machine on which a process of one thread is full: that one is named as long as the others have more time. */
const MACHINE_FULL = 0.9;

export function bottleneckOf({ usage, stages, cores, backlogMax, concurrency }: Measured): string {
  const { units, services, generatorCores } = usage;
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  if (generatorCores > FULL)
    return `the generator itself: it takes ${percent(generatorCores)} of a core, so what it shows of the replica is a lower bound`;
  const busiest = services[0];
  if (busiest !== undefined && busiest.busy > FULL)
    return `${busiest.service}: its core takes steps for ${percent(busiest.busy)} of the time`;
  const all = units.reduce((sum, { cores: taken }) => sum + taken, generatorCores);
  const largest = units[0];
  // Units of one thread each cannot take more than a core, however many there are.
  const isFull = largest !== undefined && units.length > 1 && largest.cores > FULL;
  if (largest !== undefined && all > (isFull ? MACHINE_FULL : FULL) * cores) {
    const rest = busiest === undefined ? '' : `; of its services ${busiest.service} is the busiest`;
    return `the machine's processors: ${all.toFixed(1)} of ${cores} cores are taken, ${largest.cores.toFixed(1)} by ${largest.unit}${rest}`;
  }
  if (isFull) return `${largest.unit}: its process takes ${percent(largest.cores)} of a core`;
  if (backlogMax > concurrency)
    return `the connections: up to ${backlogMax} requests that were due waited for one of ${concurrency}: raise --concurrency`;
  const slowest = [...stages].sort((a, b) => b.p50Ms - a.p50Ms)[0];
  if (slowest !== undefined)
    return `nothing is full; calls spend most of their time in ${slowest.stage} (p50 ${slowest.p50Ms.toFixed(1)} ms, ${slowest.queuedP50Ms.toFixed(1)} of it waiting)`;
  return 'nothing is full: the rate asked for was not more than the replica takes';
}
