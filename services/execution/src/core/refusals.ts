// Every refusal of execution with its error code and text (interface-spec 1.14). The first
// significant digit of a code is the reject code. Texts are a compatibility surface: clients and
// tests compare them.
import type { Refusal } from '@internode/contracts';
import { principalToText } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { REJECT_MESSAGE_BYTES } from '../limits.ts';
import type { Trap } from '../sandbox/interface.ts';

/** `code` is like `IC0301`. */
export function refuse(code: string, message: string): Refusal {
  const digits = Number(code.slice(2));
  return { rejectCode: Math.floor(digits / 100), message: truncated(message), errorCode: code };
}

/** A reject without an error code, as canisters make them. */
export function plainReject(rejectCode: number, message: string): Refusal {
  return { rejectCode, message: truncated(message), errorCode: '' };
}

type Id = Uint8Array;
const name = principalToText;

export function fromCanister(id: Id, code: string, message: string): Refusal {
  return refuse(code, `Error from Canister ${name(id)}: ${message}`);
}

export function trapped(id: Id, trap: Trap): Refusal {
  return fromCanister(id, trap.code, trap.message);
}

export function canisterNotFound(id: Id): Refusal {
  return refuse('IC0301', `Canister ${name(id)} not found`);
}

export function outOfCycles(id: Id, missing: bigint): Refusal {
  const amount = missing > 0n ? missing : 1n;
  return refuse(
    'IC0207',
    `Canister ${name(id)} is out of cycles: please top up the canister with at least ${amount} additional cycles`,
  );
}

export function canisterStopped(id: Id): Refusal {
  return refuse('IC0508', `Canister ${name(id)} is stopped`);
}

export function canisterStopping(id: Id): Refusal {
  return refuse('IC0509', `Canister ${name(id)} is stopping`);
}

export function noModule(id: Id): Refusal {
  return fromCanister(
    id,
    'IC0537',
    'Attempted to execute a message, but the canister contains no Wasm module.',
  );
}

export function noMethod(
  id: Id,
  method: string,
  kind: 'update' | 'query' | 'composite query',
): Refusal {
  return fromCanister(id, 'IC0536', `Canister has no ${kind} method '${method}'.`);
}

export function didNotReply(id: Id): Refusal {
  return fromCanister(id, 'IC0506', 'Canister did not reply to the call');
}

export function compositeInReplicated(id: Id, method: string): Refusal {
  return fromCanister(
    id,
    'IC0527',
    `Composite query method '${method}' cannot be called in replicated mode.`,
  );
}

export function notController(id: Id, controllers: readonly Id[], sender: Id): Refusal {
  return refuse(
    'IC0512',
    `Only the controllers of the canister ${name(id)} can control it.\n` +
      `Canister's controllers: ${controllers.map(name).join(' ')}\nSender's ID: ${name(sender)}`,
  );
}

export function unknownManagementMethod(method: string): Refusal {
  return refuse('IC0536', `Management canister has no method '${method}'`);
}

export function undecodable(reason: string): Refusal {
  return refuse('IC0408', `Error decoding candid: ${reason}`);
}

function truncated(message: string): string {
  if (message.length * 3 <= REJECT_MESSAGE_BYTES) return message;
  const encoded = utf8(message);
  if (encoded.length <= REJECT_MESSAGE_BYTES) return message;
  return new TextDecoder()
    .decode(encoded.subarray(0, REJECT_MESSAGE_BYTES - 3))
    .replace(/\uFFFD$/, '');
}
