import { toHex } from '@internode/prelude';
import type { Checker } from '@internode/sim';
import type { Shown } from '../roles/shown.ts';
import { hashOfBlock, PROPOSAL } from '../wire.ts';

interface Context {
  readonly parent: string;
  readonly timeNanos: bigint;
  readonly certifiedHeight: number;
  readonly registryVersion: number;
}

/** Along final blocks time rises, and neither certified height nor registry version falls (protocol 2.2). */
export function risingContext(): Checker {
  const contexts = new Map<string, Context>();
  const finals = new Map<number, string>();
  const judge = (height: number): string | undefined => {
    const here = contexts.get(finals.get(height) ?? '');
    const before = here && contexts.get(here.parent);
    if (here === undefined || before === undefined) return undefined;
    const fault = faultOf(before, here);
    return fault && `the final block of height ${height}: ${fault}`;
  };
  return {
    name: 'rising context',
    onEvent: ({ event }) => {
      const shown = event as Shown;
      if (shown.kind === 'OfferShown' && shown.artifact === 'block_proposal') {
        const proposal = PROPOSAL.decode(shown.body);
        if (proposal.kind !== 'valid') return undefined;
        const { block } = proposal.value;
        const { timeNanos, certifiedHeight, registryVersion } = block;
        const context = { timeNanos, certifiedHeight, registryVersion };
        contexts.set(toHex(hashOfBlock(block)), { ...context, parent: toHex(block.parent) });
        return judge(block.height) ?? judge(block.height + 1);
      }
      if (shown.kind !== 'FinalShown') return undefined;
      finals.set(shown.height, toHex(shown.hash));
      return judge(shown.height);
    },
    atEnd: () => undefined,
  };
}

function faultOf(before: Context, here: Context): string | undefined {
  if (here.timeNanos <= before.timeNanos) return 'its time does not rise';
  if (here.certifiedHeight < before.certifiedHeight) return 'its certified height falls';
  return here.registryVersion < before.registryVersion ? 'its registry version falls' : undefined;
}
