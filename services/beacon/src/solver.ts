import type { Solver } from '@internode/actor';
import { type BlsEngine, combineSignature } from '@internode/crypto';
import { unreachable } from '@internode/prelude';
import type { ThresholdKey } from './core/subnet.ts';
import type { BeaconAnswer, BeaconTask } from './core/task.ts';

/** A threshold key as its holder has it. */
export interface HeldKey extends ThresholdKey {
  readonly secretShare: Uint8Array;
}

export interface HeldKeys {
  readonly low: HeldKey;
  readonly high: HeldKey;
}

/** Public keys of the subnet and secret shares of one node, together. */
export function heldKeys(
  subnet: { readonly low: ThresholdKey; readonly high: ThresholdKey },
  node: { readonly lowShare: Uint8Array; readonly highShare: Uint8Array },
): HeldKeys {
  return {
    low: { ...subnet.low, secretShare: node.lowShare },
    high: { ...subnet.high, secretShare: node.highShare },
  };
}

/** Answers in place, on the caller's thread: for the simulator and tests. 1 ms per signature with mcl, 8 with noble. */
export function createBeaconSolver(
  bls: BlsEngine,
  keys: HeldKeys,
): Solver<BeaconTask, BeaconAnswer> {
  return { solve: (task, answer) => answer(solveBeacon(bls, keys, task)) };
}

/** The function behind every solver of this room. */
export function solveBeacon(bls: BlsEngine, keys: HeldKeys, task: BeaconTask): BeaconAnswer {
  const key = keys[task.key];
  const { groupPublicKey, threshold, sharePublicKeys } = key;
  const { message } = task;
  switch (task.kind) {
    case 'sign-share':
      return { kind: 'share-signed', signature: bls.sign(key.secretShare, message) };
    case 'combine': {
      const shares = task.shares.flatMap(({ index, signature }) => {
        const publicKey = sharePublicKeys[index];
        return publicKey === undefined ? [] : [{ index, publicKey, signature }];
      });
      const combination = combineSignature(bls, { groupPublicKey, threshold, message, shares });
      const signature = combination.kind === 'combined' ? combination.signature : undefined;
      return { kind: 'combined', signature, culprits: combination.culprits };
    }
    case 'verify': {
      const verdict = bls.verify({ publicKey: groupPublicKey, message, signature: task.signature });
      return { kind: 'verified', good: verdict.kind === 'valid' };
    }
    default:
      return unreachable(task);
  }
}
