// Calls while something fails, what was acknowledged meanwhile, and how those that failed came back.
import { certifiedHeight, type Network, reached } from './network.ts';
import type { ReplicaConfig } from './replica.ts';
import { MarkStream } from './stream.ts';

/** How long calls may stand still when as many replicas fail as the network bears. */
export const STANDSTILL_MS_MAX = 2_000;
const WARM_UP_MS = 1_000;

export interface Load {
  /** Those that fail: calls go through all others, or as many of them. */
  readonly failing: readonly number[];
  readonly callersEach?: number;
  readonly through?: number;
  readonly catchUpMsMax: number;
}

/** A network, however it is run. */
export type Doors = ReplicaConfig & Pick<Network, 'replicas' | 'replica'>;

export const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

export function doorOf<Some extends Doors>(network: Some, index: number): Some {
  return { ...network, gatewayUrl: network.replica(index).gatewayUrl };
}

/**
 * Calls through the others while some fail. Afterwards, when all have come as far as the others: what was acknowledged is there
 * exactly once at each, nothing is there twice, and no connection to the others broke. Throws else.
 */
export async function callsDuring(
  network: Doors,
  { failing, callersEach = 2, through = Number.POSITIVE_INFINITY, catchUpMsMax }: Load,
  fault: (stream: MarkStream) => Promise<void>,
): Promise<void> {
  const all = [...network.replicas.keys()];
  const others = all.filter((index) => !failing.includes(index));
  const doors = others.slice(0, through).map((index) => doorOf(network, index));
  const [first] = doors;
  if (first === undefined) throw new Error('nobody is left to call');
  const stream = await MarkStream.open(first);
  // A gateway refuses a call to a canister that its own replica's state does not hold yet.
  await allReached(network, others, await certifiedHeight(first.gatewayUrl), catchUpMsMax);
  const broken: unknown[] = [];
  const runs = doors.flatMap(({ gatewayUrl }) =>
    Array.from({ length: callersEach }, () =>
      stream.run(gatewayUrl, (reason) => broken.push(reason)),
    ),
  );
  try {
    await wait(WARM_UP_MS);
    await fault(stream);
  } finally {
    stream.stop();
    await Promise.all(runs);
  }
  if (broken.length > 0) throw new Error(`calls through the others broke: ${broken.join('; ')}`);
  await allReached(network, all, await highest(network, others), catchUpMsMax);
  for (const index of all) {
    const wrong = await stream.wrongAt(doorOf(network, index));
    if (wrong.length > 0) throw new Error(`at replica ${index}: ${wrong.join('; ')}`);
  }
}

/** Runs something, and answers for how long no call was acknowledged meanwhile. */
export async function standstillMs(
  stream: MarkStream,
  run: () => Promise<unknown>,
): Promise<number> {
  const fromMs = performance.now();
  await run();
  return stream.longestGapMs(fromMs, performance.now());
}

export async function highest(network: Doors, indices: readonly number[]): Promise<number> {
  const heights = indices.map((index) => certifiedHeight(network.replica(index).gatewayUrl));
  return Math.max(...(await Promise.all(heights)));
}

/** Milliseconds until all of them are at least so far. */
export async function allReached(
  network: Doors,
  indices: readonly number[],
  height: number,
  timeoutMs: number,
): Promise<number> {
  const times = indices.map((index) =>
    reached(network.replica(index).gatewayUrl, height, timeoutMs),
  );
  return Math.max(...(await Promise.all(times)));
}
