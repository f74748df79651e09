// Calls of users that wait one behind the other at a canister cross to the sandbox together: the trip costs more than most of
// them. Nothing else may tell: the answers are applied as if each had been asked for alone.
import { assert } from '@internode/prelude';
import { SERIES } from '../limits.ts';
import type { Answer, Follower, SeriesStep } from '../sandbox/interface.ts';
import { admit } from './admission.ts';
import type { Canister } from './canister.ts';
import { type Started, startNext } from './executions.ts';
import type { Subnet } from './subnet.ts';

export interface Allowance {
  /** Executions that may still begin, the one that has begun included. */
  readonly messages: number;
  readonly instructions: bigint;
}

/** `started`, with the calls behind it when they may follow at once. */
export function inSeries(subnet: Subnet, started: Started, allowance: Allowance): Started {
  const { canister, task } = started;
  if (task.kind !== 'execute' || !isCall(task.entry.kind)) return started;
  const then = followersOf(canister, Math.min(SERIES.messages, allowance.messages) - 1);
  if (then.length === 0) return started;
  const { instructions } = allowance;
  const instructionsMax = instructions < SERIES.instructions ? instructions : SERIES.instructions;
  return {
    canister,
    task: { kind: 'series', first: task, then, instructionsMax },
    finish: (answer) => {
      assert(answer.kind === 'series', `sandbox answered ${answer.kind} to series`);
      return finishSeries(subnet, started, answer.steps);
    },
  };
}

/** How many executions an answer tells of, and what they used. */
export function tally(answer: Answer): { executions: number; instructions: bigint } {
  if (answer.kind === 'executed') return { executions: 1, instructions: answer.instructions };
  if (answer.kind !== 'series') return { executions: 0, instructions: 0n };
  let instructions = 0n;
  for (const { executed } of answer.steps) instructions += executed.instructions;
  return { executions: answer.steps.length, instructions };
}

function isCall(kind: string): boolean {
  return kind === 'update' || kind === 'query';
}

function followersOf(canister: Canister, countMax: number): readonly Follower[] {
  const followers: Follower[] = [];
  for (const input of canister.state.inputs) {
    if (followers.length >= countMax) break;
    if (input.kind !== 'call' || input.origin.kind !== 'user') break;
    const admitted = admit(canister, input);
    if (admitted.kind !== 'admitted') break;
    const { caller, senderInfo } = input;
    followers.push({ entry: admitted.entry, caller, senderInfo, instructionLimit: admitted.limit });
  }
  return followers;
}

function finishSeries(subnet: Subnet, first: Started, steps: readonly SeriesStep[]): undefined {
  for (const [index, { executed, balance, canisterVersion }] of steps.entries()) {
    const started = index === 0 ? first : startNext(subnet, first.canister);
    assert(started?.task.kind === 'execute', 'a series ran what has no turn');
    const { context } = started.task;
    const same = context.balance === balance && context.canisterVersion === canisterVersion;
    assert(same, 'a series ran on another state than the core has');
    const cleanup = started.finish(executed);
    assert(cleanup === undefined, 'a call has no cleanup');
  }
}
