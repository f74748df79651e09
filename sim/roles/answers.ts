// How users judge what the door answers: as a careful agent does, with every signature checked.
import type { BlsEngine, SignatureEngine } from '@internode/crypto';
import {
  type CborMap,
  decodeCborMap,
  decodeUnsignedLeb128,
  hashOfMap,
  isCborMap,
  separator,
} from '@internode/encoding';
import type { Answer } from '@internode/gateway';
import { type HashTree, lookupPath, verifyCertificate } from '@internode/hash-tree';
import { concatBytes, utf8 } from '@internode/prelude';

export interface Trust {
  readonly bls: BlsEngine;
  readonly signatures: SignatureEngine;
  readonly rootKey: Uint8Array;
  /** DER, of the node behind each door. */
  readonly nodeKeys: readonly Uint8Array[];
}

export type CallJudged =
  | {
      readonly kind: 'ended';
      readonly status: string;
      readonly reply: Uint8Array;
      readonly timeNanos: bigint;
    }
  /** Taken; how it ends is to be read. */
  | { readonly kind: 'taken' }
  /** Not now: nothing is known to have happened. */
  | { readonly kind: 'later' }
  | { readonly kind: 'bad'; readonly reason: string };

export type QueryJudged =
  | { readonly kind: 'replied'; readonly reply: Uint8Array }
  | { readonly kind: 'later' }
  | { readonly kind: 'bad'; readonly reason: string };

const RESPONSE = separator('ic-response');

/** Of a call or of a read of its status. */
export function judgeCall(answer: Answer, requestId: Uint8Array, trust: Trust): CallJudged {
  if (answer.status === 202) return { kind: 'taken' };
  if (answer.status === 503) return { kind: 'later' };
  const fields = fieldsOf(answer);
  if (fields === undefined) return { kind: 'bad', reason: `${answer.status} ${answer.body}` };
  const certificate = fields['certificate'];
  // Refused before execution, such as when the canister is not there yet.
  if (!(certificate instanceof Uint8Array)) return { kind: 'later' };
  const verdict = verifyCertificate(certificate, trust);
  if (verdict.kind !== 'valid') return { kind: 'bad', reason: verdict.reason };
  return judgeTree(verdict.value, requestId);
}

function judgeTree(tree: HashTree, requestId: Uint8Array): CallJudged {
  const find = (...path: (string | Uint8Array)[]): Uint8Array | undefined => {
    const found = lookupPath(
      tree,
      path.map((label) => (typeof label === 'string' ? utf8(label) : label)),
    );
    return found.kind === 'found' ? found.value : undefined;
  };
  const time = decodeUnsignedLeb128(find('time') ?? new Uint8Array(), 0);
  if (time.kind !== 'valid') return { kind: 'bad', reason: 'the certificate shows no time' };
  const status = new TextDecoder().decode(find('request_status', requestId, 'status'));
  if (status !== 'replied' && status !== 'rejected') return { kind: 'taken' };
  const reply =
    find('request_status', requestId, 'reply') ??
    find('request_status', requestId, 'reject_message') ??
    new Uint8Array();
  return { kind: 'ended', status, reply, timeNanos: time.value.value };
}

/** A query is answered by one node, under its own key. */
export function judgeQuery(
  answer: Answer,
  requestId: Uint8Array,
  { trust, door }: { readonly trust: Trust; readonly door: number },
): QueryJudged {
  if (answer.status === 503) return { kind: 'later' };
  const fields = fieldsOf(answer);
  if (fields === undefined) return { kind: 'bad', reason: `${answer.status} ${answer.body}` };
  const { signatures, ...content } = fields;
  const [signed] = Array.isArray(signatures) ? signatures : [];
  if (!isCborMap(signed)) return { kind: 'bad', reason: 'a query answer without signature' };
  const { timestamp, signature } = signed;
  const hash = hashOfMap({ ...content, timestamp, request_id: requestId } as never);
  const verdict = trust.signatures.verify({
    publicKeyDer: trust.nodeKeys[door] ?? new Uint8Array(),
    message: concatBytes(RESPONSE, hash),
    signature: signature as Uint8Array,
  });
  if (verdict.kind !== 'valid') return { kind: 'bad', reason: `query: ${verdict.kind}` };
  const { reply } = content as { readonly reply?: { readonly arg: Uint8Array } };
  return reply === undefined ? { kind: 'later' } : { kind: 'replied', reply: reply.arg };
}

function fieldsOf({ status, body }: Answer): CborMap | undefined {
  if (status !== 200 || typeof body === 'string') return undefined;
  const decoded = decodeCborMap(body);
  return decoded.kind === 'valid' ? decoded.value : undefined;
}
