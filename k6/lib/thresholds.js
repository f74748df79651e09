// What every script promises; a script names the kinds of requests that it sends. k6 ends with 99 when one does not hold.

const OF_KIND = {
  query: {
    'http_req_duration{kind:query}': ['p(95)<500'],
    'http_req_failed{kind:query}': ['rate<0.001'],
  },
  call: {
    'http_req_duration{kind:call}': [
      { threshold: 'p(95)<2000', abortOnFail: true, delayAbortEval: '10s' },
    ],
    'http_req_failed{kind:call}': ['rate<0.001'],
    submit_to_certified: ['p(95)<2000'],
  },
};

const FOR_ALL = {
  checks: ['rate>0.999'],
  // More than that means that the generator, not the replica, is the limit.
  dropped_iterations: ['count<10'],
};

export function thresholds(...kinds) {
  return Object.assign({}, FOR_ALL, ...kinds.map((kind) => OF_KIND[kind]));
}
