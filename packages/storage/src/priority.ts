import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const { PRIORITY_LOW } = constants.priority;
/** Of the capabilities of a process: to make itself more important than it is. */
const CAP_SYS_NICE = 23n;

let before: number | undefined;

/**
 * All threads of this process: while a state is filled in nobody waits for what it does, and others on the machine may have calls to answer. Only
 * where they can be made as important again as they were: Linux, and who may (root, mostly). Threads that are made meanwhile inherit it.
 */
export function yieldToOthers(isYielding: boolean): void {
  if (isYielding === (before !== undefined) || !mayResume()) return;
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
