// `internode_set_subnet_record : (blob) -> ()`: the controller of the subnet says who its members are from the epoch after
// next on. The blob is a SubnetRecord (proto/internode/types/v1/epoch.proto).
import type { NodeRecord, Refusal, SubnetRecord } from '@internode/contracts';
import { checkReceiverKey, nobleBls, parseUserKey, verifyPossession } from '@internode/crypto';
import { candid, principalToText, selfAuthenticating } from '@internode/encoding';
import { bytesEqual, compareBytes, toHex, utf8 } from '@internode/prelude';
import { RECORD } from '../../limits.ts';
import { refuse } from '../refusals.ts';
import { decodeRecord } from '../subnet-records.ts';
import { done, failed, type ManagementCall, type Result, readArgument } from './call.ts';

const PRINCIPAL_BYTES_MAX = 29;
const ED25519_DER_BYTES = 44;
/** Above so many members only multi-signatures are fast enough, and dealers are sampled. */
const LISTS_OF_VOTES_MAX = 40;

export function setSubnetRecord({ subnet, call }: ManagementCall): Result {
  const { records, height } = subnet;
  const before = records.newest;
  const stranger = callerProblem(before, call.caller);
  if (stranger !== undefined || before === undefined) return failed(stranger ?? noController());
  const read = readArgument(candid.blob, call.argument);
  if (read.kind === 'refused') return failed(read.refusal);
  const decoded = decodeRecord(read.value);
  if (decoded.kind !== 'valid') return refused(decoded.reason);
  const fault = faultOfChange(before, decoded.value);
  if (fault !== undefined) return refused(fault);
  if (records.change(height, decoded.value)) return done();
  return failed(refuse('IC0204', 'The subnet record was changed too often of late'));
}

/**
 * `internode_subnet_record : () -> (blob)`: the newest record, for who is to change it. A certified answer: one node that lies about
 * the record could otherwise have its own friends written into the next one.
 */
export function subnetRecord({ subnet, call }: ManagementCall): Result {
  const { records } = subnet;
  const stranger = callerProblem(records.newest, call.caller);
  if (stranger !== undefined) return failed(stranger);
  return done(candid.encode([candid.blob], [records.newestEncoded]));
}

/** Also asked before such a call enters a block. */
export function callerProblem(
  record: SubnetRecord | undefined,
  caller: Uint8Array,
): Refusal | undefined {
  if (record === undefined || record.controller.length === 0) return noController();
  if (bytesEqual(record.controller, caller)) return undefined;
  return refuse(
    'IC0512',
    `Only the controller of the subnet can read or change its record.\n` +
      `Subnet's controller: ${principalToText(record.controller)}\nSender's ID: ${principalToText(caller)}`,
  );
}

function noController(): Refusal {
  return refuse('IC0512', 'This subnet has no controller: its record cannot be changed');
}

function refused(fault: string): Result {
  return failed(refuse('IC0408', `Invalid subnet record: ${fault}`));
}

/** Why this record may not follow that one. Cheap checks first: proofs of possession cost milliseconds each. */
export function faultOfChange(before: SubnetRecord, after: SubnetRecord): string | undefined {
  return (
    faultOfParameters(before, after) ??
    faultOfNodes(after.nodes) ??
    faultOfStep(before, after) ??
    faultOfKeys(before, after)
  );
}

function faultOfParameters(before: SubnetRecord, after: SubnetRecord): string | undefined {
  const { version, controller, replicaVersion, epochLength, nodes } = after;
  if (version !== before.version + 1) return `version must be ${before.version + 1}`;
  if (controller.length === 0 || controller.length > PRINCIPAL_BYTES_MAX)
    return 'controller is not a principal';
  if (utf8(replicaVersion).length > RECORD.versionBytes) return 'replica_version is too long';
  if (before.epochLength === 0) return 'this subnet has no epochs, so no change could take effect';
  if (epochLength > RECORD.epochLength) return `epoch_length exceeds ${RECORD.epochLength}`;
  const shortest = epochLengthMin(nodes.length);
  return epochLength < shortest ? `epoch_length must be at least ${shortest}` : undefined;
}

/** All dealings have to fit, one a block, and be followed by blocks for complaints. */
export function epochLengthMin(nodes: number): number {
  return nodes > LISTS_OF_VOTES_MAX ? 500 : Math.max(8, 4 * nodes);
}

function faultOfNodes(nodes: readonly NodeRecord[]): string | undefined {
  if (nodes.length === 0) return 'no nodes';
  if (nodes.length > RECORD.nodes) return `more than ${RECORD.nodes} nodes`;
  for (const [index, node] of nodes.entries()) {
    const fault = faultOfNode(node);
    if (fault !== undefined) return `node ${index}: ${fault}`;
    const last = nodes[index - 1];
    if (last !== undefined && compareBytes(last.nodeId, node.nodeId) >= 0)
      return 'nodes are not ascending by node id';
    if (node.voteKey.length === 0 && nodes.length > LISTS_OF_VOTES_MAX)
      return `node ${index}: above ${LISTS_OF_VOTES_MAX} nodes each needs a vote key`;
  }
  return faultOfShared(nodes);
}

function faultOfNode({ nodeId, publicKey, address }: NodeRecord): string | undefined {
  const key = publicKey.length === ED25519_DER_BYTES ? parseUserKey(publicKey) : undefined;
  if (key?.kind !== 'valid' || key.value.kind !== 'ed25519')
    return 'public_key is not an Ed25519 key';
  if (!bytesEqual(nodeId, selfAuthenticating(publicKey)))
    return 'node_id is not the principal of its key';
  if (utf8(address).length > RECORD.addressBytes) return 'address is too long';
  return undefined;
}

/** One vote key for two nodes would be one holder with two votes. */
function faultOfShared(nodes: readonly NodeRecord[]): string | undefined {
  for (const field of ['voteKey', 'receiverKey'] as const) {
    const keys = nodes.map((node) => toHex(node[field])).filter((key) => key !== '');
    if (new Set(keys).size !== keys.length) return 'two nodes have the same key';
  }
  return undefined;
}

/**
 * The old members deal the keys of the new ones, and enough of the new ones have to know the chain when they take over: no
 * more leave at once than may fail.
 */
function faultOfStep(before: SubnetRecord, after: SubnetRecord): string | undefined {
  const staying = new Set(before.nodes.map(({ nodeId }) => toHex(nodeId)));
  const kept = after.nodes.filter(({ nodeId }) => staying.has(toHex(nodeId))).length;
  const leaving = before.nodes.length - kept;
  const leavingMax = Math.max(1, Math.floor((before.nodes.length - 1) / 3));
  if (kept === 0) return 'at least one node has to stay';
  if (leaving > leavingMax) return `at most ${leavingMax} of the nodes may leave at once`;
  return undefined;
}

function faultOfKeys(before: SubnetRecord, after: SubnetRecord): string | undefined {
  const known = new Map(before.nodes.map((node) => [toHex(node.nodeId), node]));
  let added = 0;
  for (const [index, node] of after.nodes.entries()) {
    const old = known.get(toHex(node.nodeId));
    if (checkReceiverKey(node.receiverKey).kind !== 'valid')
      return `node ${index}: receiver_key is not a ristretto255 point`;
    const hasKnownKey =
      old !== undefined &&
      bytesEqual(old.voteKey, node.voteKey) &&
      bytesEqual(old.voteKeyProof, node.voteKeyProof);
    if (hasKnownKey) continue;
    added += 1;
    if (added > RECORD.nodesAdded)
      return `more than ${RECORD.nodesAdded} nodes are new or have a new vote key`;
    if (!provesItsKey(node)) return `node ${index}: vote_key_proof does not prove its vote_key`;
  }
  return undefined;
}

/** Small subnets vote with Ed25519: a node without a vote key proves nothing. */
function provesItsKey({ voteKey, voteKeyProof }: NodeRecord): boolean {
  if (voteKey.length === 0) return voteKeyProof.length === 0;
  return verifyPossession(nobleBls, voteKey, voteKeyProof).kind === 'valid';
}
