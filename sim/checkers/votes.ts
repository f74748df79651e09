// What an honest node signs, over all its lives: the invariants of the protocol's TLA+ model (protocol 7).
import { toHex } from '@internode/prelude';
import type { Checker } from '@internode/sim';
import type { Shown } from '../roles/shown.ts';
import { VOTE, type VotePurpose } from '../wire.ts';

type Signed = Record<VotePurpose, Set<string>>;

/**
 * At most one finalisation vote at a height; and who voted to finalise a block there voted to notarise no other one. What
 * is offered counts, since what was signed and never left binds nobody.
 */
export function honestVotes(nodeIds: ReadonlyMap<string, Uint8Array>): Checker {
  const signed = new Map<string, Signed>();
  return {
    name: 'honest votes',
    onEvent: ({ node, event }) => {
      const purpose = purposeOf(event as Shown);
      if (purpose === undefined) return undefined;
      const vote = VOTE.decode((event as Shown & { kind: 'OfferShown' }).body);
      if (vote.kind !== 'valid') return `${node} offers a vote that does not decode`;
      const { height, blockHash, signer } = vote.value;
      if (toHex(signer) !== toHex(nodeIds.get(node) ?? signer)) return undefined;
      const name = `${node}/${height}`;
      const here = signed.get(name) ?? { notarization: new Set(), finalization: new Set() };
      signed.set(name, here);
      here[purpose].add(toHex(blockHash));
      return faultOf(`${node} at height ${height}`, here);
    },
    atEnd: () => undefined,
  };
}

function purposeOf(event: Shown): VotePurpose | undefined {
  if (event.kind !== 'OfferShown') return undefined;
  if (event.artifact === 'notarization_share') return 'notarization';
  return event.artifact === 'finalization_share' ? 'finalization' : undefined;
}

function faultOf(who: string, { notarization, finalization }: Signed): string | undefined {
  if (finalization.size > 1) return `${who} voted to finalise two blocks`;
  const [final] = finalization;
  if (final === undefined) return undefined;
  for (const hash of notarization) {
    if (hash !== final) return `${who} voted to finalise one block and to notarise another`;
  }
  return undefined;
}
