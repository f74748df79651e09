import type { SyncOutcome } from '@internode/contracts';
import type { EngineAnswer } from '../core/engine.ts';
import { ANSWER } from '../core/exchange.ts';
import type { ServedPart } from './shelf.ts';

const NOTHING = new Uint8Array(0);

/** A part as it goes to a peer. */
export function served({ part, dropped }: ServedPart, compressed = false): EngineAnswer {
  const [outcome, content]: [SyncOutcome, Uint8Array] =
    typeof part === 'string' ? [part, NOTHING] : ['content', part];
  const answer = ANSWER.encode({ outcome, compressed, content });
  return { kind: 'served', outcome, answer, ...(dropped !== undefined && { dropped }) };
}

interface Content {
  readonly kind: 'content';
  readonly content: Uint8Array;
  readonly compressed: boolean;
}

/** What a peer's answer brings. */
export function openedAnswer(bytes: Uint8Array): Content | EngineAnswer {
  const answer = ANSWER.decode(bytes);
  if (answer.kind !== 'valid') return { kind: 'rejected', reason: 'an answer that is none' };
  const { outcome, content, compressed } = answer.value;
  if (outcome !== 'content') return { kind: 'refused', outcome };
  return { kind: 'content', content, compressed };
}
