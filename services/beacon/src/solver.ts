import type { Solver } from '@internode/actor';
import type { DkgConfig } from '@internode/contracts';
import {
  type BlsEngine,
  checkReceiverKey,
  combineSignature,
  complain,
  type DkgEngines,
  deal,
  generateReceiverKey,
  openDealing,
  openSealed,
  positionOf,
  type SignatureEngine,
  sealSecret,
  shareFromRow,
} from '@internode/crypto';
import { selfAuthenticating } from '@internode/encoding';
import { bytesEqual, toHex, unreachable } from '@internode/prelude';
import type { ThresholdKey } from './core/subnet.ts';
import type { BeaconAnswer, BeaconTask, ShareRef } from './core/task.ts';

/** A threshold key as its holder has it. */
export interface HeldKey extends ThresholdKey {
  readonly secretShare: Uint8Array;
}

/** What a node needs to take part in key generation. */
export interface NodeSecrets {
  /** Ed25519: signs dealings and complaints, seals what the journal keeps. */
  readonly nodeSecret: Uint8Array;
  /** 32 bytes from which the receiver key in the node's record is made (`generateReceiverKey`). */
  readonly receiverSecret: Uint8Array;
}

/** Secrets of one node: the shares it was born with, and those of its own. Plain data, so that a thread can have them. */
export interface HeldKeys {
  readonly low?: HeldKey;
  readonly high?: HeldKey;
  readonly node?: NodeSecrets;
}

/**
 * Public keys of the subnet and secrets of one node, together. Without node secrets it neither deals nor receives; a node that
 * joins later has no shares yet.
 */
export function heldKeys(
  subnet: { readonly low: ThresholdKey; readonly high: ThresholdKey },
  node: { readonly lowShare?: Uint8Array; readonly highShare?: Uint8Array } & Partial<NodeSecrets>,
): HeldKeys {
  const { lowShare, highShare, nodeSecret, receiverSecret } = node;
  return {
    ...(lowShare && { low: { ...subnet.low, secretShare: lowShare } }),
    ...(highShare && { high: { ...subnet.high, secretShare: highShare } }),
    ...(nodeSecret && receiverSecret && { node: { nodeSecret, receiverSecret } }),
  };
}

/** What solvers compute with. */
export interface BeaconTools extends DkgEngines {
  readonly bls: BlsEngine;
  readonly signatures: SignatureEngine;
  /** 32 unpredictable bytes at each call. */
  readonly entropy: () => Uint8Array;
}

/** Answers in place, on the caller's thread: for the simulator and tests. 1 ms per signature with mcl, 8 with noble. */
export function createBeaconSolver(
  tools: BeaconTools,
  keys: HeldKeys,
): Solver<BeaconTask, BeaconAnswer> {
  return { solve: (task, answer) => answer(solveBeacon(tools, keys, task)) };
}

/** The function behind every solver of this room. */
export function solveBeacon(tools: BeaconTools, keys: HeldKeys, task: BeaconTask): BeaconAnswer {
  const { bls } = tools;
  switch (task.kind) {
    case 'sign-share': {
      const secret = secretOf(tools, keys, task.share);
      const signature = secret === undefined ? undefined : bls.sign(secret, task.message);
      return { kind: 'share-signed', signature };
    }
    case 'combine': {
      const combination = combineSignature(bls, task);
      return { signature: undefined, agreed: false, ...combination, kind: 'combined' };
    }
    case 'verify':
      return { kind: 'verified', good: bls.verify(task).kind === 'valid' };
    case 'deal':
      return { kind: 'dealt', dealing: dealt(tools, keys, task) };
    case 'open':
      return opened(tools, keys, task);
    case 'derive':
      return { kind: 'derived', sealed: derived(tools, keys, task) };
    default:
      return unreachable(task);
  }
}

type TaskOf<Kind extends BeaconTask['kind']> = Extract<BeaconTask, { readonly kind: Kind }>;

function dealt(tools: BeaconTools, keys: HeldKeys, task: TaskOf<'deal'>) {
  if (keys.node === undefined) return undefined;
  const { nodeSecret } = keys.node;
  const oldShare = task.oldShare === undefined ? undefined : secretOf(tools, keys, task.oldShare);
  const dealing = deal(tools, {
    config: task.config,
    dealer: nodeIdOf(tools, nodeSecret),
    nodeSecret,
    ...(oldShare === undefined ? {} : { oldShare }),
    entropy: tools.entropy(),
  });
  return dealing.kind === 'valid' ? dealing.value : undefined;
}

function opened(tools: BeaconTools, keys: HeldKeys, task: TaskOf<'open'>): BeaconAnswer {
  const { config, dealing } = task;
  const receiving = receiverOf(tools, keys, config);
  const good = { kind: 'opened', complaint: undefined } as const;
  if (receiving === undefined || checkReceiverKey(dealing.ephemeralKey).kind !== 'valid')
    return good;
  const { nodeSecret, ...receiver } = receiving;
  const request = { config, dealing, ...receiver };
  if (openDealing(tools, request) !== undefined) return good;
  const complaint = complain(tools, { ...request, nodeSecret, entropy: tools.entropy() });
  return { kind: 'opened', complaint };
}

function derived(
  tools: BeaconTools,
  keys: HeldKeys,
  { sharing, transcript, row }: TaskOf<'derive'>,
): Uint8Array | undefined {
  const receiving = receiverOf(tools, keys, sharing.config);
  if (receiving === undefined) return undefined;
  const { nodeSecret, ...receiver } = receiving;
  const secret = shareFromRow(tools.bls, { sharing, transcript, row, ...receiver });
  return secret.kind === 'valid'
    ? sealSecret(nodeSecret, secret.value, tools.entropy())
    : undefined;
}

/** This node as a receiver. One that lost its receiver key cannot tell good shares from bad ones: it must not complain. */
function receiverOf(tools: BeaconTools, keys: HeldKeys, config: DkgConfig) {
  if (keys.node === undefined) return undefined;
  const { nodeSecret, receiverSecret } = keys.node;
  const key = generateReceiverKey(receiverSecret);
  const receiver = nodeIdOf(tools, nodeSecret);
  const registered = config.receiverKeys[positionOf(config.receivers, receiver)];
  if (registered === undefined || !bytesEqual(registered, key.publicKey)) return undefined;
  return { nodeSecret, receiver, receiverSecret: key.secretKey };
}

/** Opening is a hundredth of a signature, but the bytes should not be copied about more than need be. */
function secretOf(tools: BeaconTools, keys: HeldKeys, share: ShareRef): Uint8Array | undefined {
  if (share.sealed !== undefined) {
    return keys.node === undefined ? undefined : openSealed(keys.node.nodeSecret, share.sealed);
  }
  return bornWith(tools, keys).get(toHex(share.publicKey));
}

const birthShares = new WeakMap<HeldKeys, ReadonlyMap<string, Uint8Array>>();

function bornWith({ bls }: BeaconTools, keys: HeldKeys): ReadonlyMap<string, Uint8Array> {
  let shares = birthShares.get(keys);
  if (shares === undefined) {
    const held = [keys.low, keys.high].filter((key) => key !== undefined);
    shares = new Map(
      held.map(({ secretShare }) => [toHex(bls.publicKey(secretShare)), secretShare] as const),
    );
    birthShares.set(keys, shares);
  }
  return shares;
}

function nodeIdOf({ signatures }: BeaconTools, nodeSecret: Uint8Array): Uint8Array {
  return selfAuthenticating(signatures.ed25519PublicKey(nodeSecret));
}
