import type { Checker } from '@internode/sim';
import type { Shown } from '../roles/shown.ts';

/** Heights that every honest node certifies anew once all is calm, above what anyone had final before. */
const GROWTH = 2;

/**
 * In a calm life that goes on, a node that certifies nothing for so long has stopped: idle blocks are seconds apart, and
 * makers that are not honest can keep several in a row from becoming final.
 */
const STOPPED_MS = 25_000;

/** After calm every honest node catches up with what was final, and goes on; what was final is not lost. */
export function liveness(honest: ReadonlySet<string>, calmMs: number): Checker {
  const certified = new Map<string, number>();
  const lastMs = new Map<string, number>();
  let finalBefore = 0;
  const goal = (): number => finalBefore + GROWTH;
  const behind = (): string[] => [...honest].filter((node) => (certified.get(node) ?? 0) < goal());
  return {
    name: 'liveness',
    onEvent: ({ node, ms, event }) => {
      const shown = event as Shown;
      if (shown.kind === 'FinalShown' && ms < calmMs) {
        finalBefore = Math.max(finalBefore, shown.height);
      }
      if (shown.kind === 'CertifiedShown' && ms >= calmMs) {
        certified.set(node, shown.height);
        lastMs.set(node, ms);
      }
      return undefined;
    },
    isContent: () => behind().length === 0,
    atEnd: (nowMs) => {
      const lagging = behind();
      if (lagging.length === 0) {
        const stopped = [...lastMs].filter(([, ms]) => ms < nowMs - STOPPED_MS);
        if (stopped.length === 0) return undefined;
        return `in calm these stopped: ${stopped.map(([node, ms]) => `${node} at ${ms.toFixed()} ms`).join(', ')}`;
      }
      const where = lagging.map((node) => `${node} at ${certified.get(node) ?? 'nothing'}`);
      return `after calm not all certify height ${goal()}: ${where.join(', ')}`;
    },
  };
}
