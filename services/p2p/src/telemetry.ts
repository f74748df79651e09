import type { Description } from '@internode/actor';
import { unreachable } from '@internode/prelude';
import type { P2pEvent } from './core/event.ts';

/** How p2p looks to people. */
export function describeP2p(event: P2pEvent): Description {
  switch (event.kind) {
    case 'IngressTaken':
      return {
        metrics: [
          { kind: 'count', name: 'ingress_admitted_total' },
          { kind: 'gauge', name: 'ingress_waiting', value: event.messages },
          { kind: 'gauge', name: 'ingress_waiting_bytes', value: event.bytes },
        ],
      };
    case 'IngressTurnedAway':
      return {
        metrics: [
          { kind: 'count', name: 'ingress_refused_total', labels: { reason: event.reason } },
        ],
      };
    case 'IngressFinal':
      return {
        metrics: [
          { kind: 'count', name: 'ingress_final_total', by: event.messages },
          { kind: 'gauge', name: 'ingress_waiting', value: event.waiting },
        ],
      };
    case 'IngressExpired':
      return {
        log: {
          level: 'info',
          text: 'ingress expired before it was final',
          fields: { messages: event.messages },
        },
        metrics: [{ kind: 'count', name: 'ingress_expired_total', by: event.messages }],
      };
    case 'IngressOfferedAgain':
      return {
        metrics: [{ kind: 'count', name: 'ingress_offered_again_total', by: event.messages }],
      };
    case 'SlotTableFull':
      return {
        log: { level: 'error', text: 'slot table is full', fields: { artifact: event.artifact } },
        metrics: [{ kind: 'count', name: 'slots_refused_total' }],
      };
    default:
      return unreachable(event);
  }
}
