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
      return describePeers(event);
  }
}

type PeerEvent = Extract<
  P2pEvent,
  {
    kind:
      | 'MembersChanged'
      | 'LinkChanged'
      | 'PeerMisbehaved'
      | 'PeerLimited'
      | 'LinkRefused'
      | 'FrameDropped'
      | 'AskFailed'
      | 'PeersFigures';
  }
>;

function describePeers(event: PeerEvent): Description {
  switch (event.kind) {
    case 'MembersChanged':
      return { metrics: [{ kind: 'gauge', name: 'members', value: event.members }] };
    case 'LinkChanged':
      return {
        log: {
          level: 'info',
          text: event.up ? 'peer connected' : 'peer lost',
          fields: { peer: event.peer },
        },
        metrics: [
          { kind: 'count', name: 'link_changes_total', labels: { to: event.up ? 'up' : 'down' } },
        ],
      };
    case 'PeerMisbehaved':
      return {
        log: {
          level: 'debug',
          text: 'peer misbehaved',
          fields: { peer: event.peer, what: event.what },
        },
        metrics: [
          { kind: 'count', name: 'misdeeds_total', by: event.times, labels: { what: event.what } },
        ],
      };
    case 'PeerLimited':
      return {
        metrics: [
          { kind: 'count', name: 'limited_total', by: event.times, labels: { what: event.what } },
        ],
      };
    case 'LinkRefused':
      return {
        log: {
          level: event.reason === 'wrong key' || event.reason === 'bad address' ? 'warn' : 'debug',
          text: 'connection refused',
          fields: { peer: event.peer, reason: event.reason },
        },
        metrics: [{ kind: 'count', name: 'links_refused_total', labels: { reason: event.reason } }],
      };
    case 'FrameDropped':
      return {
        metrics: [
          { kind: 'count', name: 'frames_dropped_total' },
          { kind: 'count', name: 'frames_dropped_bytes', by: event.bytes },
        ],
      };
    case 'AskFailed':
      return {
        log: {
          level: 'debug',
          text: 'question to a peer failed',
          fields: { peer: event.peer, failure: event.failure },
        },
        metrics: [{ kind: 'count', name: 'asks_failed_total' }],
      };
    case 'PeersFigures':
      return {
        metrics: [
          { kind: 'gauge', name: 'links_up', value: event.linksUp },
          { kind: 'gauge', name: 'slots', value: event.slots },
          { kind: 'gauge', name: 'bodies', value: event.bodies },
          { kind: 'gauge', name: 'bodies_bytes', value: event.bodyBytes },
          { kind: 'gauge', name: 'wanted', value: event.wanted },
          { kind: 'gauge', name: 'frames_sent', value: event.framesSent },
          { kind: 'gauge', name: 'frames_received', value: event.framesReceived },
          { kind: 'gauge', name: 'artifacts_said', value: event.artifactsSaid },
          { kind: 'gauge', name: 'artifacts_said_again', value: event.artifactsSaidAgain },
        ],
      };
    default:
      return unreachable(event);
  }
}
