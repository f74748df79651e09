import type { Checker } from '@internode/sim';
import type { UserEvent } from '../roles/users.ts';

type CallAnswered = Extract<UserEvent, { kind: 'CallAnswered' }>;
type TotalAnswered = Extract<UserEvent, { kind: 'TotalAnswered' }>;

/**
 * Every call runs exactly once and is answered with a certificate that verifies, and a query knows at least what was
 * certified before it. The canister replies how often this number was marked and how many marks there were: the first
 * must be one, the last must be as many as there are callers.
 */
export function exactlyOnce(marks: number): Checker {
  const totals = new Set<number>();
  let finished = false;
  return {
    name: 'exactly once',
    onEvent: ({ event }) => {
      switch (event.kind) {
        case 'AnswerBad':
          return `a bad answer: ${(event as UserEvent & { kind: 'AnswerBad' }).reason}`;
        case 'AnswerFailed':
          return `the gateway failed: ${(event as unknown as { fault: string }).fault}`;
        case 'Finished':
          finished = true;
          return undefined;
        case 'CallAnswered':
          return judgeCall(event as CallAnswered, totals, marks);
        case 'TotalAnswered':
          return judgeTotal(event as TotalAnswered, marks);
        default:
          return undefined;
      }
    },
    isContent: () => finished,
    atEnd: () => {
      if (!finished) return `after calm, only ${totals.size} of ${marks} marks are answered`;
      return totals.size === marks ? undefined : `${totals.size} of ${marks} marks`;
    },
  };
}

function judgeCall(
  { call, planned, status, reply }: CallAnswered,
  totals: Set<number>,
  marks: number,
): string | undefined {
  if (status !== 'replied')
    return `call ${call} (${planned.kind}) was ${status}: ${new TextDecoder().decode(reply)}`;
  if (planned.kind !== 'mark') return undefined;
  const view = new DataView(reply.buffer, reply.byteOffset, reply.length);
  const marked = view.getUint32(0, true);
  const total = view.getUint32(4, true);
  if (marked !== 1) return `number ${planned.number} was marked ${marked} times`;
  if (totals.has(total) || total > marks) return `two calls saw the total ${total}`;
  totals.add(total);
  return undefined;
}

/** Every fifth mark sets the timer, and so does the upgrade; it ticks once at most for each. */
function judgeTotal({ total, ticks, atLeast }: TotalAnswered, marks: number): string | undefined {
  if (total < atLeast) return `a query sees ${total} marks when ${atLeast} were certified before`;
  if (total > marks || ticks > Math.ceil(marks / 5) + 1)
    return `a query sees ${total} marks, ${ticks} ticks`;
  return undefined;
}
