// What a replica shows of its traces.
import type { StageFigures, TraceSummary, Waterfall } from '@internode/telemetry';
import type { Replica } from './replica.ts';

export interface Listed {
  readonly matching: number;
  readonly recorded: number;
  readonly kept: number;
  readonly lost: number;
  readonly stages: readonly StageFigures[];
  readonly traces: readonly TraceSummary[];
}

/** In the order in which one call passes them: every row of the table in ARCHITECTURE.md. */
export const STAGES = [
  ['gateway', 'verify'],
  ['execution', 'inspect'],
  ['p2p', 'admit'],
  ['p2p', 'gossip'],
  ['consensus', 'pool'],
  ['consensus', 'included'],
  ['consensus', 'notarise'],
  ['consensus', 'finalise'],
  ['consensus', 'order'],
  ['execution', 'execute'],
  ['state', 'hash'],
  ['beacon', 'certify'],
  ['state', 'publish'],
  ['gateway', 'reply'],
] as const;

type Shown = Pick<Replica, 'gatewayUrl'>;

export async function listOf({ gatewayUrl }: Shown, query = ''): Promise<Listed> {
  const answer = await fetch(`${gatewayUrl}/debug/traces.json?${query}`);
  return (await answer.json()) as Listed;
}

export async function traceOf({ gatewayUrl }: Shown, id: string): Promise<Waterfall | undefined> {
  const answer = await fetch(`${gatewayUrl}/debug/traces/${id}.json`);
  return answer.status === 404 ? undefined : ((await answer.json()) as Waterfall);
}

export function missingOf(trace: Waterfall | undefined): string[] {
  return STAGES.filter(
    ([service, stage]) =>
      !trace?.rows.some((row) => row.service === service && row.stage === stage),
  ).map(([service, stage]) => `${service} ${stage}`);
}

/** Spans of services apart are told now and then: waits until every stage is there. */
export async function wholeTraceOf(
  replica: Shown,
  id: string,
  withinMs = 10_000,
): Promise<Waterfall> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const trace = await traceOf(replica, id);
    if (trace !== undefined && missingOf(trace).length === 0) return trace;
    if (performance.now() > untilMs)
      throw new Error(`${id} has no ${missingOf(trace).join(', ')} after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
