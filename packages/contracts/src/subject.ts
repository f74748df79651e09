import { CONTRACTS, type MessageKind } from './gen/messages.ts';

/** Where a service stands: tokens of every subject it uses. Subnet and node are short printable names. */
export interface Place {
  readonly subnet: string;
  readonly node: string;
}

/** `internode.<subnet>.<node>.<service>.<message>`. Derived, never typed by hand. */
export function subjectOf(place: Place, kind: MessageKind): string {
  const { service, token } = CONTRACTS[kind];
  return `internode.${place.subnet}.${place.node}.${service}.${token}`;
}
