// One service apart from the others, or one of several that do its work: what a supervisor knows of it, be it a process or a thread.
import type { AloneNews } from '@internode/host';
import type { ServiceSettings } from '../settings.ts';

export type ServiceName = keyof ServiceSettings;

/** From the one that is told to the one that tells; stopped the other way round, so that nothing new comes in. */
export const SERVICE_NAMES: readonly ServiceName[] = [
  'state',
  'execution',
  'beacon',
  'consensus',
  'p2p',
  'gateway',
];

/** How many do the work of a service: several gateways behind one port, an execution and followers that answer queries. */
export interface Scale {
  readonly gateway: number;
  readonly execution: number;
}

export const SCALE_ONE: Scale = { gateway: 1, execution: 1 };
export const SCALE_MAX = 8;

/** The first is called as its service is, the others `gateway-2`, `execution-2` and so on. */
export type UnitName = ServiceName | `${keyof Scale}-${number}`;

export function unitsOf(scale: Scale): readonly UnitName[] {
  return SERVICE_NAMES.flatMap((service): UnitName[] => {
    if (service !== 'gateway' && service !== 'execution') return [service];
    const further = Array.from({ length: scale[service] - 1 }, (_, index) => index + 2);
    return [service, ...further.map((number): UnitName => `${service}-${number}`)];
  });
}

export function serviceOf(unit: UnitName): ServiceName {
  return unit.replace(/-\d+$/, '') as ServiceName;
}

/** It answers queries, and executes nothing. */
export function isFollower(unit: UnitName): boolean {
  return unit !== 'execution' && serviceOf(unit) === 'execution';
}

/** What a unit is told: a follower that it follows, a gateway who else there is to ask. */
export function settingsOfUnit(
  unit: UnitName,
  units: readonly UnitName[],
  settings: ServiceSettings,
): unknown {
  const service = serviceOf(unit);
  if (isFollower(unit)) return { ...settings.execution, follows: true };
  if (service !== 'gateway') return settings[service];
  return { ...settings.gateway, unit, processes: units.filter((other) => other !== unit) };
}

export interface Ended {
  /** "status 1", "signal SIGKILL", or what it said itself. */
  readonly how: string;
  /** It ended by its own fault, not by somebody's hand. */
  readonly failed: boolean;
  /** The system's code, if it said one. */
  readonly code: string | undefined;
}

export interface Unit {
  /** Settles with what it said when it hears and has begun; never when it ends before. */
  readonly running: Promise<unknown>;
  readonly ended: Promise<Ended>;
  /** Asks it to end. Answers false when it had to be killed. */
  stop(): Promise<boolean>;
}

export type StartUnit = (unit: UnitName) => Unit;

/** A service that has not ended by then is killed: nothing acknowledged is lost by that. */
const STOP_TIMEOUT_MS = 3_000;

/** Asks a unit to end, and kills one that does not. Answers as `Unit.stop` does. */
export async function stopOrKill(
  ended: Promise<Ended>,
  { ask, kill }: { readonly ask: () => void; readonly kill: () => void },
): Promise<boolean> {
  let willing = true;
  ask();
  const deadline = setTimeout(() => {
    willing = false;
    kill();
  }, STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(deadline);
  return willing;
}

/** What a unit said last, for `Ended`. */
export class Sayings {
  readonly running: Promise<unknown>;
  #last: Extract<AloneNews, { kind: 'failed' }> | undefined;
  readonly #resolve: (news: unknown) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.running = promise;
    this.#resolve = resolve;
  }

  hear(news: AloneNews): void {
    if (news.kind === 'running') this.#resolve(news.news);
    else this.#last = news;
  }

  endOf(how: string, failed: boolean): Ended {
    const last = this.#last;
    return { how: last?.message ?? how, failed: failed || last !== undefined, code: last?.code };
  }
}
