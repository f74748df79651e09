// Anonymous queries at a constant arrival rate: the cheapest load there is, to see what the doors bear.
import { asks } from './lib/flows.js';
import { rate, seconds } from './lib/target.js';
import { thresholds } from './lib/thresholds.js';

export const options = {
  scenarios: {
    queries: {
      executor: 'constant-arrival-rate',
      rate: rate(200),
      timeUnit: '1s',
      duration: seconds(30),
      preAllocatedVUs: 50,
      maxVUs: 200,
    },
  },
  thresholds: thresholds('query'),
};

export default asks;
