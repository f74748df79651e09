import type { MessageKind } from '@internode/contracts';
import type { Lane, WhenFull } from './mailbox.ts';

/** One kind of message a service listens to, and what becomes of it when too many wait. */
export interface Hearing {
  readonly kind: MessageKind;
  readonly lane: Lane;
  readonly whenFull: WhenFull;
  /** Of all services that name this group, one hears each message. Absent: each hears all. */
  readonly group?: string;
}

/** What one client of a bus may say and hear. */
export interface Subjects {
  readonly says: readonly MessageKind[];
  readonly hears: readonly MessageKind[];
}
