// What is loaded, from the environment that `npm run k6` and docker-compose.yml set.
import { fail } from 'k6';
import { principalBytes } from './principal.js';

export const url = __ENV.INTERNODE_URL || 'http://127.0.0.1:8000';
export const canister = __ENV.CANISTER_ID || fail('CANISTER_ID names the canister to load');
export const canisterId = principalBytes(canister);
export const queryMethod = __ENV.QUERY_METHOD || 'get';
export const updateMethod = __ENV.UPDATE_METHOD || 'inc';
/** A second of every scenario lasts so long: 0.1 is a tenth of the usual length. */
const scale = Number(__ENV.SCALE || 1);

/** A duration in seconds as k6 wants it. */
export const seconds = (count) => `${Math.max(1, Math.round(count * scale))}s`;
/** Requests per second: RATE, or as the script has it. */
export const rate = (usual) => Number(__ENV.RATE || usual);
