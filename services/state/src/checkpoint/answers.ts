import type { SyncAnswer, SyncOutcome } from '@internode/contracts';
import { encodeUnsignedLeb128 } from '@internode/encoding';
import { placeBytes } from '@internode/prelude';
import type { EngineAnswer } from '../core/engine.ts';
import { ANSWER } from '../core/exchange.ts';
import type { ServedPart } from './shelf.ts';

const NOTHING = new Uint8Array(0);

/** Of types.v1.SyncAnswer: its content, the last field, length-delimited. */
const CONTENT = 0x1a;

/** As the contract has it; a megabyte is copied once for it instead of twice. */
export function encodedAnswer({ content, ...answer }: SyncAnswer): Uint8Array {
  const head = ANSWER.encode({ ...answer, content: NOTHING });
  if (content.length === 0) return head;
  const between = Uint8Array.of(CONTENT, ...encodeUnsignedLeb128(content.length));
  // Not cleared before it is written.
  const { buffer } = Buffer.allocUnsafeSlow(head.length + between.length + content.length);
  const all = new Uint8Array(buffer);
  placeBytes(all, [head, between, content]);
  return all;
}

/** A part as it goes to a peer. */
export function served({ part, dropped }: ServedPart, compressed = false): EngineAnswer {
  const [outcome, content]: [SyncOutcome, Uint8Array] =
    typeof part === 'string' ? [part, NOTHING] : ['content', part];
  const answer = encodedAnswer({ outcome, compressed, content });
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
