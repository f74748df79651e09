/**
 * The execution phase of a batch: rounds over all canisters with work, until there is none or a
 * limit is met (protocol.md 4.5).
 *
 * In each wave every chosen canister runs one message; waves run in the sandbox at once and are
 * applied in order of canister id, so that no result depends on which answer came first. The rest
 * waits for the next height.
 */
import { ROUND } from '../limits.ts';
import type { Answer } from '../sandbox/interface.ts';
import { type Started, startNext } from './executions.ts';
import { type Fiber, solveAll } from './fibers.ts';
import { ensureOpen, type Raise } from './loading.ts';
import { runSubnetCall } from './management/dispatch.ts';
import { type Allowance, inSeries, tally } from './series.ts';
import type { Subnet } from './subnet.ts';
import { uninstallIfOutOfCycles } from './uninstall.ts';

export interface RoundFigures {
  executions: number;
  instructions: bigint;
}

export function* runRounds(subnet: Subnet, raise: Raise): Fiber<RoundFigures> {
  const figures: RoundFigures = { executions: 0, instructions: 0n };
  let cursor = '';
  for (;;) {
    const before = figures.executions;
    yield* runSubnetCalls(subnet, raise, figures);
    if (isRoundFull(figures)) break;
    const wave = nextWave(subnet, cursor);
    if (wave.length > 0) {
      cursor = wave.at(-1) as string;
      yield* runWave(subnet, wave, { raise, figures });
    } else if (figures.executions === before) break;
  }
  return figures;
}

function isRoundFull({ executions, instructions }: RoundFigures): boolean {
  return executions >= ROUND.messages || instructions >= ROUND.instructions;
}

function* runSubnetCalls(subnet: Subnet, raise: Raise, figures: RoundFigures): Fiber {
  const waiting = subnet.queue.filter(({ notBefore }) => notBefore > subnet.height);
  const ready = subnet.queue.filter(({ notBefore }) => notBefore <= subnet.height);
  subnet.queue = waiting;
  for (const [index, subnetCall] of ready.entries()) {
    if (isRoundFull(figures)) {
      subnet.queue = [...ready.slice(index), ...subnet.queue];
      return;
    }
    figures.executions += 1;
    figures.instructions += ROUND.overheadInstructions;
    figures.instructions += yield* runSubnetCall(subnet, subnetCall, raise);
  }
}

/** Keys of canisters with work, from the cursor on, around the end. */
function nextWave(subnet: Subnet, cursor: string): string[] {
  if (subnet.runnable.size === 0) return [];
  const keys = subnet.sortedKeys(subnet.runnable);
  const next = keys.findIndex((key) => key > cursor);
  const rotated = next <= 0 ? keys : [...keys.slice(next), ...keys.slice(0, next)];
  return rotated.slice(0, ROUND.waveSize);
}

function count(figures: RoundFigures, more: RoundFigures): void {
  figures.executions += more.executions;
  figures.instructions += BigInt(more.executions) * ROUND.overheadInstructions + more.instructions;
}

/** What is left of a round for each of so many canisters. */
function shareOf({ executions, instructions }: RoundFigures, canisters: number): Allowance {
  const left = ROUND.instructions - instructions;
  const shares = Math.max(1, canisters);
  const messages = 1 + Math.floor(Math.max(0, ROUND.messages - executions) / shares);
  const affordable = left > 0n ? left / (BigInt(shares) * ROUND.overheadInstructions) : 0n;
  return {
    messages: Math.min(messages, 1 + Number(affordable)),
    instructions: left > 0n ? left / BigInt(shares) : 0n,
  };
}

interface Wave {
  readonly raise: Raise;
  readonly figures: RoundFigures;
}

function* runWave(subnet: Subnet, keys: readonly string[], { raise, figures }: Wave): Fiber {
  const started: Started[] = [];
  for (const key of keys) {
    const canister = subnet.canisters.get(key);
    if (canister === undefined) continue;
    yield* ensureOpen(subnet, canister, raise);
    const next = startNext(subnet, canister);
    subnet.index(canister);
    count(figures, { executions: 1, instructions: 0n });
    if (next !== undefined) started.push(next);
  }
  const allowance = shareOf(figures, started.length);
  let running = started.map((one) => inSeries(subnet, one, allowance));
  while (running.length > 0) {
    const answers = yield* solveAll(running.map(({ task }) => task));
    const followers: Started[] = [];
    for (const [index, { finish }] of running.entries()) {
      const answer = answers[index] as Answer;
      const { executions, instructions } = tally(answer);
      // The first of each was counted when it began; cleanups are part of their execution.
      count(figures, { executions: Math.max(0, executions - 1), instructions });
      const follower = finish(answer);
      if (follower !== undefined) followers.push(follower);
    }
    running = followers;
  }
  for (const { canister } of started) yield* uninstallIfOutOfCycles(subnet, canister);
}
