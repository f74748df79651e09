/** What goes back over HTTP, as data (interface spec 1.8, 1.11, 1.13, 1.14). */
import type { Refusal } from '@internode/contracts';
import { type CborInput, encodeCbor } from '@internode/encoding';
import type { RequestRefusal } from '@internode/ingress';

export type Answer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array | string;
  readonly headers?: { readonly [name: string]: string };
};

const TEXT = 'text/plain; charset=utf-8';

export function textAnswer(
  status: number,
  text: string,
  headers?: { readonly [name: string]: string },
): Answer {
  return { status, contentType: TEXT, body: text, ...(headers === undefined ? {} : { headers }) };
}

/** 200 with tagged CBOR. */
export function cborAnswer(value: CborInput): Answer {
  return { status: 200, contentType: 'application/cbor', body: encodeCbor(value) };
}

export function refusedAnswer(refusal: RequestRefusal): Answer {
  return textAnswer(refusal.httpStatus, refusal.text);
}

/** Taken, not finished: the sender polls for the status. */
export const ACCEPTED: Answer = textAnswer(202, '');

export const TOO_LARGE: Answer = textAnswer(413, 'The request is too large', {
  connection: 'close',
});

/** For the bus being late or full: nothing is known to have happened, the client may retry. */
export function unavailableAnswer(text: string): Answer {
  return textAnswer(503, text, { 'retry-after': '1' });
}

/** A certificate that shows how the call ended, replied or rejected alike. */
export function certifiedAnswer(certificate: Uint8Array): Answer {
  return cborAnswer({ status: 'replied', certificate });
}

/** A call refused before execution: nothing of it is certified. Version 2 has no `status`. */
export function rejectedAnswer(version: 2 | 3 | 4, refusal: Refusal): Answer {
  const fields = rejectFields(refusal);
  return cborAnswer(version === 2 ? fields : { status: 'non_replicated_rejection', ...fields });
}

export type RejectFields = {
  readonly reject_code: number;
  readonly reject_message: string;
  readonly error_code?: string;
};

/** An empty error code is none: it takes part neither in bodies nor in hashes. */
export function rejectFields({ rejectCode, message, errorCode }: Refusal): RejectFields {
  const fields = { reject_code: rejectCode, reject_message: message };
  return errorCode === '' ? fields : { ...fields, error_code: errorCode };
}
