/** What a canister, a request and the metrics look like in the tree (interface spec 2.6). */
import type { CanisterRecord, RequestChange } from '@internode/contracts';
import { encodeCbor, encodeCborUntagged, encodeUnsignedLeb128 } from '@internode/encoding';
import { type Content, contentDigest, type Label, type Sealed, sealed } from '@internode/hash-tree';
import { concatBytes, fromHex, unreachable, utf8 } from '@internode/prelude';
import { canisterOfRow, canisterRow, requestOfRow, requestRow } from './rows.ts';

// One function for all of them: there are hundreds of thousands.
const contentOfRequest = (row: Uint8Array): Content => requestContent(requestOfRow(row));
const contentOfCanister = (row: Uint8Array): Content => canisterContent(canisterOfRow(row));

/** A row, which begins with the digest of its content, and what it is in the tree. */
export interface Entry {
  readonly row: Uint8Array;
  readonly content: Sealed;
}

export function requestEntry(change: RequestChange): Entry {
  const row = requestRow(contentDigest(requestContent(change)), change);
  return { row, content: sealedRequest(row) };
}

export function sealedRequest(row: Uint8Array): Sealed {
  return sealed(row, contentOfRequest);
}

export function canisterEntry(record: CanisterRecord): Entry {
  const row = canisterRow(contentDigest(canisterContent(record)), record);
  return { row, content: sealedCanister(row) };
}

export function sealedCanister(row: Uint8Array): Sealed {
  return sealed(row, contentOfCanister);
}

function requestContent({ status, reply, refusal }: RequestChange): Content {
  const state: [Label, Content] = ['status', utf8(status)];
  switch (status) {
    case 'received':
    case 'processing':
    case 'done':
      return [state];
    case 'replied':
      return [['reply', reply], state];
    case 'rejected': {
      const { rejectCode = 5, message = '', errorCode = '' } = refusal ?? {};
      const content: [Label, Content][] = [
        ['reject_code', encodeUnsignedLeb128(BigInt(rejectCode))],
        ['reject_message', utf8(message)],
        state,
      ];
      if (errorCode !== '') content.push(['error_code', utf8(errorCode)]);
      return content;
    }
    default:
      return unreachable(status);
  }
}

function canisterContent(record: CanisterRecord): Content {
  const content: [Label, Content][] = [
    ['controllers', encodeCbor([...record.controllers])],
    ['canister_creation_timestamp', encodeUnsignedLeb128(record.creationNanos)],
  ];
  if (record.moduleHash !== undefined) content.push(['module_hash', record.moduleHash]);
  if (record.certifiedData !== undefined) content.push(['certified_data', record.certifiedData]);
  if (record.lastInstallNanos !== undefined) {
    content.push(['last_install_timestamp', encodeUnsignedLeb128(record.lastInstallNanos)]);
  }
  if (record.metadata.length > 0) {
    content.push(['metadata', record.metadata.map(({ name, content }) => [utf8(name), content])]);
  }
  return content;
}

export interface SubnetMetrics {
  readonly canisters: number;
  readonly canisterStateBytes: number;
  readonly updatesTotal: number;
  readonly consumedCycles: bigint;
}

const TAG = fromHex('d9d9f7');
const UINT64_END = 1n << 64n;

/** Tagged CBOR; the consumed cycles are a map of integer keys: 0 for the low 64 bits, 1 for the rest or null. */
export function metricsLeaf(metrics: SubnetMetrics): Uint8Array {
  const low = metrics.consumedCycles % UINT64_END;
  const high = metrics.consumedCycles / UINT64_END;
  const field = (name: string, value: number) =>
    concatBytes(encodeCborUntagged(name), encodeCborUntagged(value));
  return concatBytes(
    TAG,
    Uint8Array.of(0xa4),
    field('num_canisters', metrics.canisters),
    field('canister_state_bytes', metrics.canisterStateBytes),
    encodeCborUntagged('consumed_cycles_total'),
    Uint8Array.of(0xa2, 0),
    encodeCborUntagged(low),
    Uint8Array.of(1),
    encodeCborUntagged(high === 0n ? null : high),
    field('update_transactions_total', metrics.updatesTotal),
  );
}
