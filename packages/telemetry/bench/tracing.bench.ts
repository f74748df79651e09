// node packages/telemetry/bench/tracing.bench.ts: processor time of a Tracing for what shells tell it: a message of a call that is not traced, a
// block that is not, a call that is. What they cost beside a call's some 400 µs is what sampling costs.
import type { Input } from '@internode/actor';
import type { Message } from '@internode/contracts';
import type { Sampler } from '../src/tracing/sampler.ts';
import { TraceStore } from '../src/tracing/trace-store.ts';
import { Tracing } from '../src/tracing/tracing.ts';

const NONE = new Uint8Array(0);
const NODE = new Uint8Array(29);
const CALLS_IN_BLOCK = 30;

function idOf(number: number): Uint8Array {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, Math.imul(number, 0x9e3779b1));
  return id;
}

function inputOf(message: Message): Input<unknown> {
  return { kind: 'message', message, sender: '' };
}

const ingressOf = (requestId: Uint8Array) => ({
  requestId,
  envelope: NONE,
  expiryNanos: 1n,
  effectiveCanisterId: NODE,
});

function submitOf(requestId: Uint8Array): Message {
  return { kind: 'SubmitIngress', ingress: ingressOf(requestId), sender: NODE };
}

/** All that a block's stages hear and say, with so many calls in it. */
function passBlock(tracing: Tracing, height: number, ids: readonly Uint8Array[]): void {
  const root = NODE;
  const requests = ids.map((requestId) => ({ requestId })) as never;
  const finalized: Message = {
    kind: 'BlockFinalized',
    height,
    blockHash: root,
    timeNanos: 1n,
    ingressIds: ids,
  };
  const batch: Message = {
    kind: 'BatchReady',
    height,
    timeNanos: 1n,
    randomness: root,
    blockHash: root,
    ingress: ids.map(ingressOf),
  };
  const executed = { kind: 'BatchExecuted', height, requests } as unknown as Message;
  const hashed: Message = { kind: 'StateHashed', height, root, timeNanos: 1n };
  const value: Message = { kind: 'CertificationValue', height, root, signature: NONE };
  const certified: Message = {
    kind: 'StateCertified',
    height,
    root,
    timeNanos: 1n,
    completedRequests: ids,
  };
  tracing.observed({ height, proposed: true });
  tracing.said('consensus', { kind: 'BlockNotarized', height, blockHash: root }, '');
  const carried = tracing.said('consensus', finalized, '');
  for (const service of ['p2p', 'beacon'])
    tracing.step(service, inputOf(finalized), carried, 0, 0)?.end();
  tracing.said('consensus', batch, '');
  for (const [hearer, heard, sayer, said] of [
    ['execution', batch, 'execution', executed],
    ['state', executed, 'state', hashed],
    ['beacon', hashed, 'beacon', value],
    ['state', value, 'state', certified],
  ] as const) {
    tracing.step(hearer, inputOf(heard), '', 0, 0);
    tracing.said(sayer, said, '');
  }
  tracing.observed({ height, executed: true, attributes: { 'internode.instructions': 1 } });
}

function time(name: string, count: number, run: (index: number) => void): void {
  for (let i = 0; i < count / 4; i++) run(i);
  const before = process.cpuUsage();
  const heap = process.memoryUsage().heapUsed;
  for (let i = 0; i < count; i++) run(i);
  const { user, system } = process.cpuUsage(before);
  const bytes = Math.max(0, process.memoryUsage().heapUsed - heap) / count;
  const us = (user + system) / count;
  console.log(
    `${name.padEnd(58)} ${us.toFixed(3).padStart(9)} µs  (heap grew ${bytes.toFixed(0)} bytes each)`,
  );
}

function opened(sampler: Sampler): Tracing {
  const tracing = new Tracing({ sampler, subnet: 's', node: 'n' });
  tracing.addSink(new TraceStore().add);
  return tracing;
}

const off: Sampler = { request: () => false, block: () => false };
const on: Sampler = { request: () => true, block: () => true };
const ids = Array.from({ length: CALLS_IN_BLOCK }, (_, index) => idOf(index));
const submit = inputOf(submitOf(idOf(1)));
const admitted: Message = { kind: 'IngressAdmitted', requestId: idOf(1) };

const untraced = opened(off);
time('a message heard and answered, untraced', 2_000_000, () => {
  untraced.step('p2p', submit, '', 0, 0);
  untraced.said('p2p', admitted, '');
});
time('the same while calls are followed', 2_000_000, (index) => {
  if (index === 0)
    untraced.follow(
      { requestId: idOf(77), attributes: {} },
      `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    );
  untraced.step('p2p', submit, '', 0, 0);
  untraced.said('p2p', admitted, '');
});
let height = 0;
time(`a block of ${CALLS_IN_BLOCK} untraced calls, one call followed`, 20_000, () =>
  passBlock(untraced, ++height, ids),
);
const traced = opened(on);
let number = 1_000;
time('a traced call in a traced block of its own', 5_000, () => {
  const call = traced.request('call', '');
  if (call === undefined) throw new Error('not sampled');
  const requestId = idOf(++number);
  call.stage('verify', 0);
  call.follow({ requestId, attributes: { 'internode.method': 'inc' } });
  const context = call.traceparent;
  traced.step('p2p', inputOf(submitOf(requestId)), context, 0, 0);
  traced.said('p2p', { kind: 'IngressAdmitted', requestId }, context);
  passBlock(traced, ++height, [requestId]);
  call.stage('reply', 0);
  call.end({ 'http.response.status_code': 200 });
});
