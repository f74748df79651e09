// What a virtual user does, checked.
import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { Trend } from 'k6/metrics';
import { newIdentity } from './identity.js';
import { call, leavesOf, mapOf, query, readStatus } from './request.js';
import { queryMethod, updateMethod } from './target.js';

const submitToCertified = new Trend('submit_to_certified', true);
const clientBuild = new Trend('client_build', true);
const POLL_S = 0.2;
const POLLS_MAX = 50;
/** Slower ones are named in the log, when they were traced. */
const SLOW_MS = 1_000;

let identity;

async function own() {
  identity ??= await newIdentity();
  return identity;
}

/** A signed query; its answer is read, the node's signature on it is not verified. */
export async function asksSigned() {
  answered(await query(queryMethod, await own()));
}

export async function asks() {
  answered(await query(queryMethod, undefined));
}

function answered({ response, traceId }) {
  noteSlow(response.timings.duration, traceId);
  check(response, {
    'query is answered': ({ status }) => status === 200,
    'query has a reply': (said) => mapOf(said).status === 'replied',
  });
}

/** An update, until its certificate is there. Its signature is not verified here: `npm run load` does that. */
export async function updates() {
  const signer = await own();
  const fromMs = Date.now();
  const { response, id, buildMs, traceId } = await call(updateMethod, signer);
  clientBuild.add(buildMs);
  const accepted = check(response, {
    'call is accepted': ({ status }) => status === 200 || status === 202,
  });
  if (!accepted) return;
  const certificate = mapOf(response).certificate ?? (await polled(id, signer));
  const tookMs = Date.now() - fromMs;
  submitToCertified.add(tookMs);
  noteSlow(tookMs, traceId);
  check(certificate, {
    'call is certified as replied': (bytes) => bytes !== undefined && statusOf(bytes) === 'replied',
  });
}

async function polled(id, signer) {
  for (let poll = 0; poll < POLLS_MAX; poll++) {
    sleep(POLL_S);
    const { response } = await readStatus(id, signer);
    const { certificate } = mapOf(response);
    if (certificate !== undefined && ['replied', 'rejected'].includes(statusOf(certificate)))
      return certificate;
  }
  return undefined;
}

function statusOf(certificate) {
  const { status } = leavesOf(certificate);
  return status === undefined ? '' : String.fromCharCode(...status);
}

function noteSlow(tookMs, traceId) {
  if (traceId === undefined) return;
  exec.vu.metrics.metadata.trace_id = traceId;
  if (tookMs > SLOW_MS) console.warn(`${tookMs.toFixed(0)} ms: trace ${traceId}`);
}
