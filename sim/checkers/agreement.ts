import { toHex } from '@internode/prelude';
import type { Checker } from '@internode/sim';

/** Something with one true value per height, in all lives of all nodes: a final block, a state root. */
function oneValuePerHeight(name: string, kinds: readonly string[], field: string): Checker {
  const seen = new Map<number, string>();
  return {
    name,
    onEvent: ({ event }) => {
      if (!kinds.includes(event.kind)) return undefined;
      const { height, [field]: value } = event as unknown as { height: number } & Record<
        string,
        Uint8Array
      >;
      const text = toHex(value as Uint8Array);
      const before = seen.get(height) ?? text;
      seen.set(height, before);
      return before === text ? undefined : `height ${height} has ${before} and ${text}`;
    },
    atEnd: () => undefined,
  };
}

/** One finalised block per height (protocol 2.1), also across restarts. */
export function agreement(): Checker {
  return oneValuePerHeight('agreement', ['FinalShown'], 'hash');
}

/** The same state root at each height, however often it is executed, and the same that is certified. */
export function oneRoot(): Checker {
  return oneValuePerHeight('one root', ['HashShown', 'CertifiedShown'], 'root');
}

/** A checkpoint has the same content everywhere, also what no root is made of, such as pages. */
export function oneCheckpoint(): Checker {
  return oneValuePerHeight('one checkpoint', ['CheckpointShown'], 'root');
}

/** Threshold signatures are unique, so that nobody can choose among them. */
export function uniqueRandomness(): readonly Checker[] {
  return [
    oneValuePerHeight('one beacon', ['BeaconShown'], 'value'),
    oneValuePerHeight('one tape', ['TapeShown'], 'value'),
    oneValuePerHeight('one certification', ['CertificationShown'], 'signature'),
  ];
}
