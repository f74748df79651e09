// Quiet, then eight times as many updates at once, then quiet: nothing may be lost, and latency has to come back.
import { updates } from './lib/flows.js';
import { rate, seconds } from './lib/target.js';
import { thresholds } from './lib/thresholds.js';

const quiet = rate(25);

export const options = {
  scenarios: {
    spike: {
      executor: 'ramping-arrival-rate',
      startRate: quiet,
      timeUnit: '1s',
      preAllocatedVUs: 150,
      maxVUs: 400,
      stages: [
        { target: quiet, duration: seconds(10) },
        { target: quiet * 8, duration: seconds(1) },
        { target: quiet * 8, duration: seconds(9) },
        { target: quiet, duration: seconds(1) },
        { target: quiet, duration: seconds(9) },
      ],
    },
  },
  thresholds: thresholds('call'),
};

export default updates;
