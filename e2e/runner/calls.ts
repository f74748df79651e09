// One update call by hand, and how it ended in words that tests compare.
import type { Ed25519KeyIdentity } from '@icp-sdk/core/identity';
import type { CborInput } from '@internode/encoding';
import { readCallAnswer } from '@internode/loadtest';
import { EMPTY_ARGUMENT } from './clients.ts';
import type { Replica } from './replica.ts';
import { type Answer, envelope, post, principalOf } from './wire.ts';

export interface CallOptions {
  readonly argument?: Uint8Array;
  readonly identity?: Ed25519KeyIdentity;
  readonly fields?: Readonly<Record<string, CborInput>>;
  /** A call that is not certified in time is sent again for so long: it runs once, and its end is told whenever it is known. */
  readonly patienceMs?: number;
}

/** `code`: `replied`, an error code like `IC0503`, `rejected` without one, or the HTTP status. */
export interface Ending {
  readonly code: string;
  readonly message: string;
  readonly reply: Uint8Array;
}

export async function callOf(
  id: string,
  method: string,
  { argument = EMPTY_ARGUMENT, identity, fields = {} }: CallOptions = {},
) {
  const call = { request_type: 'call', canister_id: principalOf(id), method_name: method };
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  return envelope({ ...call, arg: argument, nonce, ...fields }, identity);
}

/** By the synchronous endpoint. */
export async function endOf(
  replica: Pick<Replica, 'gatewayUrl'>,
  id: string,
  method: string,
  options: CallOptions = {},
): Promise<Ending> {
  const { body, requestId } = await callOf(id, method, options);
  const deadlineMs = performance.now() + (options.patienceMs ?? 0);
  for (;;) {
    const answer = await post(`${replica.gatewayUrl}/api/v4/canister/${id}/call`, body);
    const ending = endingOf(answer, requestId);
    if (ending.code !== '202' || performance.now() > deadlineMs) return ending;
  }
}

export function endingOf(answer: Answer, requestId: Uint8Array): Ending {
  const nothing = new Uint8Array();
  const { map, status, text } = answer;
  if (status !== 200) return { code: String(status), message: text, reply: nothing };
  if (map['status'] !== 'replied') return rejection(map);
  const ending = readCallAnswer(answer, requestId);
  switch (ending.kind) {
    case 'replied':
      return { code: 'replied', message: '', reply: ending.reply };
    case 'rejected':
      return { code: ending.errorCode || 'rejected', message: ending.message, reply: nothing };
    case 'accepted':
      return { code: '202', message: '', reply: nothing };
    case 'refused':
      return { code: 'refused', message: ending.text, reply: nothing };
  }
}

function rejection(map: Answer['map']): Ending {
  const code = map['error_code'] ?? 'rejected';
  const message = map['reject_message'] ?? '';
  return { code: String(code), message: String(message), reply: new Uint8Array() };
}

export async function queryOf(
  replica: Pick<Replica, 'gatewayUrl'>,
  id: string,
  method: string,
): Promise<Ending> {
  const fields = { request_type: 'query' };
  const { body } = await callOf(id, method, { fields });
  const answer = await post(`${replica.gatewayUrl}/api/v3/canister/${id}/query`, body);
  if (answer.status !== 200 || answer.map['status'] !== 'replied') {
    return { ...rejection(answer.map), ...(answer.status !== 200 && { code: `${answer.status}` }) };
  }
  const { arg } = answer.map['reply'] as { arg: Uint8Array };
  return { code: 'replied', message: '', reply: arg };
}
