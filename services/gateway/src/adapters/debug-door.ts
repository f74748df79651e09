// Who may look at what is for operators only: traces name canisters, methods and calls of everybody.
import type { IncomingMessage } from 'node:http';
import type { GatewayConfig } from '../config.ts';
import { type Answer, textAnswer } from '../core/answer.ts';

export type DebugTo = NonNullable<GatewayConfig['debugTo']>;

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
/** A name that somebody else made to point here is not ours: a page of his would be let in by it. */
const LOCAL_HOST = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i;
/** Whoever is in between speaks for others. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

const REFUSED = textAnswer(
  403,
  'Traces are shown to this machine only. To show them to anyone who reaches this port: --debug-to anyone, ' +
    'or INTERNODE_DEBUG_TO=anyone\n',
);
const HIDDEN = textAnswer(404, 'There is nothing here');

/** Undefined: he may look. */
export function debugRefusal(
  { headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  debugTo: DebugTo,
): Answer | undefined {
  if (debugTo === 'anyone') return undefined;
  if (debugTo === 'nobody') return HIDDEN;
  const isNear = LOOPBACK.test(socket.remoteAddress ?? '') && LOCAL_HOST.test(headers.host ?? '');
  return isNear && FORWARDED.every((name) => headers[name] === undefined) ? undefined : REFUSED;
}
