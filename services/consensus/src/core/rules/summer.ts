// Protocol 8.3: whoever holds a quorum of unchecked votes has their sum checked. Only those who were sent votes ever do.
import { type Action, NOTHING } from '../action.ts';
import type { VotePurpose } from '../artifact.ts';
import { rolesAt, subnetAt, type View } from '../view.ts';

export function summer(view: View): readonly Action[] {
  const { pool } = view;
  const notarization = sum(view, 'notarization', pool.notarized + 1);
  if (notarization !== undefined) return [notarization];
  for (let height = pool.finalized + 1; height <= pool.notarized; height += 1) {
    const finalization = sum(view, 'finalization', height);
    if (finalization !== undefined) return [finalization];
  }
  return NOTHING;
}

function sum(view: View, purpose: VotePurpose, height: number): Action | undefined {
  const { pool, tray } = view;
  const subnet = subnetAt(view, height);
  const here = pool.at(height);
  if (subnet?.scheme !== 'multi' || here === undefined) return undefined;
  const committee = rolesAt(view, height)?.committee;
  if (committee === undefined) return undefined;
  for (const { key, hash } of here.blocks.values()) {
    if (here.certificates[purpose].has(key)) continue;
    if (purpose === 'finalization' && !pool.isNotarized(height, key)) continue;
    const shares = tray.sharesFor({ purpose, height, key });
    const own = here.votesFor(purpose, key);
    if (shares.size + own.size < subnet.quorum) continue;
    const all = new Map([...own, ...shares].filter(([signer]) => committee.has(signer)));
    if (all.size < subnet.quorum) continue;
    return { kind: 'sum', purpose, height, key, blockHash: hash, shares: all };
  }
  return undefined;
}
