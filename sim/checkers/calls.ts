import type { Checker } from '@internode/sim';

interface Answered {
  readonly call: number;
  readonly status: string;
  readonly reply: Uint8Array;
}

/**
 * Every call runs exactly once and is answered with a certificate that verifies. The canister replies how often this number was
 * marked and how many marks there were: the first must be one, the last must be as many as there are callers.
 */
export function exactlyOnce(calls: number): Checker {
  const totals = new Set<number>();
  let finished = false;
  return {
    name: 'exactly once',
    onEvent: ({ event }) => {
      if (event.kind === 'CertificateBad')
        return `a certificate does not verify: ${JSON.stringify(event)}`;
      if (event.kind === 'Finished') finished = true;
      if (event.kind !== 'CallAnswered') return undefined;
      const { call, status, reply } = event as unknown as Answered;
      if (status !== 'replied')
        return `call ${call} was ${status}: ${new TextDecoder().decode(reply)}`;
      if (call < 2) return undefined;
      const view = new DataView(reply.buffer, reply.byteOffset, reply.length);
      const marks = view.getUint32(0, true);
      const total = view.getUint32(4, true);
      if (marks !== 1) return `number ${call - 2} was marked ${marks} times`;
      if (totals.has(total) || total > calls) return `two calls saw the total ${total}`;
      totals.add(total);
      return undefined;
    },
    atEnd: () =>
      finished ? undefined : `after calm, only ${totals.size} of ${calls} calls are answered`,
  };
}
