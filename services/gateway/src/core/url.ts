import type { Principal } from '@internode/encoding';
import type { Url } from '@internode/ingress';
import type { Target } from './route.ts';

/** What the path of a call or query stands for. */
export function urlOf(target: Target, isLocal: (id: Principal) => boolean): Url {
  if (target.kind === 'subnet') return { kind: 'subnet' };
  return { kind: 'canister', effectiveId: target.id, isLocal };
}
