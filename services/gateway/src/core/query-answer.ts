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
  readonly sign: (message: Uint8Array) => Uint8Array;
};

/** The body of the answer; `timestampNanos` is now. */
export function queryAnswerBody(
  outcome: QueryAnswered['outcome'],
  requestId: Uint8Array,
  { signer, timestampNanos }: { signer: NodeSigner; timestampNanos: bigint },
): { readonly [field: string]: CborInput } {
  const fields = outcomeFields(outcome);
  const hash = hashOfMap({ ...fields, timestamp: timestampNanos, request_id: requestId });
  const signature = signer.sign(concatBytes(RESPONSE, hash));
  const signatures = [{ timestamp: timestampNanos, signature, identity: signer.nodeId }];
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
