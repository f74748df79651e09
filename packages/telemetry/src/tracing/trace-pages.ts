// What is served below /debug/traces: the page, lists and traces as JSON, a trace as OTLP JSON.
import { readFileSync } from 'node:fs';
import { LISTED_MAX, TEXT_MAX } from '../limits.ts';
import { otlpJsonOf } from './otlp-json.ts';
import type { StoredTrace, TraceStore } from './trace-store.ts';
import { stageFiguresOf, summaryOf, type TraceSummary, waterfallOf } from './waterfall.ts';

export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const TRACES_PATH = '/debug/traces';

const PAGE = new URL('./traces.html', import.meta.url);
/** The page has all it needs within itself, and shows what others have named. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; " +
  "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const ID = /^[0-9a-f]{32}$|^[0-9a-f]{64}$/;
const LISTED = 100;

export class TracePages {
  readonly #store: TraceStore;
  readonly #node: string;
  #html: string | undefined;

  constructor(store: TraceStore, node: string) {
    this.#store = store;
    this.#node = node;
  }

  /** `path` begins with TRACES_PATH; `query` is what follows its question mark. */
  answer(path: string, query: string): Page {
    const rest = path.slice(TRACES_PATH.length);
    if (rest === '.json') return this.#list(new URLSearchParams(query.slice(0, 8 * TEXT_MAX)));
    const match = /^\/([0-9a-z]{1,64})(\.json|\.otlp\.json)?$/.exec(rest);
    if (rest !== '' && rest !== '/' && match === null) return notFound('There is no such page');
    const [, id, form] = match ?? [];
    if (id === undefined || form === undefined) return this.#page();
    return this.#trace(id, form);
  }

  #page(): Page {
    this.#html ??= readFileSync(PAGE, 'utf8');
    const headers = { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' };
    return { status: 200, contentType: 'text/html; charset=utf-8', body: this.#html, headers };
  }

  #trace(id: string, form: string): Page {
    const trace = id === 'latest' ? this.#latestCall() : ID.test(id) && this.#store.get(id);
    if (!trace) {
      return notFound(
        id === 'latest'
          ? 'No call has been traced yet'
          : 'No trace has this id: it was not sampled, or it is older than what is kept',
      );
    }
    if (form === '.json') return json(waterfallOf(trace));
    const name = `attachment; filename="trace-${trace.traceId}.json"`;
    return json(otlpJsonOf(trace.spans, this.#node), { 'content-disposition': name });
  }

  #latestCall(): StoredTrace | undefined {
    return this.#store.all('requests').find((trace) => summaryOf(trace).name === 'call');
  }

  #list(query: URLSearchParams): Page {
    const kind = query.get('kind') ?? 'call';
    const traces = this.#store.all(kind === 'block' ? 'blocks' : 'requests');
    const wanted = matcherOf(query, kind);
    const limit = Math.min(LISTED_MAX, Math.max(1, Number(query.get('limit')) || LISTED));
    const found: TraceSummary[] = [];
    const matching: StoredTrace[] = [];
    for (const trace of traces) {
      const summary = summaryOf(trace);
      if (!wanted(summary)) continue;
      matching.push(trace);
      if (found.length < limit) found.push(summary);
    }
    return json({
      node: this.#node,
      ...this.#store.figures,
      matching: matching.length,
      stages: stageFiguresOf(matching),
      traces: found,
    });
  }
}

/** Whatever is empty or malformed restricts nothing. */
function matcherOf(query: URLSearchParams, kind: string): (summary: TraceSummary) => boolean {
  const text = (name: string): string => (query.get(name) ?? '').trim().toLowerCase();
  const minMs = Number(text('min_ms')) || 0;
  const height = /^\d+$/.test(text('height')) ? Number(text('height')) : undefined;
  const [status, canister, method, request] = [
    text('status'),
    text('canister'),
    text('method'),
    text('request'),
  ];
  return (summary) =>
    (kind === 'all' || kind === 'block' || summary.name === kind) &&
    summary.durationMs >= minMs &&
    (height === undefined || summary.height === height) &&
    (status === '' || summary.status === status) &&
    (canister === '' || summary.canister.includes(canister)) &&
    (method === '' || summary.method.toLowerCase().includes(method)) &&
    (request === '' || summary.requestId.startsWith(request));
}

function json(value: object, headers: Readonly<Record<string, string>> = {}): Page {
  const body = JSON.stringify(value);
  return { status: 200, contentType: 'application/json', body, headers };
}

function notFound(error: string): Page {
  return { status: 404, contentType: 'application/json', body: JSON.stringify({ error }) };
}
