// A service alone in a process or a thread: what every main.ts of a service calls, and what is told to the supervisor.
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { readAloneFile } from './alone-file.ts';
import { lockFolder } from './data-dir.ts';
import { tellFigures } from './figures.ts';
import { openHealthDoor } from './health-door.ts';
import { type Host, type Open, openHost, tracesFromEnvironment } from './host.ts';
import { answerProfiles } from './profiling.ts';
import { tellTraces } from './traces.ts';

/** Names the file that a service's process reads (alone-file.ts). */
export const SETTINGS_VARIABLE = 'INTERNODE_SETTINGS';

/** Containers of a node are started in any order: the broker's may be the last. */
const PATIENCE_MS = 30_000;

/** Over the channel of `child_process`, when there is one. */
export type AloneNews =
  /** It hears, and has said its first words. */
  | { readonly kind: 'running'; readonly news: unknown }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined };

/** Runs one service until SIGTERM, until it cannot go on, or until its supervisor is gone. Ends the process. */
export async function runAlone<Settings, News>(
  service: string,
  open: Open<Settings, News>,
): Promise<never> {
  // What the process may let gather before its first full collection, its worker threads need not.
  setFlagsFromString('--initial-heap-size=0');
  // Nobody would stop or restart this one any more. As after a power cut: what is durable suffices.
  if (process.send !== undefined) process.once('disconnect', () => process.exit(1));
  try {
    await run(service, open);
  } catch (fault) {
    const { message, stack } = fault as Error;
    const { code } = fault as NodeJS.ErrnoException;
    if (process.send === undefined) console.error(`${service}: ${stack ?? message}`);
    process.exitCode = 1;
    await tell({ kind: 'failed', message: rootOf(fault), code });
  }
  process.exit();
}

async function run<Settings, News>(service: string, open: Open<Settings, News>): Promise<void> {
  const path = process.env[SETTINGS_VARIABLE];
  if (path === undefined || path === '') {
    throw new Error(
      `${SETTINGS_VARIABLE} names no file: see \`internode start --help\`, --placement`,
    );
  }
  const file = readAloneFile<Settings>(path, service);
  const { unit = service, place, dataDir, bus, log, settings, subnet, health } = file;
  const isSupervised = process.send !== undefined;
  // One of an earlier supervisor may still be ending.
  using stack = new DisposableStack();
  stack.defer(answerProfiles(dataDir));
  stack.defer(lockFolder(join(dataDir, 'services'), `${unit}.lock`));
  await using host = await openHost({
    place,
    dataDir,
    unit,
    locks: 'journals',
    bus: { name: unit, ...(isSupervised ? {} : { patienceMs: PATIENCE_MS }), ...bus },
    log,
    ...tracesFromEnvironment(subnet),
  });
  let begun = false;
  if (health !== undefined) await openHealthDoor(host, health, () => begun);
  const news = await beginAlone(host, { unit, open, settings });
  begun = true;
  await tell({ kind: 'running', news });
  await host.stopped();
}

/** Begins the one service of a process or a thread; settles with what it has to say when it hears. */
export async function beginAlone<Settings, News>(
  host: Host,
  alone: {
    readonly unit: string;
    readonly open: Open<Settings, News>;
    readonly settings: Settings;
  },
): Promise<News> {
  const { unit, open, settings } = alone;
  if (!/^gateway(-\d+)?$/.test(unit)) tellTraces(host, unit);
  const start = await open(host, settings);
  const news = await start();
  tellFigures(host, unit);
  await host.hears();
  return news;
}

function rootOf(fault: unknown): string {
  const { message, cause } = fault as Error;
  return cause instanceof Error ? `${message}: ${rootOf(cause)}` : message;
}

function tell(news: AloneNews): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve();
    process.send(news, () => resolve());
  });
}
