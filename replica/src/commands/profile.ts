// `internode profile`: where a running replica, or one stage of it, spends its processor time.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PROFILE_MS } from '@internode/host';
import { SERVICE_NAMES, type ServiceName } from '../apart/unit.ts';
import { profileOf, type Runner, type RunnerProfile, runnersOf } from '../profile/ask.ts';
import { type Flame, flameOf } from '../profile/flame.ts';
import { flamePage } from '../profile/flame-page.ts';
import { StartFault } from '../start-fault.ts';
import { dataDirOf, flagsOf } from './flags.ts';

const FLAGS = {
  seconds: { type: 'string', short: 's' },
  'data-dir': { type: 'string' },
  out: { type: 'string', short: 'o' },
  json: { type: 'boolean' },
} as const;

const SECONDS = '10';
const FUNCTIONS_SHOWN = 15;

export async function profile(args: readonly string[]): Promise<void> {
  const { values, positionals } = flagsOf('profile', args, FLAGS);
  const service = serviceOf(positionals);
  const forMs = Number(values.seconds ?? SECONDS) * 1e3;
  if (!(forMs >= PROFILE_MS.min && forMs <= PROFILE_MS.max))
    throw new StartFault(
      `--seconds ${values.seconds} is no time for a profile`,
      `give ${PROFILE_MS.min / 1e3} to ${PROFILE_MS.max / 1e3}`,
    );
  const dataDir = resolve(dataDirOf(values['data-dir']));
  const runners = wanted(runnersOf(dataDir), service, dataDir);
  if (values.json !== true)
    console.error(`profiling ${runners.map(({ name }) => name).join(', ')} for ${forMs / 1e3} s …`);
  const profiles = await Promise.all(runners.map((runner) => profileOf(dataDir, runner, forMs)));
  const flame = flameOf(threadsOf(profiles), isShared(runners) ? service : undefined);
  const files = write({ profiles, flame, service, forMs }, resolve(values.out ?? '.'));
  console.log(values.json === true ? json(flame, forMs, files) : text(flame, forMs, files));
}

function serviceOf(positionals: readonly string[]): ServiceName | undefined {
  const [name, ...more] = positionals;
  if (name === undefined) return undefined;
  const service = SERVICE_NAMES.find((each) => each === name);
  if (service === undefined || more.length > 0)
    throw new StartFault(
      `${positionals.join(' ')} is no service`,
      `name one of ${SERVICE_NAMES.join(', ')}, or none for all`,
    );
  return service;
}

/** The processes that run the service: its own, or else the one that all share. */
function wanted(
  all: readonly Runner[],
  service: ServiceName | undefined,
  dataDir: string,
): readonly Runner[] {
  if (all.length === 0)
    throw new StartFault(`no replica runs in ${dataDir}`, 'name its directory with --data-dir');
  if (service === undefined) return all;
  const own = all.filter((runner) => runner.service === service);
  return own.length > 0 ? own : all.filter((runner) => runner.service === undefined);
}

function isShared(runners: readonly Runner[]): boolean {
  return runners.some(({ service }) => service === undefined);
}

/** Threads of several processes are told apart. */
function threadsOf(profiles: readonly RunnerProfile[]) {
  return profiles.flatMap(({ runner, threads }) =>
    threads.map(({ thread, profile }) => ({
      thread: profiles.length > 1 ? `${runner.name} ${thread}` : thread,
      profile,
    })),
  );
}

interface Taken {
  readonly profiles: readonly RunnerProfile[];
  readonly flame: Flame;
  readonly service: ServiceName | undefined;
  readonly forMs: number;
}

interface Files {
  readonly page: string;
  /** One for each thread, as DevTools, VS Code and speedscope read them. */
  readonly profiles: readonly string[];
}

function write({ profiles, flame, service, forMs }: Taken, folder: string): Files {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  const name = `internode-${service ?? 'replica'}-${stamp}`;
  mkdirSync(folder, { recursive: true });
  const page = join(folder, `${name}.html`);
  writeFileSync(
    page,
    flamePage(flame, {
      title: `${service ?? 'Replica'}: ${forMs / 1e3} s of processor time`,
      text: `${(flame.root.us / 1e6).toFixed(2)} s busy, all threads together, in ${forMs / 1e3} s`,
    }),
  );
  const counts = new Map<string, number>();
  const written = profiles.flatMap(({ runner, threads }) =>
    threads.map(({ thread, profile }) => {
      const key = `${runner.name}.${thread}`.replaceAll(/[^A-Za-z0-9.-]+/g, '-');
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      const path = join(folder, `${name}.${key}${count > 1 ? `-${count}` : ''}.cpuprofile`);
      writeFileSync(path, JSON.stringify(profile));
      return path;
    }),
  );
  return { page, profiles: written };
}

function json({ root, rooms, functions }: Flame, forMs: number, files: Files): string {
  return JSON.stringify({
    seconds: forMs / 1e3,
    busySeconds: root.us / 1e6,
    rooms: [...rooms].map(([room, us]) => ({ room, ms: us / 1e3 })),
    functions: functions
      .slice(0, FUNCTIONS_SHOWN)
      .map(({ name, room, us }) => ({ name, room, ms: us / 1e3 })),
    ...files,
  });
}

function text({ root, rooms, functions }: Flame, forMs: number, { page, profiles }: Files): string {
  const share = (us: number): string => `${((us / Math.max(1, root.us)) * 100).toFixed(1)} %`;
  const row = (us: number, what: string): string => `  ${share(us).padStart(7)}  ${what}`;
  return [
    `${(root.us / 1e6).toFixed(2)} s busy in ${forMs / 1e3} s, all threads together`,
    '',
    'By room',
    ...[...rooms].map(([room, us]) => row(us, room)),
    '',
    'Functions that took most themselves',
    ...functions
      .slice(0, FUNCTIONS_SHOWN)
      .map(({ name, room, us }) => row(us, `${name}  (${room})`)),
    '',
    `Flame graph   ${page}`,
    ...profiles.map((path) => `For DevTools  ${path}`),
  ].join('\n');
}
