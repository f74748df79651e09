// Anonymous queries at a constant arrival rate: the cheapest load there is, to see what the doors bear.
//   k6 run -e INTERNODE_URL=http://127.0.0.1:8000 -e CANISTER_ID=… [-e METHOD=get] [-e RATE=200] [-e DURATION=30s] k6/queries.js
import { check, fail } from 'k6';
import http from 'k6/http';
import { encode } from './cbor.js';
import { principalBytes } from './principal.js';

const url = __ENV.INTERNODE_URL || 'http://127.0.0.1:8000';
const method = __ENV.METHOD || 'get';
const canister = __ENV.CANISTER_ID || fail('CANISTER_ID names the canister to ask');
const endpoint = `${url}/api/v3/canister/${canister}/query`;
const canisterId = principalBytes(canister);

const ANONYMOUS = Uint8Array.of(4);
/** DIDL, no types, no values. */
const NO_ARGUMENTS = Uint8Array.of(0x44, 0x49, 0x44, 0x4c, 0, 0);
const EXPIRY_MS = 120_000;
const REPLIED = 'replied';

export const options = {
  scenarios: {
    queries: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 200),
      timeUnit: '1s',
      duration: __ENV.DURATION || '30s',
      preAllocatedVUs: 50,
      maxVUs: 200,
    },
  },
  thresholds: {
    checks: ['rate>0.999'],
    'http_req_duration{kind:query}': ['p(95)<500'],
    dropped_iterations: ['count<10'],
  },
};

export default function query() {
  const content = {
    request_type: 'query',
    canister_id: canisterId,
    method_name: method,
    arg: NO_ARGUMENTS,
    sender: ANONYMOUS,
    ingress_expiry: BigInt(Date.now() + EXPIRY_MS) * 1_000_000n,
  };
  const response = http.post(endpoint, encode({ content }).buffer, {
    headers: { 'Content-Type': 'application/cbor' },
    responseType: 'binary',
    tags: { kind: 'query', name: '/api/v3/canister/:id/query' },
  });
  check(response, {
    'is answered': ({ status }) => status === 200,
    'has a reply': ({ body }) => body !== null && contains(new Uint8Array(body), REPLIED),
  });
}

function contains(bytes, text) {
  const codes = [...text].map((letter) => letter.charCodeAt(0));
  for (let at = 0; at + codes.length <= bytes.length; at++)
    if (codes.every((code, index) => bytes[at + index] === code)) return true;
  return false;
}
