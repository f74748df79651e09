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
    case 'EpochBegan':
      return {
        log: {
          level: 'info',
          text: 'an epoch has begun',
          fields: { height: event.height, members: event.members },
        },
        metrics: [{ kind: 'count', name: 'epochs_total' }],
      };
    case 'Dealt':
    case 'DealerCheated':
    case 'ShareKept':
    case 'ShareMissing':
    case 'SharesErased':
      return describeKeys(event);
    default:
      return unreachable(event);
  }
}

type KeyEvent = Extract<
  BeaconEvent,
  { readonly kind: 'Dealt' | 'DealerCheated' | 'ShareKept' | 'ShareMissing' | 'SharesErased' }
>;

function describeKeys(event: KeyEvent): Description {
  switch (event.kind) {
    case 'Dealt':
      return {
        log: { level: 'debug', text: 'dealt', fields: targetOf(event) },
        metrics: [{ kind: 'count', name: 'dealings_total', labels: { key: event.key } }],
      };
    case 'DealerCheated':
      return {
        log: {
          level: 'warn',
          text: 'a dealing holds no good share for this node',
          fields: { ...targetOf(event), dealer: event.dealer },
        },
        metrics: [{ kind: 'count', name: 'complaints_total' }],
      };
    case 'ShareKept':
      return {
        log: { level: 'debug', text: 'own share is complete', fields: targetOf(event) },
        metrics: [{ kind: 'count', name: 'shares_kept_total', labels: { key: event.key } }],
      };
    case 'ShareMissing':
      return {
        log: { level: 'warn', text: 'no share of a generated key yet', fields: targetOf(event) },
        metrics: [{ kind: 'count', name: 'shares_missing_total', labels: { key: event.key } }],
      };
    case 'SharesErased':
      return {
        log: { level: 'debug', text: 'shares erased', fields: { shares: event.shares } },
        metrics: [{ kind: 'count', name: 'shares_erased_total' }],
      };
    default:
      return unreachable(event);
  }
}

function targetOf(event: { readonly key: string; readonly summaryHeight: number }) {
  return { key: event.key, summaryHeight: event.summaryHeight };
}
