import { toHex } from '@internode/prelude';
import type { Checker } from '@internode/sim';

/** What is said of a peer that did what a correct one never does. */
const KINDS: ReadonlySet<string> = new Set(['PeerMisbehaved', 'ArtifactRejected', 'DealerCheated']);

/** No honest node ever finds another one guilty: who is blamed is heard less, and who is innocent would be shut out. */
export function accusations(honest: Iterable<Uint8Array>): Checker {
  const innocent = new Set([...honest].map(toHex));
  return {
    name: 'accusations',
    onEvent: ({ node, service, event }) => {
      if (!KINDS.has(event.kind)) return undefined;
      const { kind, ...said } = event as unknown as Record<string, unknown>;
      const guilty = Object.values(said).find((value) => innocent.has(textOf(value)));
      if (guilty === undefined) return undefined;
      const { what = '', reason = '' } = said as Record<string, string>;
      return `${node}/${service} accuses an honest ${textOf(guilty).slice(0, 8)}: ${kind} ${what}${reason}`;
    },
    atEnd: () => undefined,
  };
}

function textOf(value: unknown): string {
  return value instanceof Uint8Array ? toHex(value) : String(value);
}
