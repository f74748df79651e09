import { toHex } from '@internode/prelude';
import type { Checker } from '@internode/sim';
import { checkFinalBlocks } from './final-blocks.ts';

interface Context {
  readonly parent: string;
  readonly timeNanos: bigint;
  readonly certifiedHeight: number;
  readonly registryVersion: number;
}

/** Along final blocks time rises, and neither certified height nor registry version falls (protocol 2.2). */
export function risingContext(): Checker {
  return checkFinalBlocks<Context>(
    'rising context',
    ({ parent, timeNanos, certifiedHeight, registryVersion }) => ({
      parent: toHex(parent),
      timeNanos,
      certifiedHeight,
      registryVersion,
    }),
    ({ facts, finals }, height) => {
      const here = facts.get(finals.get(height) ?? '');
      const before = here && facts.get(here.parent);
      if (here === undefined || before === undefined) return undefined;
      const fault = faultOf(before, here);
      return fault && `the final block of height ${height}: ${fault}`;
    },
  );
}

function faultOf(before: Context, here: Context): string | undefined {
  if (here.timeNanos <= before.timeNanos) return 'its time does not rise';
  if (here.certifiedHeight < before.certifiedHeight) return 'its certified height falls';
  return here.registryVersion < before.registryVersion ? 'its registry version falls' : undefined;
}
