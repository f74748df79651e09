// Whose the time of a call is: its waterfall cut into slices that do not overlap. An instant belongs to the stage that began last of those
// that run; what belongs to no stage is spent between services: in mailboxes' doors, in the bus, on its connections.
import type { Waterfall } from '@internode/telemetry';

/** What no stage accounts for. */
export const BETWEEN = 'between services';

export interface Shares {
  /** Milliseconds of the request, by service; `BETWEEN` too. They add up to its duration. */
  readonly ms: ReadonlyMap<string, number>;
  /** Of these, spent in a mailbox at the beginning of a stage. */
  readonly queuedMs: ReadonlyMap<string, number>;
  /** How often the call went from one service to another. */
  readonly hops: number;
}

interface Stage {
  readonly service: string;
  readonly fromMs: number;
  readonly workFromMs: number;
  readonly toMs: number;
}

/** Undefined for a trace that is no request. */
export function sharesOf({ rows }: Pick<Waterfall, 'rows'>): Shares | undefined {
  const [root] = rows;
  if (root === undefined) return undefined;
  const endMs = root.offsetMs + root.durationMs;
  const inside = (ms: number): number => Math.min(Math.max(ms, root.offsetMs), endMs);
  const stages: Stage[] = rows
    .filter(({ stage }) => stage !== '')
    .map(({ service, offsetMs, durationMs, queuedMs }) => ({
      service,
      fromMs: inside(offsetMs),
      workFromMs: inside(offsetMs + queuedMs),
      toMs: inside(offsetMs + durationMs),
    }))
    .sort((left, right) => left.fromMs - right.fromMs);
  const cuts = [root.offsetMs, endMs];
  for (const { fromMs, workFromMs, toMs } of stages) cuts.push(fromMs, workFromMs, toMs);
  const instants = [...new Set(cuts)].sort((left, right) => left - right);
  const ms = new Map<string, number>();
  const queuedMs = new Map<string, number>();
  let [at, hops] = [root.service, 0];
  for (const [index, fromMs] of instants.slice(0, -1).entries()) {
    const toMs = instants[index + 1] ?? fromMs;
    const stage = stages.findLast((one) => one.fromMs <= fromMs && one.toMs >= toMs);
    const name = stage?.service ?? BETWEEN;
    ms.set(name, (ms.get(name) ?? 0) + toMs - fromMs);
    if (stage === undefined) continue;
    if (toMs <= stage.workFromMs) queuedMs.set(name, (queuedMs.get(name) ?? 0) + toMs - fromMs);
    if (stage.service !== at) hops += 1;
    at = stage.service;
  }
  return { ms, queuedMs, hops };
}
