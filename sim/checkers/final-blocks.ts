// What checkers of the chain have in common: the final blocks by height, and of each block that was proposed what they look at.
import { toHex } from '@internode/prelude';
import type { Checker } from '@internode/sim';
import type { Shown } from '../roles/shown.ts';
import { hashOfBlock, PROPOSAL } from '../wire.ts';

type Block = Extract<ReturnType<typeof PROPOSAL.decode>, { kind: 'valid' }>['value']['block'];

export interface FinalBlocks<Facts> {
  /** By hash in hexadecimal. */
  readonly facts: ReadonlyMap<string, Facts>;
  /** Hash of the final block, by height. */
  readonly finals: ReadonlyMap<number, string>;
}

/** `judge` is asked about each height that became known, or whose height before did. */
export function checkFinalBlocks<Facts>(
  name: string,
  factsOf: (block: Block) => Facts,
  judge: (blocks: FinalBlocks<Facts>, height: number) => string | undefined,
): Checker {
  const facts = new Map<string, Facts>();
  const finals = new Map<number, string>();
  const judged = (height: number): string | undefined =>
    judge({ facts, finals }, height) ?? judge({ facts, finals }, height + 1);
  return {
    name,
    onEvent: ({ event }) => {
      const shown = event as Shown;
      if (shown.kind === 'OfferShown' && shown.artifact === 'block_proposal') {
        const proposal = PROPOSAL.decode(shown.body);
        if (proposal.kind !== 'valid') return undefined;
        const { block } = proposal.value;
        facts.set(toHex(hashOfBlock(block)), factsOf(block));
        return judged(block.height);
      }
      if (shown.kind !== 'FinalShown') return undefined;
      finals.set(shown.height, toHex(shown.hash));
      return judged(shown.height);
    },
    atEnd: () => undefined,
  };
}
