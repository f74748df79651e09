// Randomness that nobody knows too early: an honest share of the beacon of h leaves when h - 1 is notarised, of the tape of
// h when h - 1 is final (protocol 2.4). Judged by what the honest nodes have voted by then.
import { toHex } from '@internode/prelude';
import type { Checker } from '@internode/sim';
import type { Shown } from '../roles/shown.ts';
import { CERTIFICATE, SHARE, VOTE, type VotePurpose } from '../wire.ts';

const FORGOTTEN_HEIGHTS = 64;

/** `enough` honest votes for one block, with those of the faulty nodes, make a quorum. */
export function releases(enough: number): Checker {
  const reached: Record<VotePurpose, number> = { notarization: 0, finalization: 0 };
  const votes = new Map<string, Set<string>>();
  const count = (purpose: VotePurpose, { node, body }: Offered): void => {
    const vote = VOTE.decode(body);
    if (vote.kind !== 'valid' || vote.value.height <= reached[purpose]) return;
    const { height, blockHash } = vote.value;
    const name = `${purpose}/${height}/${toHex(blockHash)}`;
    const voters = votes.get(name) ?? new Set();
    votes.set(name, voters.add(node));
    if (voters.size >= enough) reach(purpose, height);
  };
  const reach = (purpose: VotePurpose, height: number): void => {
    reached[purpose] = Math.max(reached[purpose], height);
    // A block whose descendant is final, or notarised, is so itself; and what is final was notarised.
    if (purpose === 'finalization') reach('notarization', height);
    if (votes.size > FORGOTTEN_HEIGHTS) {
      for (const [name] of [...votes].slice(0, FORGOTTEN_HEIGHTS / 2)) votes.delete(name);
    }
  };
  const certified = (purpose: VotePurpose, body: Uint8Array): void => {
    const certificate = CERTIFICATE.decode(body);
    if (certificate.kind === 'valid') reach(purpose, certificate.value.height);
  };
  return {
    name: 'releases',
    onEvent: ({ node, event }) => {
      const shown = event as Shown;
      if (shown.kind === 'NotarizedShown') reach('notarization', shown.height);
      if (shown.kind === 'FinalShown') reach('finalization', shown.height);
      if (shown.kind !== 'OfferShown') return undefined;
      const { artifact, body } = shown;
      switch (artifact) {
        case 'notarization_share':
          count('notarization', { node, body });
          return undefined;
        case 'finalization_share':
          count('finalization', { node, body });
          return undefined;
        case 'notarization':
        case 'finalization':
          certified(artifact, body);
          return undefined;
        case 'beacon_share':
          return early(reached.notarization, 'beacon', { node, body });
        case 'tape_share':
          return early(reached.finalization, 'tape', { node, body });
        default:
          return undefined;
      }
    },
    atEnd: () => undefined,
  };
}

interface Offered {
  readonly node: string;
  readonly body: Uint8Array;
}

function early(reached: number, what: string, { node, body }: Offered): string | undefined {
  const share = SHARE.decode(body);
  if (share.kind !== 'valid') return `${node} offers a ${what} share that does not decode`;
  const { height } = share.value;
  if (height - 1 <= reached) return undefined;
  return `${node} shows its ${what} share of ${height} when ${reached} is the last height decided`;
}
