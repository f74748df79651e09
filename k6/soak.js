// A moderate mix for ten minutes: what grows with time (memory, files, latency) shows in /metrics meanwhile.
import { mixture } from './lib/mixture.js';
import { rate, seconds } from './lib/target.js';

export { asksSigned, updates } from './lib/flows.js';

export const options = mixture({
  rate: rate(50),
  queries: 0.8,
  duration: seconds(600),
  vus: 30,
  vusMax: 100,
});
