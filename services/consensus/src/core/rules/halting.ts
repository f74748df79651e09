// Halting (protocol 2.8). A halted subnet makes blocks without calls, but for those to the management canister itself: its
// record has to be changed to go on. Before an upgrade blocks are empty until a catch-up package of the epoch of the new version
// exists; then this version makes none any more, and the new one goes on from the package.
import type { Ingress } from '@internode/contracts';
import { isManagement } from '@internode/encoding';
import type { View } from '../view.ts';

export type Halting = 'no' | 'management-only' | 'empty' | 'stopped';

export function haltingAt(view: View, height: number): Halting {
  const epoch = view.epochs.at(height);
  if (epoch === undefined) return 'no';
  const { halted, replicaVersion } = epoch.keys.record;
  const own = view.replicaVersion;
  if (own !== undefined && replicaVersion !== '' && replicaVersion !== own)
    return view.packages.height >= epoch.from && epoch.from > 0 ? 'stopped' : 'empty';
  return halted ? 'management-only' : 'no';
}

/** Whether a call may be in a block. */
export function mayPass(halting: Halting, { effectiveCanisterId }: Ingress): boolean {
  if (halting === 'no') return true;
  return halting === 'management-only' && isManagement(effectiveCanisterId);
}
