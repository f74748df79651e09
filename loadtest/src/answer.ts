// Reads what a replica answers, and verifies certificates as a client must.
import { decodeCborMap } from '@internode/encoding';
import {
  type BlsVerifier,
  decodeCertificate,
  type HashTree,
  lookupPath,
  verifyCertificate,
} from '@internode/hash-tree';
import { utf8 } from '@internode/prelude';
import type { HttpAnswer } from './http-answer.ts';

export type CallAnswer =
  /** `atMs`: the certificate's time, ms since 1970. */
  | { readonly kind: 'replied'; readonly reply: Uint8Array; readonly atMs: number }
  | {
      readonly kind: 'rejected';
      readonly code: number;
      readonly message: string;
      /** Like `IC0503`; empty when the canister itself rejected. */
      readonly errorCode: string;
    }
  /** Accepted, not certified in time: poll. */
  | { readonly kind: 'accepted' }
  /** Refused before execution, or not understood: nothing happened. */
  | { readonly kind: 'refused'; readonly text: string };

export interface Trust {
  readonly rootKey: Uint8Array;
  readonly bls: BlsVerifier;
}

const decoder = new TextDecoder();

/** Answer of a v3 or v4 call. With `trust`, the certificate's signature is verified, and a wrong one throws. */
export function readCallAnswer(
  answer: HttpAnswer,
  requestId: Uint8Array,
  trust?: Trust,
): CallAnswer {
  if (answer.status === 202) return { kind: 'accepted' };
  if (answer.status !== 200)
    return { kind: 'refused', text: `${answer.status} ${decoder.decode(answer.body)}` };
  const body = decodeCborMap(answer.body);
  if (body.kind !== 'valid') return { kind: 'refused', text: body.reason };
  const bytes = body.value['certificate'];
  if (!(bytes instanceof Uint8Array))
    return { kind: 'refused', text: String(body.value['reject_message']) };
  const certificate = decodeCertificate(bytes);
  if (certificate.kind !== 'valid') throw new Error(`certificate: ${certificate.reason}`);
  if (trust) {
    const verdict = verifyCertificate(bytes, trust);
    if (verdict.kind !== 'valid') throw new Error(`certificate: ${verdict.reason}`);
  }
  const find = (label: string): Uint8Array | undefined => {
    const found = lookupPath(certificate.value.tree, [
      utf8('request_status'),
      requestId,
      utf8(label),
    ]);
    return found.kind === 'found' ? found.value : undefined;
  };
  const status = find('status');
  switch (status && decoder.decode(status)) {
    case 'replied':
      return {
        kind: 'replied',
        reply: find('reply') ?? new Uint8Array(),
        atMs: timeOf(certificate.value.tree),
      };
    case 'rejected':
      return {
        kind: 'rejected',
        code: find('reject_code')?.[0] ?? 0,
        message: decoder.decode(find('reject_message')),
        errorCode: decoder.decode(find('error_code')),
      };
    default:
      return { kind: 'accepted' };
  }
}

/** NaN when it does not say. */
function timeOf(tree: HashTree): number {
  const found = lookupPath(tree, [utf8('time')]);
  if (found.kind !== 'found') return Number.NaN;
  let nanos = 0n;
  for (const [index, byte] of found.value.entries())
    nanos |= BigInt(byte & 0x7f) << BigInt(7 * index);
  return Number(nanos / 1_000n) / 1_000;
}

export interface QueryAnswer {
  readonly replied: boolean;
  readonly content: Uint8Array;
}

export function readQueryAnswer(answer: HttpAnswer): QueryAnswer {
  if (answer.status !== 200)
    throw new Error(`query: ${answer.status} ${decoder.decode(answer.body)}`);
  const body = decodeCborMap(answer.body);
  if (body.kind !== 'valid') throw new Error(body.reason);
  const reply = body.value['reply'];
  const replied = body.value['status'] === 'replied';
  const content =
    replied && reply && typeof reply === 'object' && 'arg' in reply ? reply['arg'] : undefined;
  return { replied, content: content instanceof Uint8Array ? content : new Uint8Array() };
}
