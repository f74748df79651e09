/** A certified read (interface spec 1.10). */
import { utf8 } from '@internode/prelude';
import {
  type Answer,
  cborAnswer,
  refusedAnswer,
  textAnswer,
  unavailableAnswer,
} from '../core/answer.ts';
import { checkPaths, checkRead } from '../core/read-permission.ts';
import type { ApiRoute } from '../core/route.ts';
import { admitLater } from './authenticated.ts';
import type { Visit, World } from './world.ts';

const TIME = [utf8('time')];

export async function answerReadState(
  world: World,
  { route, body, startedMs, trace, traceparent }: Visit<Extract<ApiRoute, { kind: 'read_state' }>>,
): Promise<Answer> {
  const { version, target } = route;
  const admitted = await admitLater('read_state', body, world);
  if (admitted.kind === 'refused') return refusedAnswer(admitted);
  if (target.kind === 'canister' && !world.isLocal(target.id)) {
    return textAnswer(400, 'The effective canister id is in no range of this subnet');
  }
  const { request, authentication } = admitted;
  trace?.stage('verify', startedMs);
  const { rootSubnetId } = world.config;
  const paths = checkPaths(request.paths, { version, target, rootSubnetId });
  if (paths.kind === 'refused') return refusedAnswer(paths);
  const read = await world.neighbours.read([...request.paths, TIME], traceparent);
  if (read === undefined) return unavailableAnswer('The state was not read in time');
  if (read.refusal !== undefined) return unavailableAnswer(read.refusal.message);
  const { sender } = request;
  const hidden = checkRead(paths.asked, read, { sender, authentication, target });
  if (hidden !== undefined) return refusedAnswer(hidden);
  return cborAnswer({ certificate: read.certificate });
}
