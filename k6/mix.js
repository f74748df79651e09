// As an application loads a canister: nine signed queries for each certified update.
import { asksSigned, updates } from './flows.js';
import { rate, seconds } from './target.js';
import { thresholds } from './thresholds.js';

const all = rate(150);
const constant = (share, exec) => ({
  executor: 'constant-arrival-rate',
  rate: Math.max(1, Math.round(all * share)),
  timeUnit: '1s',
  duration: seconds(30),
  preAllocatedVUs: 50,
  maxVUs: 200,
  exec,
});

export const options = {
  scenarios: { queries: constant(0.9, 'asksSigned'), updates: constant(0.1, 'updates') },
  thresholds: thresholds('query', 'call'),
};

export { asksSigned, updates };
