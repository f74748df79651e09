// Calls to one replica while something happens to parts of it; afterwards nothing acknowledged is missing and nothing ran twice.
import type { ReplicaConfig } from './replica.ts';
import { MarkStream } from './stream.ts';
import { wait } from './under-load.ts';

export interface CallsWhile {
  readonly callers: number;
  /** How many more are to be acknowledged before it counts as progress. */
  readonly acknowledgedBetween?: number;
  /** What may become of a connection; anything else ends the test. */
  readonly expected?: RegExp;
}

const ACKNOWLEDGED_BETWEEN = 30;
const NOTHING = /^\b$/;

/** What clients of a gateway see that was killed, or whose neighbours were. */
export const KILLED_CONNECTION =
  /closed|ECONNRESET|EPIPE|ECONNREFUSED|socket|503|The replica is starting/;

export async function callsWhile(
  replica: ReplicaConfig,
  { callers, acknowledgedBetween = ACKNOWLEDGED_BETWEEN, expected = NOTHING }: CallsWhile,
  happens: (stream: MarkStream, progress: () => Promise<void>) => Promise<void>,
): Promise<MarkStream> {
  const stream = await MarkStream.open(replica);
  let stopping = false;
  let unexpected: unknown;
  const runs = Array.from({ length: callers }, async () => {
    // A connection to a gateway that was killed is opened again.
    while (!stopping && unexpected === undefined) {
      await stream.run(replica.gatewayUrl, (fault) => {
        if (!expected.test(String(fault))) unexpected ??= fault;
      });
      await wait(10);
    }
  });
  const progress = async (): Promise<void> => {
    const goal = stream.acknowledged + acknowledgedBetween;
    while (stream.acknowledged < goal && unexpected === undefined) await wait(5);
  };
  try {
    await progress();
    await happens(stream, progress);
  } finally {
    stopping = true;
    stream.stop();
    await Promise.all(runs);
  }
  if (unexpected !== undefined) throw unexpected;
  const wrong = await stream.wrongAt(replica);
  if (wrong.length > 0) throw new Error(wrong.join('; '));
  return stream;
}
