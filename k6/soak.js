// A moderate mix for ten minutes: what grows with time (memory, files, latency) shows in /metrics meanwhile.
import { asksSigned, updates } from './flows.js';
import { rate, seconds } from './target.js';
import { thresholds } from './thresholds.js';

const all = rate(50);
const constant = (share, exec) => ({
  executor: 'constant-arrival-rate',
  rate: Math.max(1, Math.round(all * share)),
  timeUnit: '1s',
  duration: seconds(600),
  preAllocatedVUs: 30,
  maxVUs: 100,
  exec,
});

export const options = {
  scenarios: { queries: constant(0.8, 'asksSigned'), updates: constant(0.2, 'updates') },
  thresholds: thresholds('query', 'call'),
};

export { asksSigned, updates };
