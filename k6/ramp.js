// Certified updates that come ever faster: the rate at which latency begins to grow is what the replica bears here.
import { updates } from './lib/flows.js';
import { rate, seconds } from './lib/target.js';
import { thresholds } from './lib/thresholds.js';

const highest = rate(200);

export const options = {
  scenarios: {
    ramp: {
      executor: 'ramping-arrival-rate',
      startRate: Math.max(1, Math.round(highest / 10)),
      timeUnit: '1s',
      preAllocatedVUs: 150,
      maxVUs: 400,
      stages: [
        { target: highest, duration: seconds(40) },
        { target: highest, duration: seconds(10) },
      ],
    },
  },
  thresholds: thresholds('call'),
};

export default updates;
