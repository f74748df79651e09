// How a node joins a subnet that runs already. The controller hands it an invitation, a public file: the genesis, which says what the
// subnet's key is, and the newest record, which says whom to ask and that this node is wanted. The chain proves all the rest.
//
//   joined.json   the invitation, in the data directory of a node that was not there at genesis
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SubnetRecord, Summary } from '@internode/contracts';
import { principalToText } from '@internode/encoding';
import { bytesEqual, toHex, type Verdict } from '@internode/prelude';
import { RECORD, SUMMARY } from './forms.ts';
import { hexOf, readJson, writeJson } from './json-file.ts';

const FILE = 'joined.json';

export interface Invitation {
  /** Of height 0. */
  readonly genesis: Summary;
  readonly record: SubnetRecord;
}

export function writeInvitation(file: string, { genesis, record }: Invitation): void {
  writeJson(file, 0o644, {
    note: 'An invitation to a subnet. Public; compare the fingerprint of the root key before you join.',
    members: record.nodes.map(({ nodeId, address }) => `${principalToText(nodeId)} ${address}`),
    genesis: toHex(SUMMARY.encode(genesis)),
    record: toHex(RECORD.encode(record)),
  });
}

export function readInvitation(file: string): Invitation {
  return readJson(file, (fields) => ({
    genesis: decoded(SUMMARY.decode(hexOf(fields, 'genesis'))),
    record: decoded(RECORD.decode(hexOf(fields, 'record'))),
  }));
}

export function keepInvitation(dataDir: string, invitation: Invitation): void {
  writeInvitation(join(dataDir, FILE), invitation);
}

/** The record that this node was invited with; undefined for one that was there at genesis. */
export function invitedWith(dataDir: string): SubnetRecord | undefined {
  const file = join(dataDir, FILE);
  return existsSync(file) ? readInvitation(file).record : undefined;
}

export function isIn({ nodes }: SubnetRecord, nodeId: Uint8Array): boolean {
  return nodes.some((node) => bytesEqual(node.nodeId, nodeId));
}

function decoded<T>(verdict: Verdict<T>): T {
  if (verdict.kind !== 'valid') throw new Error(verdict.reason);
  return verdict.value;
}
