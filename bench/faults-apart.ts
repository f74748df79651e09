// What may happen to the processes of one replica, and for how long calls stand still.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Replica } from '../e2e/runner/replica.ts';
import { pidOfBroker, pidOfService } from '../e2e/runner/services.ts';
import type { MarkStream } from '../e2e/runner/stream.ts';
import { wait } from '../e2e/runner/under-load.ts';

export type FaultKind = 'kill' | 'broker' | 'slow';

export interface Fault {
  readonly kind: FaultKind;
  /** Whose process; '' is the broker's. */
  readonly unit: string;
  /** How long it stands still. */
  readonly stopMs: number;
  /** Until the next one, once calls go on. */
  readonly restMs: number;
}

export interface Recovery extends Fault {
  /** The longest time without an acknowledged call, from the fault on; of a process that stood still, from when it went on. */
  readonly standstillMs: number;
}

const REST_MS_MAX = 200;
const STOP_MS_MIN = 1_000;
const STOP_MS_SPREAD = 2_000;
const PID_WAIT_MS = 10;

/** What runs, by the files of settings that the supervisor wrote. */
export function unitsOf(replica: Replica): string[] {
  return readdirSync(join(replica.dataDir, 'services'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();
}

/** So many of each kind, in an order that the random numbers say. */
export function drawFaults(
  counts: Readonly<Record<FaultKind, number>>,
  units: readonly string[],
  random: () => number,
): Fault[] {
  const kinds = (['kill', 'broker', 'slow'] as const).flatMap((kind) =>
    Array.from({ length: counts[kind] }, () => ({ kind, order: random() })),
  );
  return kinds
    .sort((left, right) => left.order - right.order)
    .map(({ kind }) => ({
      kind,
      unit: kind === 'broker' ? '' : (units[Math.floor(random() * units.length)] ?? ''),
      stopMs: kind === 'slow' ? STOP_MS_MIN + random() * STOP_MS_SPREAD : 0,
      restMs: random() * REST_MS_MAX,
    }));
}

/** Lets it happen, waits until calls go on. */
export async function suffer(
  replica: Replica,
  fault: Fault,
  load: { readonly stream: MarkStream; readonly progress: () => Promise<void> },
): Promise<Recovery> {
  const pid = await pidOf(replica, fault);
  if (fault.kind === 'slow') {
    process.kill(pid, 'SIGSTOP');
    await wait(fault.stopMs);
  }
  const fromMs = performance.now();
  process.kill(pid, fault.kind === 'slow' ? 'SIGCONT' : 'SIGKILL');
  await load.progress();
  const standstillMs = load.stream.longestGapMs(fromMs, performance.now());
  await wait(fault.restMs);
  return { ...fault, standstillMs };
}

/** Of one that is not back yet from the fault before, as soon as it is. */
async function pidOf(replica: Replica, { kind, unit }: Fault): Promise<number> {
  for (;;) {
    const pid =
      kind === 'broker'
        ? pidOfBroker(replica.pid)
        : pidOfService(replica.pid, unit as Parameters<typeof pidOfService>[1]);
    if (pid !== undefined) return pid;
    await wait(PID_WAIT_MS);
  }
}
