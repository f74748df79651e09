// Cycles and randomness (interface-spec 6).
import { candid, separator, sha256 } from '@internode/encoding';
import { concatBytes } from '@internode/prelude';
import { addCycles } from '../cycles.ts';
import { canisterNotFound } from '../refusals.ts';
import { done, failed, type ManagementCall, type Result, readArgument } from './call.ts';
import { canisterIdType, topUpType } from './types.ts';

export function depositCycles({ subnet, call }: ManagementCall): Result {
  const read = readArgument(canisterIdType, call.argument);
  if (read.kind === 'refused') return failed(read.refusal);
  const canister = subnet.get(read.value.canister_id);
  if (canister === undefined) return failed(canisterNotFound(read.value.canister_id));
  canister.state.balance = addCycles(canister.state.balance, call.cycles);
  subnet.touch(canister);
  return done(undefined, { kept: call.cycles });
}

export function topUp({ subnet, call }: ManagementCall): Result {
  const read = readArgument(topUpType, call.argument);
  if (read.kind === 'refused') return failed(read.refusal);
  const canister = subnet.get(read.value.canister_id);
  if (canister === undefined) return failed(canisterNotFound(read.value.canister_id));
  canister.state.balance = addCycles(canister.state.balance, read.value.amount);
  subnet.touch(canister);
  return done();
}

/**
 * 32 bytes nobody could know when the call was made: the answer waits for the random tape of the
 * next height, which is opened only after this height is final.
 */
export function rawRand({ subnet, call, notBefore }: ManagementCall): Result {
  if (notBefore === 0) {
    subnet.queue.push({ call, notBefore: subnet.height + 1, callerVersion: undefined });
    return { kind: 'deferred' };
  }
  const draw = new Uint8Array(8);
  new DataView(draw.buffer).setBigUint64(0, BigInt(subnet.draws++));
  const random = sha256(concatBytes(separator('internode-raw-rand'), subnet.randomness, draw));
  return done(candid.encode([candid.blob], [random]));
}
