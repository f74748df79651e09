import { toHex } from '@internode/prelude';
import type { Checker } from '@internode/sim';
import { checkFinalBlocks } from './final-blocks.ts';

/** Decided chains are prefixes of one another: the final block of a height stands on the final block of the height before. */
export function onePrefix(): Checker {
  return checkFinalBlocks(
    'one prefix',
    ({ parent }) => toHex(parent),
    ({ facts, finals }, height) => {
      const parent = facts.get(finals.get(height) ?? '');
      const before = finals.get(height - 1);
      if (parent === undefined || before === undefined || parent === before) return undefined;
      return `the final block of height ${height} does not stand on that of the height before`;
    },
  );
}
