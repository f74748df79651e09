import type { Description } from '@internode/actor';
import { unreachable } from '@internode/prelude';
import type { ExecutionEvent } from './core/event.ts';

/** How execution looks to people. */
export function describeExecution(event: ExecutionEvent): Description {
  switch (event.kind) {
    case 'TipOpened': {
      const { height, canisters } = event;
      return { log: { level: 'info', text: 'tip restored', fields: { height, canisters } } };
    }
    case 'BatchApplied': {
      const { height, ingress, executions, instructions } = event;
      return {
        log: {
          level: 'debug',
          text: 'batch executed',
          fields: { height, ingress, executions, instructions },
        },
        metrics: [
          { kind: 'gauge', name: 'height_executed', value: height },
          { kind: 'count', name: 'ingress_total', by: ingress },
          { kind: 'count', name: 'executions_total', by: executions },
          { kind: 'count', name: 'instructions_total', by: Number(instructions) },
        ],
        block: {
          height,
          executed: true,
          attributes: {
            'internode.executions': executions,
            'internode.instructions': Number(instructions),
          },
        },
      };
    }
    case 'HeightFollowed':
      return {
        metrics: [
          { kind: 'gauge', name: 'height_followed', value: event.height },
          { kind: 'count', name: 'canisters_changed_total', by: event.canisters },
        ],
      };
    case 'QueryDone':
      return {
        metrics: [
          { kind: 'count', name: 'queries_total', labels: { refused: String(event.refused) } },
          { kind: 'count', name: 'query_instructions_total', by: Number(event.instructions) },
        ],
      };
    case 'WaitingForState':
      return {
        log: {
          level: 'warn',
          text: 'execution waits for the store',
          fields: { height: event.height },
        },
        metrics: [{ kind: 'count', name: 'waits_for_state_total' }],
      };
    default:
      return unreachable(event);
  }
}
