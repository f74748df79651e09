// Buses that hand messages over as they are, as an embedded replica's does. Whoever says or hears one and changes it later, or relies on
// what its encoding would have made of it, is found out.
import { CONTRACTS, encodeMessage, type Message } from '@internode/contracts';
import { assert, bytesEqual } from '@internode/prelude';
import type { NodeSetup, RolePorts } from '@internode/sim';
import { onPorts } from './planted.ts';

interface Said {
  readonly message: Message;
  /** When it was said. */
  readonly body: Uint8Array;
}

/** Later changes than after so many further messages are not seen. */
const WATCHED_MAX = 4_000;

export class HandedOver {
  /** By the envelope's id, oldest first. */
  readonly #watched = new Map<string, Said>();
  /** How many were heard as they were said. */
  heard = 0;

  /** Puts such a bus under every service of a node. */
  readonly disturb = (setup: NodeSetup): NodeSetup => ({
    ...setup,
    roles: setup.roles.map((role) => onPorts(role, this.#busOver)),
  });

  /** Throws when one that is still watched has been changed. */
  check(): void {
    for (const said of this.#watched.values()) check(said);
  }

  readonly #busOver = ({ bus }: RolePorts): Partial<RolePorts> => ({
    bus: {
      handsOver: true,
      publish: ({ handed, body, id, cause, sender, subject, traceparent }) => {
        if (handed !== undefined) this.#watch(id, handed.message, body);
        bus.publish({ id, cause, sender, subject, traceparent, body });
      },
      subscribe: (subject, deliver, group) =>
        bus.subscribe(
          subject,
          (envelope) => {
            const said = this.#watched.get(envelope.id);
            if (said === undefined || !bytesEqual(said.body, envelope.body))
              return deliver(envelope);
            check(said);
            this.heard += 1;
            deliver({ ...envelope, handed: { message: said.message, bytes: said.body.length } });
          },
          group,
        ),
    },
  });

  #watch(id: string, message: Message, body: Uint8Array): void {
    this.#watched.set(id, { message, body });
    const [oldest] = this.#watched;
    if (this.#watched.size <= WATCHED_MAX || oldest === undefined) return;
    this.#watched.delete(oldest[0]);
    check(oldest[1]);
  }
}

function check({ message, body }: Said): void {
  const { kind } = message;
  assert(bytesEqual(encodeMessage(message), body), `${kind}: changed after it was said`);
  const decoded = CONTRACTS[kind].decode(body);
  assert(decoded.kind === 'valid', `${kind}: does not decode`);
  const difference = differenceOf(message, decoded.value);
  assert(difference === undefined, `${kind}${difference}: not what its encoding says`);
}

/** Where they differ. Nothing is as good as a field that is not there. */
function differenceOf(said: unknown, heard: unknown): string | undefined {
  if (said === heard) return undefined;
  if (said instanceof Uint8Array && heard instanceof Uint8Array)
    return bytesEqual(said, heard) && said.constructor === heard.constructor ? undefined : '';
  if (typeof said !== 'object' || typeof heard !== 'object' || said === null || heard === null)
    return '';
  const [left, right] = [said, heard] as Record<string, unknown>[];
  for (const name of new Set([...Object.keys(said), ...Object.keys(heard)])) {
    const difference = differenceOf(left?.[name], right?.[name]);
    if (difference !== undefined) return `.${name}${difference}`;
  }
  return undefined;
}
