// Drives a Tracing as the six services' shells do, in one process or in several that tell each other.
import type { Message } from '@internode/contracts';
import { contract, decodeIngress, encodeIngress } from '@internode/contracts';
import { describe, expect, test } from 'vitest';
import { ASKED_MAX, BLOCKS_MAX, FOLLOWED_MAX, STEPS_AT_ONCE } from '../src/limits.ts';
import { BLOCK_TRACE_PREFIX } from '../src/tracing/blocks.ts';
import { CALL_STAGES } from '../src/tracing/stages.ts';
import type { TraceSpan } from '../src/tracing/trace-span.ts';
import { Tracing } from '../src/tracing/tracing.ts';

const INGRESS = contract('Ingress', 'types', 'ingress', encodeIngress, decodeIngress);
const NONE = new Uint8Array(0);
const NODE = new Uint8Array(29).fill(1);
const ROOT = new Uint8Array(32).fill(2);

const ID = idOf(1);

function idOf(number: number): Uint8Array {
  const id = new Uint8Array(32).fill(9);
  new DataView(id.buffer).setUint32(0, number);
  return id;
}

function ingressOf(requestId: Uint8Array) {
  return { requestId, envelope: NONE, expiryNanos: 1n, effectiveCanisterId: NODE };
}

class Process {
  nowMs = 1_000;
  readonly spans: TraceSpan[] = [];
  readonly tracing: Tracing;

  constructor({ blocks = false, node = 'n1' } = {}) {
    this.tracing = new Tracing({
      sampler: { request: () => true, block: () => blocks },
      subnet: 's',
      node,
      nowMs: () => this.nowMs,
      unixOffsetMs: () => 1e12,
    });
    this.tracing.addSink((span) => this.spans.push(span));
  }

  /** A service hears it a millisecond after it came. Answers what its messages inherit. */
  hear(service: string, message: Message, traceparent = ''): string {
    const offeredMs = this.nowMs;
    this.nowMs += 1;
    const input = { kind: 'message', message, sender: '' } as const;
    const span = this.tracing.step(service, input, traceparent, offeredMs, this.nowMs);
    span?.end();
    const inherits = traceparent !== '' && this.tracing.carries(service);
    return inherits ? (span?.traceparent ?? traceparent) : '';
  }

  say(service: string, message: Message, traceparent = ''): string {
    this.nowMs += 2;
    return this.tracing.said(service, message, traceparent);
  }

  /** From its admission to the consensus of this node. */
  submit(requestId: Uint8Array, traceparent: string): string {
    const ingress = ingressOf(requestId);
    const inherited = this.hear(
      'p2p',
      { kind: 'SubmitIngress', ingress, sender: NODE },
      traceparent,
    );
    const artifact: Message = {
      kind: 'IngressReceived',
      id: ROOT,
      body: INGRESS.encode(ingress),
      fromNode: NODE,
    };
    const carried = this.say('p2p', artifact, inherited);
    this.say('p2p', { kind: 'IngressAdmitted', requestId }, inherited);
    expect(this.hear('consensus', artifact, carried)).toBe('');
    return carried;
  }

  /** From its proposal to its certification. */
  block(height: number, ids: readonly Uint8Array[]): string {
    this.nowMs += 1;
    this.tracing.observed({ height, proposed: true });
    const hash = ROOT;
    this.say('consensus', { kind: 'BlockNotarized', height, blockHash: hash });
    this.tracing.observed({ height, roundMs: 5, attributes: { 'internode.rank': 0 } });
    const final: Message = {
      kind: 'BlockFinalized',
      height,
      blockHash: hash,
      timeNanos: 1n,
      ingressIds: ids,
    };
    const carried = this.say('consensus', final);
    this.hear('p2p', final, carried);
    this.hear('beacon', final, carried);
    const batch: Message = {
      kind: 'BatchReady',
      height,
      timeNanos: 1n,
      randomness: ROOT,
      blockHash: hash,
      ingress: ids.map(ingressOf),
    };
    this.hear('execution', batch, this.say('consensus', batch));
    this.certify(height, ids);
    return carried;
  }

  certify(height: number, ids: readonly Uint8Array[]): void {
    const executed: Message = {
      kind: 'BatchExecuted',
      height,
      timeNanos: 1n,
      blockHash: ROOT,
      requests: ids.map((requestId) => ({
        requestId,
        status: 'replied',
        reply: NONE,
        sender: NODE,
        effectiveCanisterId: NODE,
        expiryNanos: 1n,
      })),
      canisters: [],
      modules: [],
      droppedModules: [],
      subnetState: NONE,
      forgottenRequests: [],
    };
    const told = this.say('execution', executed);
    this.tracing.observed({ height, executed: true, attributes: { 'internode.instructions': 77 } });
    this.hear('state', executed, told);
    const hashed: Message = { kind: 'StateHashed', height, root: ROOT, timeNanos: 1n };
    this.hear('beacon', hashed, this.say('state', hashed));
    const value: Message = { kind: 'CertificationValue', height, root: ROOT, signature: NONE };
    this.hear('state', value, this.say('beacon', value));
    const certified: Message = {
      kind: 'StateCertified',
      height,
      root: ROOT,
      timeNanos: 1n,
      completedRequests: ids,
    };
    this.hear('consensus', certified, this.say('state', certified));
  }

  stagesOf(traceId: string): string[] {
    const own = this.spans.filter((span) => span.traceId === traceId && span.stage !== '');
    return own.sort((a, b) => a.startMs - b.startMs).map(({ stage }) => stage);
  }
}

/** One call through all services of one process. */
function oneCall(process = new Process(), id = ID, height = 5) {
  const call = process.tracing.request('call', '');
  if (call === undefined) throw new Error('not sampled');
  const { traceparent } = call;
  const [, traceId = '', spanId = ''] = traceparent.split('-');
  const fromMs = process.nowMs;
  process.nowMs += 4;
  call.stage('verify', fromMs);
  call.follow({ requestId: id, attributes: { 'internode.method': 'inc' } });
  const inspect: Message = {
    kind: 'InspectIngress',
    requestId: id,
    sender: NODE,
    canisterId: NODE,
    methodName: 'inc',
    argument: NONE,
    effectiveCanisterId: NODE,
  };
  process.hear('execution', inspect, traceparent);
  process.say('execution', { kind: 'IngressInspected', requestId: id, known: false });
  process.submit(id, traceparent);
  process.block(height, [idOf(999), id]);
  const newsMs = process.nowMs;
  process.nowMs += 3;
  call.stage('reply', newsMs);
  call.end({ 'http.response.status_code': 200 });
  return { process, traceId, spanId };
}

describe('a call', () => {
  test('is not put into the trace of a block by a client that claims to be in one', () => {
    const claimed = `${BLOCK_TRACE_PREFIX}${'1'.repeat(16)}`;
    const process = new Process();
    const call = process.tracing.request('call', `00-${claimed}-${'2'.repeat(16)}-01`);
    call?.end({});
    expect(process.spans).toMatchObject([{ name: 'call', parentId: '', entry: true }]);
    expect(process.spans[0]?.traceId).not.toBe(claimed);
  });

  test('has every stage, in order, below its request', () => {
    const { process, traceId, spanId } = oneCall();
    expect(process.stagesOf(traceId)).toEqual([...CALL_STAGES]);
    const spans = process.spans.filter((span) => span.traceId === traceId);
    const root = spans.find((span) => span.spanId === spanId);
    expect(root).toMatchObject({ name: 'call', parentId: '', entry: true, service: 'gateway' });
    expect(root?.attributes).toEqual({
      'internode.method': 'inc',
      'http.response.status_code': 200,
    });
    const ids = new Set(spans.map((span) => span.spanId));
    for (const span of spans) {
      expect(span === root || ids.has(span.parentId)).toBe(true);
      expect(span.endMs).toBeGreaterThanOrEqual(span.startMs);
    }
  });

  test('waiting is told apart: in the mailbox, and for a block', () => {
    const { process, traceId } = oneCall();
    const of = (stage: string): TraceSpan | undefined =>
      process.spans.find((span) => span.traceId === traceId && span.stage === stage);
    expect(of('inspect')).toMatchObject({ queuedMs: 1 });
    expect((of('inspect')?.endMs ?? 0) - (of('inspect')?.startMs ?? 0)).toBe(3);
    const pool = of('pool');
    expect(pool?.queuedMs).toBe((pool?.endMs ?? 0) - (pool?.startMs ?? 0));
    expect(of('execute')).toMatchObject({
      queuedMs: 1,
      attributes: { 'internode.height': 5, 'internode.rank': 0, 'internode.instructions': 77 },
    });
  });

  test('is linked to its block, and the block to it', () => {
    const { process, traceId, spanId } = oneCall();
    const block = process.spans.find(({ name }) => name === 'block');
    expect(block).toMatchObject({ entry: true, parentId: '', links: [{ traceId, spanId }] });
    const included = process.spans.find(({ stage }) => stage === 'included');
    expect(included?.links).toEqual([{ traceId: block?.traceId, spanId: block?.spanId }]);
    const stages = process.stagesOf(block?.traceId ?? '');
    expect(stages).toEqual([
      'notarise',
      'finalise',
      'order',
      'execute',
      'hash',
      'certify',
      'publish',
    ]);
  });

  test('that runs through several blocks has the stages of the first and of the last', () => {
    const process = new Process();
    const call = process.tracing.request('call', '');
    const traceId = call?.traceparent.split('-')[1] ?? '';
    call?.follow({ requestId: ID, attributes: {} });
    process.submit(ID, call?.traceparent ?? '');
    process.block(5, []);
    process.block(6, [ID]);
    call?.follow({ requestId: ID, attributes: {} });
    process.block(7, []);
    process.certify(8, [ID]);
    const executed = process.spans.filter(
      (span) => span.traceId === traceId && span.stage === 'execute',
    );
    expect(executed.map(({ attributes }) => attributes['internode.height'])).toEqual([6, 8]);
  });

  test('what is said again begins and ends nothing again', () => {
    const { process, traceId } = oneCall();
    const before = process.spans.length;
    const certified: Message = {
      kind: 'StateCertified',
      height: 5,
      root: ROOT,
      timeNanos: 1n,
      completedRequests: [],
    };
    expect(process.say('state', certified)).toBe('');
    process.certify(5, [ID]);
    expect(process.spans.slice(before).filter((span) => span.traceId === traceId)).toEqual([]);
  });

  test('in processes apart: they follow what the gateway tells them', () => {
    const gateway = new Process();
    const state = new Process({ node: 'n1' });
    gateway.tracing.onFollow((call, traceparent) => state.tracing.follow(call, traceparent));
    const { traceId, spanId } = oneCall(gateway);
    state.certify(5, [ID]);
    const own = state.spans.filter((span) => span.traceId === traceId);
    expect(own.map(({ stage }) => stage)).toContain('hash');
    for (const span of own) expect(span.parentId).toBe(spanId);
    // Blocks' names are the same without a word between them.
    const blocksOf = (spans: readonly TraceSpan[]) =>
      new Set(spans.flatMap(({ links }) => links.map((link) => link.traceId)));
    for (const name of blocksOf(own)) expect(blocksOf(gateway.spans)).toContain(name);
  });
});

describe('blocks', () => {
  test('have traces of their own, one of a subnet, with a root for each member', () => {
    const [one, two] = [new Process({ blocks: true }), new Process({ blocks: true, node: 'n2' })];
    const carried = [one.block(3, []), two.block(3, [])];
    const [first, second] = carried.map((text) => text.split('-'));
    expect(first?.[1]).toBe(second?.[1]);
    expect(first?.[2]).not.toBe(second?.[2]);
    const roots = one.spans.filter(({ name }) => name === 'block');
    expect(roots).toHaveLength(1);
    expect(roots[0]?.attributes).toMatchObject({ 'internode.height': 3, 'internode.rank': 0 });
    const other = new Process({ blocks: true });
    other.tracing.nameSubnet('another');
    expect(other.block(3, []).split('-')[1]).not.toBe(first?.[1]);
  });

  test('that are not sampled leave nothing, and carry nothing', () => {
    const process = new Process();
    expect(process.block(3, [ID])).toBe('');
    expect(process.spans).toEqual([]);
  });

  test('of long ago, and heights that jump, are borne', () => {
    const process = new Process({ blocks: true });
    process.block(10 * BLOCKS_MAX, []);
    const before = process.spans.length;
    expect(process.block(9 * BLOCKS_MAX, [])).toBe('');
    expect(process.spans).toHaveLength(before);
    expect(process.block(10 * BLOCKS_MAX + 1, [])).not.toBe('');
  });
});

describe('bounds', () => {
  test('thousands of calls and questions that never end', () => {
    const process = new Process();
    for (let number = 1; number <= 3 * FOLLOWED_MAX; number++) {
      const call = process.tracing.request('call', '');
      call?.follow({ requestId: idOf(number), attributes: {} });
      const query: Message = {
        kind: 'ExecuteQuery',
        queryId: idOf(number),
        sender: NODE,
        canisterId: NODE,
        methodName: 'x',
        argument: NONE,
      };
      process.hear('execution', query, call?.traceparent);
    }
    const answered = (number: number): void => {
      const outcome = { kind: 'reply', reply: { content: NONE } } as const;
      process.say('execution', { kind: 'QueryAnswered', queryId: idOf(number), outcome });
    };
    const newest = 3 * FOLLOWED_MAX;
    answered(newest - ASKED_MAX);
    expect(process.spans).toEqual([]);
    answered(newest);
    expect(process.spans.map(({ stage }) => stage)).toEqual(['query']);
    // The oldest is not followed any more, the newest is.
    process.block(1, [idOf(1)]);
    expect(process.spans).toHaveLength(1);
    process.block(2, [idOf(newest)]);
    expect(process.spans.length).toBeGreaterThan(8);
  });

  test('steps that peers want to have recorded', () => {
    const process = new Process();
    const traceparent = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
    const frame: Message = { kind: 'FrameReceived', peer: NODE, frame: NONE };
    for (let i = 0; i < 10 * STEPS_AT_ONCE; i++) {
      const input = { kind: 'message', message: frame, sender: '' } as const;
      process.tracing.step('p2p', input, traceparent, 0, 0)?.end();
    }
    expect(process.spans).toHaveLength(STEPS_AT_ONCE);
    expect(process.spans[0]).toMatchObject({ entry: true, name: 'FrameReceived' });
  });

  test('contexts that are none make no spans', () => {
    const process = new Process();
    const frame: Message = { kind: 'FrameReceived', peer: NODE, frame: NONE };
    for (const text of ['', 'x', `00-${'0'.repeat(32)}-${'d'.repeat(16)}-01`, '1'.repeat(55)])
      process.hear('p2p', frame, text);
    expect(process.spans).toEqual([]);
    process.tracing.follow({ requestId: ID, attributes: {} }, 'nonsense');
    process.block(4, [ID]);
    expect(process.spans).toEqual([]);
  });
});
