// Stages of blocks and of the traced calls in them.
import type { BlockFact, TraceAttributes } from '@internode/actor';
import {
  type ArtifactReceived,
  contract,
  decodeIngress,
  decodeStrippedProposal,
  encodeIngress,
  encodeStrippedProposal,
  type IngressReceived,
  type Message,
} from '@internode/contracts';
import { LINKS_MAX } from '../limits.ts';
import { Blocks, type BlockTimes, rootOfBlock } from './blocks.ts';
import type { Followed, FollowedCalls } from './followed.ts';
import type { Recorder } from './recorder.ts';
import type { Sampler } from './sampler.ts';
import { BLOCK_STAGES, type BlockStage, heightOf, requestIdsOf, type SaidStage } from './stages.ts';
import { isSampled, type SpanName, traceparentOf } from './trace-span.ts';

export interface BlockTracingOptions {
  readonly recorder: Recorder;
  readonly followed: FollowedCalls;
  readonly sampler: Sampler;
  readonly node: string;
}

const INGRESS = contract('Ingress', 'types', 'ingress', encodeIngress, decodeIngress);
const PROPOSAL = contract(
  'StrippedProposal',
  'types',
  'stripped_proposal',
  encodeStrippedProposal,
  decodeStrippedProposal,
);

export class BlockTracing {
  readonly #options: BlockTracingOptions;
  readonly #blocks = new Blocks();
  /** Blocks of different subnets have different traces. */
  subnet: string;

  constructor(options: BlockTracingOptions, subnet: string) {
    this.#options = options;
    this.subnet = subnet;
  }

  /** A service hears what begins a stage. */
  heard(message: Message, stage: BlockStage, offeredMs: number, nowMs: number): void {
    this.enter(message);
    this.#blocks.at(heightOf(message) ?? 0)?.begin(stage, offeredMs, nowMs);
  }

  /** A service says what ends a stage. Answers what the message carries. */
  said(message: Message, { ends, begins }: SaidStage): string {
    const block = this.#blocks.at(heightOf(message) ?? 0);
    if (block === undefined) return '';
    this.enter(message);
    const ms = this.#options.recorder.timing.nowMs();
    const isFirst = block.end(ends, ms);
    if (isFirst) this.#ended(block, ends);
    if (begins !== undefined) block.begin(begins, ms, ms);
    // What is said again, perhaps much later, belongs to whoever asks for it.
    return isFirst && this.#isTraced(block) ? traceparentOf(this.#rootOf(block)) : '';
  }

  observed({ height, proposed, roundMs, executed, attributes }: BlockFact): void {
    const block = this.#blocks.at(height);
    if (block === undefined) return;
    if (proposed) this.#proposed(block, this.#options.recorder.timing.nowMs());
    if (roundMs !== undefined) block.roundMs = roundMs;
    if (executed) {
      if (!block.costTold) this.#stageEnded(block, BLOCK_STAGES.execute, attributes);
      block.costTold = true;
    } else if (attributes !== undefined) block.attributes = { ...block.attributes, ...attributes };
  }

  /** Notes which traced calls are in the block that a message is about. */
  enter(message: Message): void {
    const { followed } = this.#options;
    if (followed.size === 0) return;
    const ids = requestIdsOf(message);
    if (ids.length === 0) return;
    const block = this.#blocks.at(heightOf(message) ?? 0);
    if (block === undefined) return;
    for (const id of ids) {
      const call = followed.get(id);
      if (call !== undefined && !block.calls.includes(call)) block.calls.push(call);
    }
  }

  /** Consensus hears of a peer's proposal. */
  artifact({ artifactKind, body }: ArtifactReceived, nowMs: number): void {
    if (artifactKind !== 'block_proposal' || this.#options.followed.size === 0) return;
    const decoded = PROPOSAL.decode(body);
    if (decoded.kind !== 'valid') return;
    const block = this.#blocks.at(decoded.value.block.height);
    if (block !== undefined) this.#proposed(block, nowMs);
  }

  /** Consensus hears of a call. */
  ingress(message: IngressReceived, traceparent: string, offeredMs: number): void {
    if (!isSampled(traceparent)) return;
    const call = this.followedIn(message);
    if (call !== undefined) call.pooledMs ??= offeredMs;
  }

  /** The call that is received, if it is followed. */
  followedIn({ body }: IngressReceived): Followed | undefined {
    const { followed } = this.#options;
    if (followed.size === 0) return undefined;
    const decoded = INGRESS.decode(body);
    return decoded.kind === 'valid' ? followed.get(decoded.value.requestId) : undefined;
  }

  #proposed(block: BlockTimes, ms: number): void {
    if (block.proposedMs !== 0) return;
    block.proposedMs = ms;
    block.begin(BLOCK_STAGES.notarise, ms, ms);
  }

  #ended(block: BlockTimes, stage: BlockStage): void {
    // Which calls are in it is known when it is final, what it cost when that is told.
    if (stage === BLOCK_STAGES.notarise || stage === BLOCK_STAGES.execute) return;
    if (stage === BLOCK_STAGES.finalise) this.#finalised(block);
    else this.#stageEnded(block, stage);
  }

  #finalised(block: BlockTimes): void {
    if (!this.#isTraced(block)) return;
    const { recorder } = this.#options;
    const notarised = block.spanOf(BLOCK_STAGES.notarise);
    const finalised = block.spanOf(BLOCK_STAGES.finalise);
    const root = this.#rootOf(block);
    const proposedMs = block.proposedMs || notarised.fromMs || finalised.fromMs;
    const attributes = { 'internode.height': block.height, ...block.attributes };
    const roundFromMs = block.roundMs === 0 ? proposedMs : notarised.toMs - block.roundMs;
    recorder.record({
      ...root,
      parentId: '',
      entry: true,
      service: 'consensus',
      name: 'block',
      fromMs: Math.min(roundFromMs, proposedMs),
      toMs: finalised.toMs,
      attributes: { ...attributes, 'internode.traced_calls': block.calls.length },
      links: block.calls.slice(0, LINKS_MAX).map(({ span }) => span),
    });
    for (const { span, pooledMs } of block.calls) {
      const fromMs = pooledMs ?? proposedMs;
      const toMs = Math.max(fromMs, proposedMs);
      const service = 'consensus';
      recorder.stage(span, 'pool', {
        service,
        name: 'pool',
        fromMs,
        toMs,
        queuedMs: toMs - fromMs,
      });
      const included = { service, name: 'included in block', fromMs: toMs, toMs };
      recorder.stage(span, 'included', { ...included, attributes, links: [root] });
    }
    this.#stageEnded(block, BLOCK_STAGES.notarise);
    this.#stageEnded(block, BLOCK_STAGES.finalise);
  }

  #stageEnded(block: BlockTimes, stage: BlockStage, more?: TraceAttributes): void {
    if (!this.#isTraced(block)) return;
    const { recorder } = this.#options;
    const root = this.#rootOf(block);
    const attributes = { 'internode.height': block.height, ...block.attributes, ...more };
    const { service, stage: name } = stage;
    const times = { service, name, ...block.spanOf(stage), attributes };
    recorder.stage(root, name, times);
    for (const { span } of block.calls) recorder.stage(span, name, { ...times, links: [root] });
  }

  #isTraced(block: BlockTimes): boolean {
    return block.calls.length > 0 || this.#options.sampler.block(block.height);
  }

  #rootOf(block: BlockTimes): SpanName {
    block.root ??= rootOfBlock(this.subnet, this.#options.node, block.height);
    return block.root;
  }
}
