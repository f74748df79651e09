// As many replicas fail as a network bears, in every way: calls go on within two seconds, none that was acknowledged is
// lost or run twice, and whoever returns catches up by itself.
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { type Network, startNetwork } from '../runner/network.ts';
import type { Started } from '../runner/replica.ts';
import type { MarkStream } from '../runner/stream.ts';
import { dialling, startTwin } from '../runner/twin.ts';
import {
  allReached,
  callsDuring,
  highest,
  STANDSTILL_MS_MAX,
  standstillMs,
  wait,
} from '../runner/under-load.ts';

/** What a replica needs to keep time, as measured with four on two. Fewer make everything slower, the longest gap too. */
const CORES_EACH = 0.5;
const FAULT_MS = 10_000;
const PAUSE_MS = 60_000;
const TWINS_MS = 30_000;
const CATCH_UP_MS_MAX = 120_000;
const TIMEOUT_MS = 600_000;
const LINES_SHOWN = 300;

const SIZES = [
  { replicas: 4, failing: 1, epochLength: 100, callersEach: 2 },
  { replicas: 13, failing: 4, epochLength: 100, callersEach: 1 },
];

interface Shown {
  readonly stream: MarkStream;
  readonly gapMs: number;
  readonly back: () => Promise<unknown>;
}

describe.each(SIZES)('$failing of $replicas', ({ replicas, failing, epochLength, callersEach }) => {
  let network: Network;
  let faulty: readonly number[] = [];
  beforeAll(async () => {
    network = await startNetwork({ replicas, args: ['--epoch-length', String(epochLength)] });
    // The same ones each time, so that the worst of what one fault leaves behind meets the next.
    faulty = dialling(network, failing);
    say(`network of ${replicas}: Ready after ${network.readyMs.toFixed(0)} ms`);
  }, TIMEOUT_MS);
  afterAll(async () => {
    await network?.stop();
  }, TIMEOUT_MS);

  beforeEach(() => {
    onTestFailed(() => {
      const lines = network.output().split('\n');
      say(
        lines
          .filter((line) => !/peer (connected|lost)/.test(line))
          .slice(-LINES_SHOWN)
          .join('\n'),
      );
    });
  });

  const during = (fault: (stream: MarkStream) => Promise<void>) =>
    callsDuring(
      network,
      { failing: faulty, callersEach, through: 4, catchUpMsMax: CATCH_UP_MS_MAX },
      fault,
    );
  const others = () => [...network.replicas.keys()].filter((index) => !faulty.includes(index));
  const killAll = () => {
    for (const index of faulty) network.kill(index);
  };
  const restartAll = (options: { readonly emptyDisk: boolean }) =>
    Promise.all(faulty.map((index) => network.restart(index, options)));

  /** They come back, and catch up with where the others were when they began to. */
  const comeBack = async (back: () => Promise<unknown>): Promise<number> => {
    const missed = await highest(network, others());
    const fromMs = performance.now();
    await back();
    await allReached(network, faulty, missed, CATCH_UP_MS_MAX);
    return performance.now() - fromMs;
  };

  const shown = async (what: string, { stream, gapMs, back }: Shown): Promise<void> => {
    const backMs = await comeBack(back);
    const height = await highest(network, others());
    say(
      `${failing} of ${replicas} ${what}: ${stream.acknowledged} calls, longest gap ${gapMs.toFixed(0)} ms, caught up after ${backMs.toFixed(0)} ms, height ${height}`,
    );
    const slowness = Math.max(1, (replicas * CORES_EACH) / availableParallelism());
    expect(gapMs).toBeLessThan(STANDSTILL_MS_MAX * slowness);
  };

  test('killed, started again', { timeout: TIMEOUT_MS }, async () => {
    await during(async (stream) => {
      const gapMs = await standstillMs(stream, () => {
        killAll();
        return wait(FAULT_MS);
      });
      const back = () => restartAll({ emptyDisk: false });
      await shown('killed', { stream, gapMs, back });
    });
  });

  test('paused for a minute', { timeout: TIMEOUT_MS }, async () => {
    await during(async (stream) => {
      const gapMs = await standstillMs(stream, () => {
        for (const index of faulty) network.pause(index);
        return wait(PAUSE_MS);
      });
      const back = async () => {
        for (const index of faulty) network.resume(index);
      };
      await shown('paused for a minute', { stream, gapMs, back });
    });
  });

  test('killed, started again with an empty disk', { timeout: TIMEOUT_MS }, async () => {
    await during(async (stream) => {
      const gapMs = await standstillMs(stream, () => {
        killAll();
        return wait(FAULT_MS);
      });
      const back = () => restartAll({ emptyDisk: true });
      await shown('emptied', { stream, gapMs, back });
    });
  });

  test('replaced by two processes that contradict each other', {
    timeout: TIMEOUT_MS,
  }, async () => {
    await during(async (stream) => {
      const twins: Started[] = [];
      try {
        const gapMs = await standstillMs(stream, async () => {
          killAll();
          await wait(1_000);
          // From here on the two of a pair share a past, and no more than that.
          for (const index of faulty) twins.push(await startTwin(network.replica(index).dataDir));
          await restartAll({ emptyDisk: false });
          await wait(TWINS_MS);
        });
        const back = () => Promise.all(twins.map((twin) => twin.kill()));
        await shown('twinned', { stream, gapMs, back });
      } finally {
        await Promise.all(twins.map((twin) => twin.kill()));
      }
    });
    const caught = network.output().match(/a block maker signed two blocks/g) ?? [];
    say(`two blocks of one maker were seen ${caught.length} times`);
  });
});

function say(text: string): void {
  console.log(text);
}
