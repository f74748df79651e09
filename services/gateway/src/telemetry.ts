import type { Describe } from '@internode/actor';
import { unreachable } from '@internode/prelude';
import type { GatewayEvent } from './core/event.ts';

/** How the gateway's events look to people. */
export const describeGateway: Describe<GatewayEvent> = (event) => {
  switch (event.kind) {
    case 'DoorOpened': {
      const { host, port } = event;
      return { log: { level: 'info', text: 'listening', fields: { host, port } } };
    }
    case 'DoorClosed':
      return { log: { level: 'info', text: 'closed' } };
    case 'RequestAnswered': {
      const { endpoint, httpStatus, tookMs } = event;
      return {
        metrics: [
          {
            kind: 'count',
            name: 'requests_total',
            labels: { endpoint, status: String(httpStatus) },
          },
          { kind: 'histogram', name: 'request_seconds', value: tookMs / 1e3, labels: { endpoint } },
        ],
      };
    }
    case 'CallWaited': {
      const labels = { certified: String(event.certified) };
      const value = event.tookMs / 1e3;
      return { metrics: [{ kind: 'histogram', name: 'call_wait_seconds', value, labels }] };
    }
    case 'AnswerFailed': {
      const { endpoint, fault } = event;
      return {
        log: { level: 'error', text: 'request failed', fields: { endpoint, fault } },
        metrics: [{ kind: 'count', name: 'failures_total', labels: { endpoint } }],
      };
    }
    default:
      return unreachable(event);
  }
};
