// Whether a canister takes a call now, and as what (interface-spec 5.1).
import type { Refusal } from '@internode/contracts';
import { unreachable } from '@internode/prelude';
import { INSTRUCTIONS } from '../limits.ts';
import type { Entry } from '../sandbox/interface.ts';
import type { Canister } from './canister.ts';
import type { Call } from './messages.ts';
import {
  canisterStopped,
  canisterStopping,
  compositeInReplicated,
  noMethod,
  noModule,
  refuse,
} from './refusals.ts';

export type Admission =
  | { readonly kind: 'admitted'; readonly entry: Entry; readonly limit: bigint }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export function admit(canister: Canister, call: Call): Admission {
  const { id, state } = canister;
  const refused = (refusal: Refusal): Admission => ({ kind: 'refused', refusal });
  if (state.status.kind === 'stopping') return refused(canisterStopping(id));
  if (state.status.kind === 'stopped') return refused(canisterStopped(id));
  if (state.code === undefined) return refused(noModule(id));
  if (call.origin.kind === 'canister' && call.cycles < state.settings.minimumIncomingCycles) {
    const least = state.settings.minimumIncomingCycles;
    return refused(
      refuse('IC0520', `Calls to this canister must have at least ${least} cycles attached`),
    );
  }
  const { method, argument } = call;
  const kind = canister.methods.get(method);
  switch (kind) {
    case 'update':
      return {
        kind: 'admitted',
        entry: { kind: 'update', method, argument },
        limit: INSTRUCTIONS.update,
      };
    case 'query': {
      const entry = { kind: 'query', method, argument, replicated: true } as const;
      return { kind: 'admitted', entry, limit: INSTRUCTIONS.query };
    }
    case 'composite':
      return refused(compositeInReplicated(id, method));
    case undefined:
      return refused(noMethod(id, method, 'update'));
    default:
      return unreachable(kind);
  }
}
