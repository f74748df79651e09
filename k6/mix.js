// As an application loads a canister: nine signed queries for each certified update.
import { mixture } from './lib/mixture.js';
import { rate, seconds } from './lib/target.js';

export { asksSigned, updates } from './lib/flows.js';

export const options = mixture({
  rate: rate(150),
  queries: 0.9,
  duration: seconds(30),
  vus: 50,
  vusMax: 200,
});
