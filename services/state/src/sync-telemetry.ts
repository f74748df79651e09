import type { Description } from '@internode/actor';
import { toHex, unreachable } from '@internode/prelude';
import type { StateEvent } from './core/event.ts';

type SyncEvent = Extract<
  StateEvent,
  { kind: `Checkpoint${string}` | 'PartServed' | `Sync${string}` }
>;

export function describeSync(event: SyncEvent): Description {
  switch (event.kind) {
    case 'CheckpointMade': {
      const { height, chunks, bytes, hashedBytes } = event;
      return {
        log: {
          level: 'info',
          text: 'checkpoint made',
          fields: { height, chunks, bytes, hashedBytes },
        },
        metrics: [
          { kind: 'gauge', name: 'height_checkpoint', value: height },
          { kind: 'gauge', name: 'checkpoint_bytes', value: bytes },
          { kind: 'count', name: 'checkpoint_hashed_bytes_total', by: hashedBytes },
        ],
      };
    }
    case 'CheckpointMissed':
      return {
        log: {
          level: 'warn',
          text: 'no checkpoint of this height',
          fields: { height: event.height },
        },
      };
    case 'CheckpointsKept': {
      const heights = event.heights.join(', ');
      return {
        log: { level: 'info', text: 'checkpoints on the disk are served', fields: { heights } },
      };
    }
    case 'CheckpointDropped': {
      const { height, reason } = event;
      const text =
        'a checkpoint on the disk is damaged and not served any more; the state is not affected';
      return {
        log: { level: 'error', text, fields: { height, reason } },
        metrics: [{ kind: 'count', name: 'checkpoints_dropped_total' }],
      };
    }
    case 'PartServed': {
      const labels = { outcome: event.outcome };
      return {
        metrics: [
          { kind: 'count', name: 'sync_parts_served_total', labels },
          { kind: 'count', name: 'sync_bytes_served_total', by: event.bytes },
        ],
      };
    }
    case 'SyncBegan':
      return {
        log: {
          level: 'info',
          text: 'state is fetched from peers',
          fields: { height: event.height },
        },
      };
    case 'SyncProgressed': {
      const { height, done, all, perSecond } = event;
      const percent = all === 0 ? 0 : Math.floor((100 * done) / all);
      const rate = Math.round(perSecond);
      return {
        log: {
          level: 'debug',
          text: 'fetching state',
          fields: { height, percent, done, all, rate },
        },
        metrics: [
          { kind: 'gauge', name: 'sync_bytes_done', value: done },
          { kind: 'gauge', name: 'sync_bytes_all', value: all },
        ],
      };
    }
    case 'SyncPeerDropped': {
      const fields = { peer: toHex(event.peer), reason: event.reason };
      return {
        log: { level: 'warn', text: 'a peer gave wrong state', fields },
        metrics: [{ kind: 'count', name: 'sync_peers_dropped_total' }],
      };
    }
    case 'SyncDone': {
      const { height, bytesFetched, bytesReused } = event;
      const fields = { height, bytesFetched, bytesReused };
      return { log: { level: 'info', text: 'state was fetched from peers', fields } };
    }
    default:
      return unreachable(event);
  }
}
