/** Query answers with the node's signature (interface spec 1.11). */
import type { QueryAnswered } from '@internode/contracts';
import {
  type CborInput,
  type HashableMap,
  hashOfMap,
  type Principal,
  separator,
} from '@internode/encoding';
import { concatBytes, unreachable } from '@internode/prelude';
import { rejectFields } from './answer.ts';

const RESPONSE = separator('ic-response');

export type NodeSigner = {
  readonly nodeId: Principal;
  /** Ed25519, 64 bytes. */
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
};

export type UnsignedAnswer = {
  readonly fields: HashableMap & CborFields;
  readonly timestampNanos: bigint;
  /** What the node signs. */
  readonly message: Uint8Array;
};

/** `timestampNanos` is now. */
export function unsignedAnswer(
  outcome: QueryAnswered['outcome'],
  requestId: Uint8Array,
  timestampNanos: bigint,
): UnsignedAnswer {
  const fields = outcomeFields(outcome);
  const hash = hashOfMap({ ...fields, timestamp: timestampNanos, request_id: requestId });
  return { fields, timestampNanos, message: concatBytes(RESPONSE, hash) };
}

/** The body of the answer with the signature of its message. */
export function signedAnswer(
  { fields, timestampNanos }: UnsignedAnswer,
  nodeId: Principal,
  signature: Uint8Array,
): CborFields {
  const signatures = [{ timestamp: timestampNanos, signature, identity: nodeId }];
  return { ...fields, signatures };
}

function outcomeFields(outcome: QueryAnswered['outcome']): HashableMap & CborFields {
  switch (outcome.kind) {
    case 'reply':
      return { status: 'replied', reply: { arg: outcome.reply.content } };
    case 'refusal':
      return { status: 'rejected', ...rejectFields(outcome.refusal) };
    default:
      return unreachable(outcome);
  }
}

type CborFields = { readonly [field: string]: CborInput };
