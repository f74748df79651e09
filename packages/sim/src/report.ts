import type { Swarm } from './swarm.ts';

export interface Report {
  readonly seed: string;
  readonly swarm: Swarm;
  readonly command: string;
  readonly notes: readonly string[];
  /** Undefined when all held. */
  readonly violation: string | undefined;
  readonly events: number;
  readonly virtualMs: number;
  /** Equal for equal seeds, code and set-up. */
  readonly traceHash: string;
  /** The last events; see `Trace.lines` for the columns. */
  readonly lines: readonly string[];
}

/** All that is needed to look into a failed run. */
export function reportText(report: Report): string {
  return [
    ...report.lines,
    '',
    `violation  ${report.violation ?? 'none'}`,
    `seed       ${report.seed}`,
    `options    ${weatherText(report.swarm)}`,
    ...report.notes,
    `trace      ${report.traceHash} after ${report.events} events, ${report.virtualMs.toFixed(3)} ms`,
    `repeat     ${report.command}`,
    '',
  ].join('\n');
}

export function weatherText(swarm: Swarm): string {
  return Object.entries(swarm)
    .map(
      ([name, value]) => `${name}=${typeof value === 'number' ? Number(value.toFixed(4)) : value}`,
    )
    .join(' ');
}
