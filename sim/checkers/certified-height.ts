import type { Checker } from '@internode/sim';

/** What a node certified stays certified: the height never goes back, whatever crashes. */
export function certifiedHeight(): Checker {
  const highest = new Map<string, number>();
  return {
    name: 'certified height',
    onEvent: ({ node, event }) => {
      if (event.kind !== 'StateCertified') return undefined;
      const { height } = event as unknown as { height: number };
      const before = highest.get(node) ?? 0;
      if (height < before) return `${node} went back from ${before} to ${height}`;
      highest.set(node, height);
      return undefined;
    },
    atEnd: () => undefined,
  };
}
