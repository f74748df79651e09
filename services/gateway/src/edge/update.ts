/**
 * An update call (interface spec 1.8): cheap checks here, inspection by execution, admission by
 * p2p, and for versions 3 and 4 the wait for the state that certifies how the call ended.
 */

import type { FollowedCall } from '@internode/actor';
import { principalToText } from '@internode/encoding';
import { decodeCertificate, lookupPath } from '@internode/hash-tree';
import { type CanisterRequest, checkDestination } from '@internode/ingress';
import { toHex, utf8 } from '@internode/prelude';
import {
  ACCEPTED,
  type Answer,
  certifiedAnswer,
  refusedAnswer,
  rejectedAnswer,
  unavailableAnswer,
} from '../core/answer.ts';
import type { ApiRoute } from '../core/route.ts';
import { urlOf } from '../core/url.ts';
import { CERTIFICATE_DEADLINE_MS, SHOWN_CHARACTERS_MAX, STATUS_READ_MS } from '../limits.ts';
import { admitLater } from './authenticated.ts';
import type { Watch } from './completions.ts';
import type { Visit, World } from './world.ts';

type CallVisit = Visit<Extract<ApiRoute, { kind: 'call' }>>;

const TIME = [utf8('time')];
const REQUEST_STATUS = utf8('request_status');
const FINAL_STATUSES: ReadonlySet<string> = new Set(['replied', 'rejected', 'done']);

export async function answerCall(world: World, visit: CallVisit): Promise<Answer> {
  const { route, body, trace } = visit;
  const admitted = await admitLater('call', body, world);
  if (admitted.kind === 'refused') return refusedAnswer(admitted);
  const { request, authentication } = admitted;
  const misdirected = checkDestination(request, authentication, urlOf(route.target, world.isLocal));
  if (misdirected !== undefined) return refusedAnswer(misdirected);
  trace?.stage('verify', visit.startedMs);
  trace?.follow(followedCall(request));
  if (route.version === 2) {
    const submitted = await submit(world, visit, request);
    return submitted.kind === 'refused' ? submitted.answer : ACCEPTED;
  }

  const startedMs = world.clock.now().ms;
  const watch = world.completions.watch(request.requestId);
  try {
    const submitted = await submit(world, visit, request);
    if (submitted.kind === 'refused') return submitted.answer;
    const deadlineMs = startedMs + CERTIFICATE_DEADLINE_MS;
    const wait = { request, watch, deadlineMs, readsFirst: submitted.kind === 'known' };
    const certificate = await awaitCertificate(world, visit, wait);
    const tookMs = world.clock.now().ms - startedMs;
    world.observe({ kind: 'CallWaited', certified: certificate !== undefined, tookMs });
    return certificate === undefined ? ACCEPTED : certifiedAnswer(certificate);
  } finally {
    watch.close();
  }
}

type Submitted =
  | { readonly kind: 'admitted' }
  /** It ended before: there is nothing to submit. */
  | { readonly kind: 'known' }
  | { readonly kind: 'refused'; readonly answer: Answer };

/** Inspection, then admission. */
async function submit(
  { neighbours }: World,
  { route, body, traceparent }: CallVisit,
  request: CanisterRequest,
): Promise<Submitted> {
  const refused = (answer: Answer): Submitted => ({ kind: 'refused', answer });
  const { requestId, sender, canisterId, methodName, argument, senderInfo } = request;
  const effectiveCanisterId = route.target.id;
  const inspected = await neighbours.inspect(
    {
      kind: 'InspectIngress',
      requestId,
      sender,
      canisterId,
      methodName,
      argument,
      effectiveCanisterId,
      senderInfo: senderInfo?.info,
      senderInfoSigner: senderInfo?.signer,
    },
    traceparent,
  );
  if (inspected === undefined) {
    return refused(unavailableAnswer('The call could not be inspected in time'));
  }
  if (inspected.known) return { kind: 'known' };
  const { version } = route;
  if (inspected.refusal !== undefined) return refused(rejectedAnswer(version, inspected.refusal));
  const { expiryNanos } = request;
  const ingress = { requestId, envelope: body, expiryNanos, effectiveCanisterId };
  const answer = await neighbours.submit({ kind: 'SubmitIngress', ingress, sender }, traceparent);
  if (answer === undefined) {
    return refused(unavailableAnswer('The call could not be admitted in time'));
  }
  if (answer.kind === 'IngressAdmitted') return { kind: 'admitted' };
  return refused(rejectedAnswer(version, answer.refusal));
}

/** The certificate of how the call ended; undefined when the deadline came first. */
async function awaitCertificate(
  world: World,
  { trace, traceparent }: CallVisit,
  wait: { request: CanisterRequest; watch: Watch; deadlineMs: number; readsFirst: boolean },
): Promise<Uint8Array | undefined> {
  const { requestId } = wait.request;
  const paths = [[REQUEST_STATUS, requestId], TIME];
  for (let reads = wait.readsFirst ? 0 : 1; ; reads++) {
    const leftMs = wait.deadlineMs - world.clock.now().ms;
    if (leftMs <= 0) return undefined;
    const isComplete = reads > 0 && (await wait.watch.next(Math.min(leftMs, STATUS_READ_MS)));
    const { ms } = world.clock.now();
    const read = await world.neighbours.read(paths, traceparent, true);
    const certificate = read?.refusal === undefined ? read?.certificate : undefined;
    const isLast = isComplete || (certificate !== undefined && hasEnded(certificate, requestId));
    if (!isLast) continue;
    trace?.stage('reply', ms);
    return certificate;
  }
}

function followedCall({ requestId, canisterId, methodName }: CanisterRequest): FollowedCall {
  return {
    requestId,
    attributes: {
      'internode.request_id': toHex(requestId),
      'internode.canister_id': principalToText(canisterId),
      'internode.method': methodName.slice(0, SHOWN_CHARACTERS_MAX),
    },
  };
}

/** For calls that had ended before they were sent again, and for news that the bus lost. */
function hasEnded(certificate: Uint8Array, requestId: Uint8Array): boolean {
  const decoded = decodeCertificate(certificate);
  if (decoded.kind !== 'valid') return false;
  const status = lookupPath(decoded.value.tree, [REQUEST_STATUS, requestId, 'status']);
  return status.kind === 'found' && FINAL_STATUSES.has(new TextDecoder().decode(status.value));
}
