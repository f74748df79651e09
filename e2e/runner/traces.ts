// What a replica shows of its traces.
import type { Replica } from './replica.ts';

export interface Row {
  readonly spanId: string;
  readonly depth: number;
  readonly service: string;
  readonly name: string;
  readonly stage: string;
  readonly offsetMs: number;
  readonly durationMs: number;
  readonly queuedMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

export interface Summary {
  readonly traceId: string;
  readonly name: string;
  readonly requestId: string;
  readonly canister: string;
  readonly method: string;
  readonly height: number | null;
  readonly status: string;
  readonly durationMs: number;
  readonly stages: number;
  readonly orphans: number;
}

export interface Trace extends Summary {
  readonly dropped: number;
  readonly rows: readonly Row[];
}

export interface Listed {
  readonly matching: number;
  readonly recorded: number;
  readonly kept: number;
  readonly lost: number;
  readonly stages: readonly { readonly stage: string; readonly p95Ms: number }[];
  readonly traces: readonly Summary[];
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

export async function traceOf({ gatewayUrl }: Shown, id: string): Promise<Trace | undefined> {
  const answer = await fetch(`${gatewayUrl}/debug/traces/${id}.json`);
  return answer.status === 404 ? undefined : ((await answer.json()) as Trace);
}

export function missingOf(trace: Trace | undefined): string[] {
  return STAGES.filter(
    ([service, stage]) =>
      !trace?.rows.some((row) => row.service === service && row.stage === stage),
  ).map(([service, stage]) => `${service} ${stage}`);
}

/** Spans of services apart are told now and then: waits until every stage is there. */
export async function wholeTraceOf(replica: Shown, id: string, withinMs = 10_000): Promise<Trace> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const trace = await traceOf(replica, id);
    if (trace !== undefined && missingOf(trace).length === 0) return trace;
    if (performance.now() > untilMs)
      throw new Error(`${id} has no ${missingOf(trace).join(', ')} after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
