// Asks a replica for one trace and shows it as its page does.

import type { Waterfall } from '@internode/telemetry';
import { readReplicaConfig } from '../replica-config.ts';
import { StartFault } from '../start-fault.ts';
import { waterfallText } from '../waterfall-text.ts';
import { dataDirOf, flagsOf } from './flags.ts';

const ID = /^(?:[0-9a-f]{32}|[0-9a-f]{64})$/;
const TIMEOUT_MS = 5_000;
const WIDTH_MIN = 80;
const WIDTH_MAX = 200;

export async function trace(args: readonly string[]): Promise<void> {
  const { values, positionals } = flagsOf('trace', args, {
    'data-dir': { type: 'string' },
    url: { type: 'string' },
    json: { type: 'boolean' },
  });
  const [given = 'latest', ...others] = positionals;
  const id = given.toLowerCase().replace(/^0x/, '');
  if (others.length > 0 || (id !== 'latest' && !ID.test(id))) {
    throw new StartFault(
      `${[given, ...others].join(' ').slice(0, 100)} is no id of a request or a trace`,
      'give the 64 hex digits of a request id, the 32 of a trace id, or nothing for the newest call',
    );
  }
  const dataDir = dataDirOf(values['data-dir']);
  const url = values.url ?? readReplicaConfig(dataDir)?.gatewayUrl;
  if (url === undefined) {
    throw new StartFault(
      `no replica is known in ${dataDir}`,
      'start one with `npm start`, or name it: --url http://127.0.0.1:8000 or --data-dir DIR',
    );
  }
  const found = await fetchTrace(url, id);
  if (values.json) return console.log(JSON.stringify(found));
  const width = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, process.stdout.columns ?? 120));
  console.log(waterfallText(found, width));
}

async function fetchTrace(url: string, id: string): Promise<Waterfall> {
  const answer = await ask(url, id);
  const text = await answer.text();
  if (answer.status === 403) {
    throw new StartFault(
      `${url} shows its traces to its own machine only`,
      'run this there, or start the replica with --debug-to anyone',
    );
  }
  if (answer.status === 404) {
    throw new StartFault(
      errorOf(text),
      'trace more: start the replica with OTEL_TRACES_SAMPLER=always_on, or send a traceparent with the call',
    );
  }
  const found = answer.ok ? parsed(text) : undefined;
  if (found === undefined || !Array.isArray(found.rows))
    throw new StartFault(`${url} answers no trace (HTTP ${answer.status})`, 'is it Internode?');
  return found;
}

async function ask(url: string, id: string): Promise<Response> {
  try {
    const target = new URL(`/debug/traces/${id}.json`, url);
    return await fetch(target, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (fault) {
    throw new StartFault(
      `no replica answers on ${url} (${(fault as Error).message})`,
      'start one with `npm start`',
    );
  }
}

function errorOf(text: string): string {
  const { error } = (parsed(text) ?? {}) as { readonly error?: unknown };
  return typeof error === 'string' ? error : text.trim().slice(0, 200);
}

function parsed(text: string): Waterfall | undefined {
  try {
    return JSON.parse(text) as Waterfall;
  } catch {
    return undefined;
  }
}
