// Whether a canister answers queries now, and what its execution answered (interface-spec 1.11,
// 5.1).
import type { Refusal } from '@internode/contracts';
import type { Executed } from '../sandbox/interface.ts';
import type { Canister } from './canister.ts';
import type { Outcome } from './messages.ts';
import {
  canisterNotFound,
  canisterStopped,
  canisterStopping,
  didNotReply,
  noMethod,
  noModule,
  outOfCycles,
  trapped,
} from './refusals.ts';
import { reject, reply } from './responding.ts';
import type { Subnet } from './subnet.ts';

/** `method` undefined: before the module is known. */
export function queryProblem(
  subnet: Subnet,
  canister: Canister,
  method: string | undefined,
): Refusal | undefined {
  const { id, state } = canister;
  // It may have been deleted while its query waited.
  if (!subnet.canisters.has(canister.key)) return canisterNotFound(id);
  if (state.status.kind === 'stopped') return canisterStopped(id);
  if (state.status.kind === 'stopping') return canisterStopping(id);
  if (state.code === undefined) return noModule(id);
  const missing = canister.freezingReserve(subnet.prices) - state.balance;
  if (missing > 0n) return outOfCycles(id, missing);
  if (method === undefined) return undefined;
  const kind = canister.methods.get(method);
  return kind === 'query' || kind === 'composite' ? undefined : noMethod(id, method, 'query');
}

export function queryOutcome(id: Uint8Array, executed: Executed): Outcome {
  if (executed.trap !== undefined) return reject(trapped(id, executed.trap));
  const { response } = executed;
  if (response === undefined) return reject(didNotReply(id));
  return response.kind === 'reply' ? reply(response.content) : rejectedByCanister(response.message);
}

/** The canister's own words, whole. */
export function rejectedByCanister(message: string): Outcome {
  return { kind: 'reject', rejectCode: 4, message, errorCode: 'IC0406' };
}
