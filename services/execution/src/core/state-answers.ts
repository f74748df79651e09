import type { Message } from '@internode/contracts';
import { bytesEqual } from '@internode/prelude';
import { readKey } from './certificates.ts';
import type { Fibers } from './fibers.ts';
import { memoryKey, moduleKey } from './loading.ts';
import { requestsKey, TIP_KEY } from './restoring.ts';
import type { Subnet } from './subnet.ts';

/** Hands what state answers to the fibers that asked. An answer to a life of before a restart is of another height. */
export function tellStateAnswer(message: Message, { session }: Subnet, fibers: Fibers): void {
  switch (message.kind) {
    case 'DataCertificateRead':
      return fibers.told(readKey(message.readId), message);
    case 'ModuleLoaded':
      return fibers.told(moduleKey(message.hash), message);
    case 'TipLoaded':
    case 'RequestsLoaded':
    case 'MemoryLoaded':
      if (bytesEqual(message.session ?? NOBODY, session)) fibers.told(keyOf(message), message);
      return;
    default:
      return;
  }
}

const NOBODY = new Uint8Array();

function keyOf(
  message: Extract<Message, { kind: 'TipLoaded' | 'RequestsLoaded' | 'MemoryLoaded' }>,
): string {
  if (message.kind === 'TipLoaded') return TIP_KEY;
  if (message.kind === 'RequestsLoaded') return requestsKey(message.after);
  return memoryKey(message.canisterId, message.memory, message.fromIndex);
}
