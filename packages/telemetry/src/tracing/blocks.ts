// The times of the newest blocks, noted of every block whether it is traced or not: which ones are is known only when it is said
// which calls are in them. Places are used again, so that this makes no garbage.
import { createHash } from 'node:crypto';
import type { TraceAttributes } from '@internode/actor';
import { BLOCKS_MAX } from '../limits.ts';
import type { Followed } from './followed.ts';
import { BLOCK_STAGE_COUNT, type BlockStage } from './stages.ts';
import type { SpanName } from './trace-span.ts';

const NOTHING: TraceAttributes = {};

export class BlockTimes {
  height = -1;
  /** When the proposal was first seen here. */
  proposedMs = 0;
  roundMs = 0;
  attributes: TraceAttributes = NOTHING;
  /** What it cost is told when it is done: once. */
  costTold = false;
  readonly calls: Followed[] = [];
  /** Of the block's trace, once something was recorded in it. */
  root: SpanName | undefined;
  readonly #fromMs = new Float64Array(BLOCK_STAGE_COUNT);
  readonly #takenMs = new Float64Array(BLOCK_STAGE_COUNT);
  readonly #toMs = new Float64Array(BLOCK_STAGE_COUNT);

  reset(height: number): void {
    this.height = height;
    this.proposedMs = 0;
    this.roundMs = 0;
    this.attributes = NOTHING;
    this.costTold = false;
    this.calls.length = 0;
    this.root = undefined;
    this.#fromMs.fill(0);
    this.#takenMs.fill(0);
    this.#toMs.fill(0);
  }

  /** What is said again begins nothing again. */
  begin({ index }: BlockStage, fromMs: number, takenMs: number): void {
    if (this.#fromMs[index] !== 0) return;
    this.#fromMs[index] = fromMs;
    this.#takenMs[index] = takenMs;
  }

  /** Whether it ends here for the first time. */
  end({ index }: BlockStage, nowMs: number): boolean {
    if (this.#toMs[index] !== 0) return false;
    this.#toMs[index] = nowMs;
    // Something else, such as a peer's value, was there before what begins it.
    if (this.#fromMs[index] === 0) {
      this.#fromMs[index] = nowMs;
      this.#takenMs[index] = nowMs;
    }
    return true;
  }

  spanOf({ index }: BlockStage): { fromMs: number; toMs: number; queuedMs: number } {
    const fromMs = this.#fromMs[index] as number;
    const queuedMs = (this.#takenMs[index] as number) - fromMs;
    return { fromMs, toMs: this.#toMs[index] as number, queuedMs };
  }

  hasEnded({ index }: BlockStage): boolean {
    return this.#toMs[index] !== 0;
  }
}

export class Blocks {
  readonly #ring = Array.from({ length: BLOCKS_MAX }, () => new BlockTimes());

  /** Undefined for one that is older than what its place holds. */
  at(height: number): BlockTimes | undefined {
    const block = this.#ring[height % BLOCKS_MAX];
    if (block === undefined || height < block.height) return undefined;
    if (height > block.height) block.reset(height);
    return block;
  }
}

/**
 * How ids of blocks' traces begin, so that people and stores can tell them from others. As long as half of the id: one random id in
 * 65,536 begins with the first four digits.
 */
export const BLOCK_TRACE_PREFIX = 'b10cb10cb10cb10c';

/** All members of a subnet put what they do for a height into one trace, each below a root of its own. */
export function rootOfBlock(subnet: string, node: string, height: number): SpanName {
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  return {
    traceId: `${BLOCK_TRACE_PREFIX}${digest(`internode block ${subnet} ${height}`).slice(0, 16)}`,
    spanId: digest(`internode block ${subnet} ${node} ${height}`).slice(0, 16),
  };
}
