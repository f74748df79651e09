// From the store to the tip after a start: subnet state, canisters, request history. Whatever does
// not arrive is asked for again (fibers.ts).
import type { TipLoaded } from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { Canister } from './canister.ts';
import { askFor, type Fiber } from './fibers.ts';
import type { Call } from './messages.ts';
import type { Subnet } from './subnet.ts';

export const TIP_KEY = 'tip';

export function requestsKey(after: Uint8Array): string {
  return `requests ${toHex(after)}`;
}

export function* restore(subnet: Subnet): Fiber {
  const tip = yield* askFor('TipLoaded', { kind: 'LoadTip', session: subnet.session }, TIP_KEY);
  if (tip.height === 0) return;
  restoreCanisters(subnet, tip);
  yield* restoreHistory(subnet);
  restoreOpenRequests(subnet);
}

export function restoreCanisters(subnet: Subnet, tip: TipLoaded): void {
  subnet.height = tip.height;
  subnet.timeNanos = tip.timeNanos;
  subnet.restore(tip.subnetState);
  for (const image of tip.canisters) {
    const canister = Canister.decode(image.canisterId, image.systemState);
    const { code, callbacks } = canister.state;
    if (code !== undefined) subnet.modules.restore(code.moduleHash);
    for (const { deadlineNanos } of callbacks.values()) {
      if (deadlineNanos !== 0n) subnet.withDeadline.add(canister.key);
    }
    // Nobody knows any more when the data changed: the newest height that may show it is the tip's.
    canister.certifiedDataHeight = tip.height;
    subnet.add(canister);
  }
}

function* restoreHistory(subnet: Subnet): Fiber {
  for (let after: Uint8Array = new Uint8Array(0); ; ) {
    const page = yield* askFor(
      'RequestsLoaded',
      { kind: 'LoadRequests', after, session: subnet.session },
      requestsKey(after),
    );
    for (const { requestId, expiryNanos, completed } of page.requests) {
      subnet.history.restore(requestId, expiryNanos, completed);
    }
    const last = page.requests.at(-1);
    if (page.complete || last === undefined) return;
    after = last.requestId;
  }
}

/** Who may read the status of what still waits or runs. */
function restoreOpenRequests(subnet: Subnet): void {
  const waiting = (
    call: Pick<Call, 'origin' | 'caller'>,
    status: 'received' | 'processing',
  ): void => {
    if (call.origin.kind !== 'user') return;
    const { requestId, effectiveCanisterId } = call.origin;
    subnet.history.restoreOpen(requestId, { sender: call.caller, effectiveCanisterId }, status);
  };
  for (const { call } of subnet.queue) waiting(call, 'received');
  for (const { state } of subnet.canisters.values()) {
    for (const input of state.inputs) if (input.kind === 'call') waiting(input, 'received');
    for (const context of state.contexts.values())
      if (!context.responded) waiting(context, 'processing');
    if (state.status.kind !== 'stopping') continue;
    for (const request of state.status.requests) waiting(request, 'processing');
  }
}
