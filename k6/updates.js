// Certified updates at a constant arrival rate.
import { updates } from './lib/flows.js';
import { rate, seconds } from './lib/target.js';
import { thresholds } from './lib/thresholds.js';

export const options = {
  scenarios: {
    updates: {
      executor: 'constant-arrival-rate',
      rate: rate(100),
      timeUnit: '1s',
      duration: seconds(30),
      preAllocatedVUs: 100,
      maxVUs: 300,
    },
  },
  thresholds: thresholds('call'),
};

export default updates;
