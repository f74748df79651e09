/** From method and path to what is asked for (interface spec 1.2). */
import { type Principal, principalFromText } from '@internode/encoding';
import { BoundedMap } from '@internode/prelude';
import { ROUTES_KNOWN_MAX } from '../limits.ts';
import { type Answer, textAnswer } from './answer.ts';

export type Target = {
  readonly kind: 'canister' | 'subnet';
  readonly id: Principal;
};

export type ApiRoute =
  | { readonly kind: 'call'; readonly version: 2 | 3 | 4; readonly target: Target }
  | { readonly kind: 'query'; readonly version: 2 | 3; readonly target: Target }
  | { readonly kind: 'read_state'; readonly version: 2 | 3; readonly target: Target };

export type Route =
  | ApiRoute
  | { readonly kind: 'status' | 'health' | 'ready' | 'metrics' | 'preflight' }
  | { readonly kind: 'traces'; readonly path: string; readonly query: string }
  | { readonly kind: 'nowhere'; readonly answer: Answer };

const API_PATH = /^\/api\/v([2-4])\/(canister|subnet)\/([^/]*)\/(call|query|read_state)$/;

const TRACES_PATH = /^\/debug\/traces(?:\.json$|\/|$)/;

/** `version/target/request` of every endpoint there is. */
const ENDPOINTS: ReadonlySet<string> = new Set([
  '2/canister/call',
  '3/canister/call',
  '4/canister/call',
  '4/subnet/call',
  '2/canister/query',
  '3/canister/query',
  '3/subnet/query',
  '2/canister/read_state',
  '3/canister/read_state',
  '2/subnet/read_state',
  '3/subnet/read_state',
]);

const PLAIN_PATHS: { readonly [path: string]: 'status' | 'health' | 'ready' | 'metrics' } = {
  '/api/v2/status': 'status',
  '/healthz': 'health',
  '/readyz': 'ready',
  '/metrics': 'metrics',
};

const NOT_FOUND: Route = { kind: 'nowhere', answer: textAnswer(404, 'There is nothing here') };

/** By path: most requests are for few canisters, and to read a principal takes longer than all else here. */
const known = new BoundedMap<string, ApiRoute>(ROUTES_KNOWN_MAX, 'drop-oldest');

/** `url` is the request target as HTTP gives it: a path and perhaps a query. */
export function routeOf(method: string, url: string): Route {
  const lately = method === 'POST' ? known.get(url) : undefined;
  if (lately !== undefined) return lately;
  if (method === 'OPTIONS') return { kind: 'preflight' };
  const queryStart = url.indexOf('?');
  const path = queryStart === -1 ? url : url.slice(0, queryStart);
  const plain = Object.hasOwn(PLAIN_PATHS, path) ? PLAIN_PATHS[path] : undefined;
  if (plain !== undefined) {
    return method === 'GET' || method === 'HEAD' ? { kind: plain } : notAllowed('GET, HEAD');
  }
  if (TRACES_PATH.test(path)) {
    const query = queryStart === -1 ? '' : url.slice(queryStart + 1);
    return method === 'GET' || method === 'HEAD'
      ? { kind: 'traces', path, query }
      : notAllowed('GET, HEAD');
  }
  const match = API_PATH.exec(path);
  if (match === null) return NOT_FOUND;
  const [, version, targetKind, id, kind] = match;
  if (!ENDPOINTS.has(`${version}/${targetKind}/${kind}`)) return NOT_FOUND;
  if (method !== 'POST') return notAllowed('POST');
  const principal = principalFromText(id ?? '');
  if (principal.kind !== 'valid') {
    return nowhere(400, `The ${targetKind} id in the path is malformed: ${principal.reason}`);
  }
  const target = { kind: targetKind, id: principal.value };
  const route = { kind, version: Number(version), target } as ApiRoute;
  if (path === url) known.set(url, route);
  return route;
}

function notAllowed(allow: string): Route {
  return { kind: 'nowhere', answer: textAnswer(405, `Use ${allow}`, { allow }) };
}

function nowhere(status: number, text: string): Route {
  return { kind: 'nowhere', answer: textAnswer(status, text) };
}
