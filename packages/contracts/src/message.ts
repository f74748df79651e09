import type { Contract } from './contract.ts';
import { CONTRACTS, type Message } from './gen/messages.ts';

/** The bytes of a message of any kind. */
export function encodeMessage(message: Message): Uint8Array {
  return (CONTRACTS[message.kind] as Contract<Message>).encode(message);
}
