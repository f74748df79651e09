// Protocol 2.4, share aggregator: every node puts quorums together for itself; nobody is designated.
import { type Action, NOTHING } from '../action.ts';
import type { VotePurpose } from '../artifact.ts';
import { subnetAt, type View } from '../view.ts';
import { certificateOf } from '../vote-scheme.ts';

export function aggregator(view: View): readonly Action[] {
  const { pool } = view;
  const notarization = aggregate(view, 'notarization', pool.notarized + 1);
  if (notarization !== undefined) return [notarization];
  for (let height = pool.finalized + 1; height <= pool.notarized; height += 1) {
    const finalization = aggregate(view, 'finalization', height);
    if (finalization !== undefined) return [finalization];
  }
  return NOTHING;
}

function aggregate(view: View, purpose: VotePurpose, height: number): Action | undefined {
  const here = view.pool.at(height);
  const subnet = subnetAt(view, height);
  if (here === undefined || subnet?.scheme !== 'list') return undefined;
  for (const record of here.blocks.values()) {
    const votes = here.votesFor(purpose, record.key);
    if (votes.size < subnet.quorum || here.certificates[purpose].has(record.key)) continue;
    const certificate = certificateOf(subnet, { height, blockHash: record.hash, votes });
    return { kind: 'certify', purpose, certificate };
  }
  return undefined;
}
