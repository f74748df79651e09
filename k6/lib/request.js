// Requests of the Internet Computer's HTTP interface: request ids, signed envelopes, answers.
import { randomBytes, sha256 } from 'k6/crypto';
import http from 'k6/http';
import { asciiBytes, decode, encode, joined } from './cbor.js';
import { sign } from './identity.js';
import { canister, canisterId, url } from './target.js';

const EXPIRY_MS = 120_000;
const ANONYMOUS = Uint8Array.of(4);
/** DIDL, no types, no values. */
const NO_ARGUMENTS = Uint8Array.of(0x44, 0x49, 0x44, 0x4c, 0, 0);
const SEPARATOR = Uint8Array.of(10, ...asciiBytes('ic-request'));
/** The share of requests that say they are to be traced, so that a slow one can be opened as a trace. */
const TRACE_RATE = Number(__ENV.TRACE_RATE || 0.01);

const hash = (bytes) => new Uint8Array(sha256(bytes.buffer, 'binary'));

function hashOf(value) {
  if (value instanceof Uint8Array) return hash(joined([value]));
  if (typeof value === 'string') return hash(asciiBytes(value));
  if (typeof value === 'bigint') return hash(leb128(value));
  return hash(joined(value.map(hashOf)));
}

function leb128(number) {
  const bytes = [];
  for (let left = number; ; left >>= 7n) {
    if (left < 0x80n) return Uint8Array.from([...bytes, Number(left)]);
    bytes.push(Number(left & 0x7fn) | 0x80);
  }
}

/** The hash of a request without its signature, by which its status is known. */
export function requestId(content) {
  const pairs = Object.entries(content).map(([key, value]) =>
    joined([hash(asciiBytes(key)), hashOf(value)]),
  );
  return hash(joined(pairs.sort(compare)));
}

function compare(a, b) {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

const expiry = () => BigInt(Date.now() + EXPIRY_MS) * 1_000_000n;

function contentOf(kind, method, sender) {
  return {
    request_type: kind,
    canister_id: canisterId,
    method_name: method,
    arg: NO_ARGUMENTS,
    sender,
    ingress_expiry: expiry(),
    nonce: new Uint8Array(randomBytes(16)),
  };
}

/** Without an identity it is anonymous. */
async function envelope(content, identity) {
  const id = requestId(content);
  if (identity === undefined) return { id, body: encode({ content }) };
  const sender_sig = await sign(identity, joined([SEPARATOR, id]));
  return { id, body: encode({ content, sender_pubkey: identity.publicKeyDer, sender_sig }) };
}

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Answers k6's response, and the trace that the request asked for, if it did. */
function post(path, name, kind, body) {
  const traceId = hex(new Uint8Array(randomBytes(16)));
  const isTraced = Math.random() < TRACE_RATE;
  const traceparent = `00-${traceId}-${hex(new Uint8Array(randomBytes(8)))}-0${isTraced ? 1 : 0}`;
  const response = http.post(`${url}${path}`, body.buffer, {
    headers: { 'Content-Type': 'application/cbor', traceparent },
    responseType: 'binary',
    tags: { kind, name },
  });
  return { response, traceId: isTraced ? traceId : undefined };
}

export async function query(method, identity) {
  const sender = identity?.principal ?? ANONYMOUS;
  const { body } = await envelope(contentOf('query', method, sender), identity);
  const name = '/api/v3/canister/:id/query';
  return post(`/api/v3/canister/${canister}/query`, name, 'query', body);
}

export async function call(method, identity) {
  const builtFromMs = Date.now();
  const { id, body } = await envelope(contentOf('call', method, identity.principal), identity);
  const buildMs = Date.now() - builtFromMs;
  const name = '/api/v4/canister/:id/call';
  return { ...post(`/api/v4/canister/${canister}/call`, name, 'call', body), id, buildMs };
}

/** A certificate of what became of a call. */
export async function readStatus(id, identity) {
  const content = {
    request_type: 'read_state',
    paths: [[asciiBytes('request_status'), id]],
    sender: identity.principal,
    ingress_expiry: expiry(),
  };
  const { body } = await envelope(content, identity);
  const name = '/api/v3/canister/:id/read_state';
  return post(`/api/v3/canister/${canister}/read_state`, name, 'read_state', body);
}

/** The body of a response as a map; empty when it is none. */
export function mapOf(response) {
  if (response.body === null) return {};
  try {
    const map = decode(new Uint8Array(response.body));
    return map !== null && typeof map === 'object' ? map : {};
  } catch {
    return {};
  }
}

/** The labelled leaves of a certificate's tree by their last label: enough to know a status, not to trust it. */
export function leavesOf(certificate) {
  const leaves = {};
  const walk = (node, label) => {
    if (!Array.isArray(node)) return;
    if (node[0] === 1) for (const below of node.slice(1)) walk(below, label);
    if (node[0] === 2) walk(node[2], String.fromCharCode(...node[1]));
    if (node[0] === 3) leaves[label] = node[1];
  };
  walk(decode(certificate).tree, '');
  return leaves;
}
