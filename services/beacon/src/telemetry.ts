import type { Description } from '@internode/actor';
import { unreachable } from '@internode/prelude';
import type { BeaconEvent } from './core/event.ts';

/** How beacon looks to people. */
export function describeBeacon(event: BeaconEvent): Description {
  switch (event.kind) {
    case 'ValueMade':
      return {
        metrics: [{ kind: 'count', name: 'values_made_total', labels: { value: event.value } }],
      };
    case 'ValueReceived':
      return {
        metrics: [{ kind: 'count', name: 'values_received_total', labels: { value: event.value } }],
      };
    case 'ShareBad':
      return {
        log: {
          level: 'warn',
          text: 'a member sent a bad share',
          fields: { value: event.value, height: event.height, member: event.member },
        },
        metrics: [{ kind: 'count', name: 'shares_bad_total' }],
      };
    case 'ValueBad':
      return {
        log: {
          level: 'warn',
          text: 'a peer sent a bad value',
          fields: { value: event.value, height: event.height, peer: event.peer },
        },
        metrics: [{ kind: 'count', name: 'values_bad_total' }],
      };
    case 'ArtifactRejected':
      return {
        log: {
          level: 'warn',
          text: 'artifact rejected',
          fields: { artifact: event.artifact, peer: event.peer, reason: event.reason },
        },
        metrics: [{ kind: 'count', name: 'artifacts_rejected_total' }],
      };
    case 'ValueForgotten':
      return {
        log: {
          level: 'warn',
          text: 'asked for a value older than the history',
          fields: { value: event.value, height: event.height },
        },
      };
    case 'Replayed':
      return { log: { level: 'info', text: 'beacon restored', fields: { height: event.height } } };
    default:
      return unreachable(event);
  }
}
