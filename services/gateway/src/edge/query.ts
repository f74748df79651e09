/** A query (interface spec 1.11): execution answers, this node signs. */
import { checkDestination } from '@internode/ingress';
import { type Answer, cborAnswer, refusedAnswer, unavailableAnswer } from '../core/answer.ts';
import { signedAnswer, unsignedAnswer } from '../core/query-answer.ts';
import type { ApiRoute } from '../core/route.ts';
import { urlOf } from '../core/url.ts';
import { admitLater } from './authenticated.ts';
import type { Visit, World } from './world.ts';

export async function answerQuery(
  world: World,
  { route, body, startedMs, trace, traceparent }: Visit<Extract<ApiRoute, { kind: 'query' }>>,
): Promise<Answer> {
  const admitted = await admitLater('query', body, world);
  if (admitted.kind === 'refused') return refusedAnswer(admitted);
  const { request, authentication } = admitted;
  const misdirected = checkDestination(request, authentication, urlOf(route.target, world.isLocal));
  if (misdirected !== undefined) return refusedAnswer(misdirected);
  trace?.stage('verify', startedMs);
  const { sender, canisterId, methodName, argument, senderInfo, requestId } = request;
  const answered = await world.neighbours.query(
    {
      sender,
      canisterId,
      methodName,
      argument,
      senderInfo: senderInfo?.info,
      senderInfoSigner: senderInfo?.signer,
      minHeight: world.certifiedHeight(),
    },
    traceparent,
  );
  if (answered === undefined) return unavailableAnswer('The query was not answered in time');
  const unsigned = unsignedAnswer(answered.outcome, requestId, world.clock.now().unixNanos);
  const { nodeId, sign } = world.signer;
  const { ms } = world.clock.now();
  const signature = await sign(unsigned.message);
  trace?.stage('sign', ms);
  return cborAnswer(signedAnswer(unsigned, nodeId, signature));
}
