// Turns what shells hear and say into the spans of traced requests and blocks. One for each process of a node. Nothing here
// decides anything, and what is not traced costs a look at a table.
import type { BlockFact, FollowedCall, Input, RequestTrace, Span, Tracer } from '@internode/actor';
import type { Message } from '@internode/contracts';
import { bytesEqual } from '@internode/prelude';
import { ASKED_MAX, STEPS_AT_ONCE, STEPS_PER_SECOND } from '../limits.ts';
import { BlockTracing } from './block-tracing.ts';
import { BLOCK_TRACE_PREFIX } from './blocks.ts';
import { Bucket } from './bucket.ts';
import { type Followed, FollowedCalls } from './followed.ts';
import { Recorder, type Timing } from './recorder.ts';
import type { Sampler } from './sampler.ts';
import { ANSWERED_BY, ASKED_BY, type AskedStage, carries, HEARD, SAID } from './stages.ts';
import {
  isSampled,
  newSpanId,
  newTraceId,
  parseTraceparent,
  type SpanName,
  type SpanSink,
  type TraceContext,
  traceparentOf,
} from './trace-span.ts';

export interface TracingOptions extends Partial<Timing> {
  readonly sampler: Sampler;
  /** The subnet's and the node's names: they go into those of blocks' traces. */
  readonly subnet: string;
  readonly node: string;
}

type OnFollow = (call: FollowedCall, traceparent: string) => void;

interface Asked {
  readonly service: string;
  readonly stage: string;
  readonly key: Uint8Array;
  readonly parent: SpanName;
  readonly fromMs: number;
  readonly takenMs: number;
}

export class Tracing implements Tracer {
  readonly #sampler: Sampler;
  readonly #timing: Timing;
  readonly #recorder: Recorder;
  readonly #followed = new FollowedCalls();
  readonly #blocks: BlockTracing;
  /** By the beginning of their keys, which are hashes or random: most answers that are looked for are not to traced questions. */
  readonly #asked = new Map<number, Asked>();
  readonly #steps = new Bucket(STEPS_PER_SECOND, STEPS_AT_ONCE);
  readonly #onFollow: OnFollow[] = [];

  constructor({ sampler, subnet, node, ...timing }: TracingOptions) {
    this.#sampler = sampler;
    const nowMs = (): number => performance.now();
    const unixOffsetMs = (): number => performance.timeOrigin;
    this.#timing = { nowMs, unixOffsetMs, ...timing };
    this.#recorder = new Recorder(this.#timing);
    const [recorder, followed] = [this.#recorder, this.#followed];
    this.#blocks = new BlockTracing({ recorder, followed, sampler, node }, subnet);
  }

  addSink(sink: SpanSink): void {
    this.#recorder.addSink(sink);
  }

  /** Told of each call that is followed from here on. */
  onFollow(tell: OnFollow): void {
    this.#onFollow.push(tell);
  }

  nameSubnet(subnet: string): void {
    this.#blocks.subnet = subnet;
  }

  request(name: string, parent: string): RequestTrace | undefined {
    const client = parent === '' ? undefined : clientContext(parent);
    const traceId = client?.traceId ?? newTraceId();
    const { nowMs } = this.#timing;
    const fromMs = nowMs();
    if (!this.#sampler.request(name, traceId, client, fromMs)) return undefined;
    const span: SpanName = { traceId, spanId: newSpanId() };
    const service = 'gateway';
    let followed: Followed | undefined;
    return {
      traceparent: traceparentOf(span),
      follow: (call) => {
        followed = this.#follow(call, span);
        for (const tell of this.#onFollow) tell(followed, traceparentOf(span));
      },
      stage: (stage, stageFromMs) => {
        const times = { fromMs: stageFromMs, toMs: nowMs() };
        this.#recorder.stage(span, stage, { service, name: stage, ...times });
      },
      end: (attributes, fault) =>
        this.#recorder.record({
          ...span,
          parentId: client?.spanId ?? '',
          entry: true,
          service,
          name,
          fromMs,
          toMs: nowMs(),
          attributes: { ...followed?.attributes, ...attributes },
          ...(fault !== undefined && { fault }),
        }),
    };
  }

  /** A call that another process of this node traces. */
  follow(call: FollowedCall, traceparent: string): void {
    const span = parseTraceparent(traceparent);
    if (span?.sampled) this.#follow(call, span);
  }

  /** What a room's event says of a block. */
  observed(fact: BlockFact): void {
    this.#blocks.observed(fact);
  }

  step(
    service: string,
    input: Input<unknown>,
    traceparent: string,
    offeredMs: number,
    nowMs: number,
  ): Span | undefined {
    if (input.kind === 'message') {
      const { message } = input;
      const isShown = this.#heard(service, message, traceparent, offeredMs, nowMs);
      if (traceparent === '' || isShown) return undefined;
      const asked = ASKED_BY.get(message.kind);
      if (asked?.services.includes(service)) {
        const { stage } = asked;
        const question = { service, stage, key: asked.keyOf(message) };
        return this.#ask(question, traceparent, offeredMs, nowMs);
      }
    }
    if (!isSampled(traceparent) || !this.#steps.take(nowMs)) return undefined;
    return this.#step(service, input, traceparent, offeredMs, nowMs);
  }

  carries(service: string, timer?: string): boolean {
    return carries(service, timer);
  }

  said(service: string, message: Message, traceparent: string): string {
    const said = SAID.get(message.kind);
    if (said !== undefined && said.service === service) return this.#blocks.said(message, said);
    if (this.#asked.size > 0) {
      const answered = ANSWERED_BY.get(message.kind);
      if (answered !== undefined) this.#answered(message, answered);
    }
    if (isSampled(traceparent)) this.#passedOn(service, message, traceparent);
    return traceparent;
  }

  #follow({ requestId, attributes }: FollowedCall, { traceId, spanId }: SpanName): Followed {
    const followed = { requestId, attributes, span: { traceId, spanId }, pooledMs: undefined };
    this.#followed.add(followed);
    return followed;
  }

  /** Whether a stage shows this, or nobody wants to see it. */
  #heard(
    service: string,
    message: Message,
    traceparent: string,
    offeredMs: number,
    nowMs: number,
  ): boolean {
    const stage = HEARD.get(message.kind);
    if (stage?.service === service) {
      this.#blocks.heard(message, stage, offeredMs, nowMs);
      return true;
    }
    // It is told to several; one of them wants it.
    if (message.kind === 'ArtifactReceived' && service !== 'consensus') return true;
    if (this.#followed.size === 0) return false;
    if (message.kind === 'ArtifactReceived') this.#blocks.artifact(message, nowMs);
    else if (message.kind === 'IngressReceived')
      this.#blocks.ingress(message, traceparent, offeredMs);
    else if (message.kind === 'BlockFinalized') this.#blocks.enter(message);
    else if (message.kind === 'StateCertified')
      for (const id of message.completedRequests) this.#followed.delete(id);
    return false;
  }

  #ask(
    question: Pick<Asked, 'service' | 'stage' | 'key'>,
    traceparent: string,
    fromMs: number,
    takenMs: number,
  ): undefined {
    const parent = isSampled(traceparent) ? parseTraceparent(traceparent) : undefined;
    if (parent === undefined) return;
    if (this.#asked.size >= ASKED_MAX) {
      const [oldest] = this.#asked.keys();
      this.#asked.delete(oldest as number);
    }
    const { stage, key } = question;
    this.#asked.set(placeOf(stage, key), { ...question, parent, fromMs, takenMs });
  }

  #answered(message: Message, { stage, keyOf }: AskedStage): void {
    const key = keyOf(message);
    const place = placeOf(stage, key);
    const question = this.#asked.get(place);
    if (question?.stage !== stage || !bytesEqual(question.key, key)) return;
    this.#asked.delete(place);
    const { service, parent, fromMs, takenMs } = question;
    const refused = 'refusal' in message && message.refusal !== undefined;
    this.#recorder.stage(parent, stage, {
      service,
      name: stage,
      fromMs,
      toMs: this.#timing.nowMs(),
      queuedMs: takenMs - fromMs,
      ...(refused && { attributes: { 'internode.refused': true } }),
    });
  }

  /** A call leaves p2p for the own consensus, and for peers. */
  #passedOn(service: string, message: Message, traceparent: string): void {
    const isOffer = message.kind === 'SendFrame';
    if (service !== 'p2p' || !(isOffer || message.kind === 'IngressReceived')) return;
    const parent = parseTraceparent(traceparent);
    const ms = this.#timing.nowMs();
    // What peers want to have recorded is bounded; calls of this node's own users were when they came.
    const isOwn = !isOffer && this.#blocks.followedIn(message) !== undefined;
    if (parent === undefined || !(isOwn || this.#steps.take(ms))) return;
    const attributes = isOffer
      ? {
          'internode.peers': message.peers.length,
          'internode.bytes': message.frame.length + message.tail.length,
        }
      : { 'internode.bytes': message.body.length };
    const name = isOffer ? 'gossip to peers' : 'gossip';
    this.#recorder.stage(parent, 'gossip', { service, name, fromMs: ms, toMs: ms, attributes });
  }

  #step(
    service: string,
    input: Input<unknown>,
    traceparent: string,
    fromMs: number,
    takenMs: number,
  ): Span | undefined {
    const parent = parseTraceparent(traceparent);
    if (parent === undefined) return undefined;
    const name = input.kind === 'message' ? input.message.kind : input.kind;
    const span: SpanName = { traceId: parent.traceId, spanId: newSpanId() };
    return {
      traceparent: traceparentOf(span),
      end: (fault) =>
        this.#recorder.record({
          ...span,
          parentId: parent.spanId,
          // A peer has the rest of the trace.
          entry: name === 'FrameReceived',
          service,
          name,
          fromMs,
          toMs: this.#timing.nowMs(),
          queuedMs: takenMs - fromMs,
          ...(fault !== undefined && { fault }),
        }),
    };
  }
}

/** Ids of requests differ in their first bytes, those of a gateway's own questions in their last. */
function placeOf(stage: string, key: Uint8Array): number {
  const at = (index: number): number => key[index] ?? 0;
  const { length } = key;
  const mixed = (at(0) << 24) | (at(1) << 16) | (at(length - 2) << 8) | at(length - 1);
  return mixed * 8 + stage.length;
}

/** What a client sent; undefined when it is none, or claims the trace of a block. */
function clientContext(traceparent: string): TraceContext | undefined {
  const context = parseTraceparent(traceparent);
  return context?.traceId.startsWith(BLOCK_TRACE_PREFIX) ? undefined : context;
}
