import type { Checker } from '@internode/sim';

/** What a node showed as certified stays: the height it shows never goes back, whatever crashes, as long as it has its disks. */
export function certifiedHeight(): Checker {
  const highest = new Map<string, number>();
  return {
    name: 'certified height',
    onEvent: ({ node, event }) => {
      if (event.kind === 'DiskLost') highest.delete(node);
      if (event.kind !== 'CertifiedShown') return undefined;
      const { height } = event as unknown as { height: number };
      const before = highest.get(node) ?? 0;
      if (height < before) return `${node} went back from ${before} to ${height}`;
      highest.set(node, height);
      return undefined;
    },
    atEnd: () => undefined,
  };
}
