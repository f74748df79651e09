import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const { PRIORITY_LOW } = constants.priority;
/** Of the capabilities of a process: to make itself more important than it is. */
const CAP_SYS_NICE = 23n;

/** Of one core: a process that gets less in between two looks is kept from its work. */
const STARVED_SHARE = 0.2;
const LOOK_MS = 1_000;

let before: number | undefined;
let watch: NodeJS.Timeout | undefined;

/**
 * All threads of this process: while a state is filled in nobody waits for what it does, and others on the machine may have calls to answer. Only
 * where they can be made as important again as they were: Linux, and who may (root, mostly). Threads that are made meanwhile inherit it. Where others
 * leave it nothing at all it yields no longer: on a machine that is always busy the state would be out of date before it is here.
 */
export function yieldToOthers(isYielding: boolean, starvedShare = STARVED_SHARE): void {
  if (isYielding === (before !== undefined) || !mayResume()) return;
  clearInterval(watch);
  if (isYielding) watch = watchShare(starvedShare);
  const priority = before ?? PRIORITY_LOW;
  before = isYielding ? getPriority() : undefined;
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      setPriority(Number(thread), priority);
    } catch {
      // It has ended.
    }
  }
}

function watchShare(starvedShare: number): NodeJS.Timeout {
  let used = process.cpuUsage();
  let atMs = performance.now();
  const look = (): void => {
    const { user, system } = process.cpuUsage(used);
    const share = (user + system) / 1000 / (performance.now() - atMs);
    if (share < starvedShare) return yieldToOthers(false);
    used = process.cpuUsage();
    atMs = performance.now();
  };
  return setInterval(look, LOOK_MS).unref();
}

/** False on other systems, too. */
export function mayResume(): boolean {
  try {
    const [, capabilities] =
      /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return ((BigInt(`0x${capabilities}`) >> CAP_SYS_NICE) & 1n) === 1n;
  } catch {
    return false;
  }
}
