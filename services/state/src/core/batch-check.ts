import type { BatchExecuted, CanisterChange, RequestChange } from '@internode/contracts';
import { invalid, type Verdict, valid } from '@internode/prelude';
import { HASH_BYTES, PAGE_BYTES, PRINCIPAL_BYTES_MAX } from '../limits.ts';

const CERTIFIED_DATA_BYTES_MAX = 32;
const PAGE_INDEX_END = 2 ** 32;

/** Whether a batch has the form that honest execution gives it. What it says cannot be judged here. */
export function checkBatch(batch: BatchExecuted): Verdict<void> {
  if (!batch.requests.every(isRequest)) return invalid('malformed request');
  if (!batch.canisters.every(isCanister)) return invalid('malformed canister');
  const hashes = [...batch.droppedModules, ...batch.forgottenRequests];
  hashes.push(...batch.modules.map(({ hash }) => hash));
  if (!hashes.every(isHash)) return invalid('malformed hash');
  if (!(batch.members?.nodes ?? []).every(({ nodeId }) => isPrincipal(nodeId)))
    return invalid('malformed member');
  if ((batch.consumedCycles?.length ?? 0) > HASH_BYTES) return invalid('malformed cycles');
  return valid();
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_BYTES;
}

function isPrincipal(bytes: Uint8Array): boolean {
  return bytes.length <= PRINCIPAL_BYTES_MAX;
}

function isRequest(change: RequestChange): boolean {
  if (change.status === 'rejected' && change.refusal === undefined) return false;
  return isHash(change.requestId) && isPrincipal(change.sender);
}

function isCanister({ canisterId, record, memories }: CanisterChange): boolean {
  if (!isPrincipal(canisterId)) return false;
  for (const { pages } of memories) {
    for (const { index, content } of pages) {
      if (content.length !== PAGE_BYTES || index >= PAGE_INDEX_END) return false;
    }
  }
  if (record === undefined) return true;
  const names = new Set(record.metadata.map(({ name }) => name));
  if (names.size !== record.metadata.length) return false;
  if (!record.controllers.every(isPrincipal)) return false;
  if (record.moduleHash !== undefined && !isHash(record.moduleHash)) return false;
  return (record.certifiedData?.length ?? 0) <= CERTIFIED_DATA_BYTES_MAX;
}
