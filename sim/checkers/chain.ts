import { toHex } from '@internode/prelude';
import type { Checker } from '@internode/sim';
import type { Shown } from '../roles/shown.ts';
import { hashOfBlock, PROPOSAL } from '../wire.ts';

/** Decided chains are prefixes of one another: the final block of a height stands on the final block of the height before. */
export function onePrefix(): Checker {
  const parents = new Map<string, string>();
  const finals = new Map<number, string>();
  const judge = (height: number): string | undefined => {
    const parent = parents.get(finals.get(height) ?? '');
    const before = finals.get(height - 1);
    if (parent === undefined || before === undefined || parent === before) return undefined;
    return `the final block of height ${height} does not stand on that of the height before`;
  };
  return {
    name: 'one prefix',
    onEvent: ({ event }) => {
      const shown = event as Shown;
      if (shown.kind === 'OfferShown' && shown.artifact === 'block_proposal') {
        const proposal = PROPOSAL.decode(shown.body);
        if (proposal.kind !== 'valid') return undefined;
        const { block } = proposal.value;
        parents.set(toHex(hashOfBlock(block)), toHex(block.parent));
        return judge(block.height) ?? judge(block.height + 1);
      }
      if (shown.kind !== 'FinalShown') return undefined;
      finals.set(shown.height, toHex(shown.hash));
      return judge(shown.height) ?? judge(shown.height + 1);
    },
    atEnd: () => undefined,
  };
}
