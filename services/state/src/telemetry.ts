import type { Description } from '@internode/actor';
import { toHex, unreachable } from '@internode/prelude';
import type { StateEvent } from './core/event.ts';
import { describeSync } from './sync-telemetry.ts';

/** How the state looks to people. */
export function describeState(event: StateEvent): Description {
  switch (event.kind) {
    case 'StoreOpened': {
      const { height, canisters, requests } = event;
      return {
        log: { level: 'info', text: 'state restored', fields: { height, canisters, requests } },
      };
    }
    case 'StateHashed': {
      const { height, requests, pages } = event;
      return {
        log: { level: 'debug', text: 'state hashed', fields: { height, root: toHex(event.root) } },
        metrics: [
          { kind: 'gauge', name: 'height_hashed', value: height },
          { kind: 'count', name: 'request_changes_total', by: requests },
          { kind: 'count', name: 'pages_total', by: pages },
        ],
      };
    }
    case 'StateCertified': {
      const { height, completed } = event;
      return {
        log: { level: 'debug', text: 'state certified', fields: { height, completed } },
        metrics: [
          { kind: 'gauge', name: 'height_certified', value: height },
          { kind: 'count', name: 'requests_completed_total', by: completed },
        ],
      };
    }
    case 'StateCommitted':
      return {
        metrics: [
          { kind: 'gauge', name: 'height_committed', value: event.height },
          {
            kind: 'histogram',
            name: 'commit_seconds',
            value: event.tookMs / 1e3,
            labels: { synced: String(event.synced) },
          },
          { kind: 'histogram', name: 'commit_bytes', value: event.bytes },
          { kind: 'count', name: 'heights_committed_total', by: event.heights },
        ],
      };
    case 'CertifiedReadAnswered': {
      const labels = { refused: String(event.refused) };
      return {
        metrics: [
          { kind: 'count', name: 'certified_reads_total', labels },
          { kind: 'histogram', name: 'certificate_bytes', value: event.bytes },
        ],
      };
    }
    case 'MessageIgnored': {
      const { message, reason } = event;
      return {
        log: { level: 'warn', text: 'message ignored', fields: { message, reason } },
        metrics: [{ kind: 'count', name: 'messages_ignored_total', labels: { message } }],
      };
    }
    case 'BatchDeferred': {
      const { height, reason } = event;
      return {
        log: { level: 'debug', text: 'batch deferred', fields: { height, reason } },
        metrics: [{ kind: 'count', name: 'batches_deferred_total', labels: { reason } }],
      };
    }
    case 'StoreFailing':
      return {
        log: {
          level: 'error',
          text: 'the store cannot be written',
          fields: { detail: event.detail },
        },
      };
    case 'StoreRecovered':
      return { log: { level: 'info', text: 'the store can be written again' } };
    case 'CheckpointMade':
    case 'CheckpointMissed':
    case 'CheckpointsKept':
    case 'CheckpointDropped':
    case 'PartServed':
    case 'SyncBegan':
    case 'SyncProgressed':
    case 'SyncPeerDropped':
    case 'SyncDone':
      return describeSync(event);
    case 'StateRefused':
      return { log: { level: 'error', text: 'state refused', fields: { detail: event.detail } } };
    default:
      return unreachable(event);
  }
}
