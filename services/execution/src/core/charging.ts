// What a canister pays for existing (interface-spec 5.10, 8.1). Charged when the canister is
// touched, at most every ten seconds of batch time, and for all canisters once an hour: so an idle
// canister costs its node nothing.

import type { Canister } from './canister.ts';
import { take } from './responding.ts';
import type { Subnet } from './subnet.ts';
import { SECOND_NANOS } from './time.ts';

const CHARGE_INTERVAL_NANOS = 10n * SECOND_NANOS;
const SWEEP_INTERVAL_NANOS = 3600n * SECOND_NANOS;

/** Burns what is due since the last charge: from the reserved balance first. */
export function chargeIdle(subnet: Subnet, canister: Canister): void {
  const { state } = canister;
  const elapsed = subnet.timeNanos - state.chargedNanos;
  if (elapsed < CHARGE_INTERVAL_NANOS) return;
  const due = (canister.idlePerDay(subnet.prices) * elapsed) / (86_400n * SECOND_NANOS);
  const fromReserved = due < state.reserved ? due : state.reserved;
  state.reserved -= fromReserved;
  const left = take(state.balance, due - fromReserved);
  subnet.consume(fromReserved + state.balance - left);
  state.balance = left;
  state.chargedNanos = subnet.timeNanos;
  subnet.touch(canister);
}

/** True in the first height of each hour of batch time. */
export function isSweepDue(beforeNanos: bigint, nowNanos: bigint): boolean {
  return beforeNanos / SWEEP_INTERVAL_NANOS !== nowNanos / SWEEP_INTERVAL_NANOS;
}

export function isOutOfCycles(canister: Canister): boolean {
  return canister.state.balance === 0n && canister.state.reserved === 0n;
}
