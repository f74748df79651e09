// Signed queries and certified updates beside each other, at constant rates.
import { thresholds } from './thresholds.js';

/** `rate` requests a second in all, the share `queries` of them queries. */
export function mixture({ rate, queries, duration, vus, vusMax }) {
  const constant = (share, exec) => ({
    executor: 'constant-arrival-rate',
    rate: Math.max(1, Math.round(rate * share)),
    timeUnit: '1s',
    duration,
    preAllocatedVUs: vus,
    maxVUs: vusMax,
    exec,
  });
  return {
    scenarios: {
      queries: constant(queries, 'asksSigned'),
      updates: constant(1 - queries, 'updates'),
    },
    thresholds: thresholds('query', 'call'),
  };
}
