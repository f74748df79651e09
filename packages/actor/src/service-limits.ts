import type { MailboxLimits } from './mailbox.ts';

export interface ServiceLimits extends MailboxLimits {
  /** A step that takes longer is an event. */
  readonly stepBudgetMs: number;
  /**
   * After so long, others in the same process have their turn, and sockets are read: what clients send while a block of their calls is
   * answered is on its way to be verified before the last answer is written.
   */
  readonly turnBudgetMs: number;
}

export const SERVICE_LIMITS: ServiceLimits = {
  control: { itemsMax: 4096, bytesMax: 64 * 1024 * 1024 },
  bulk: { itemsMax: 4096, bytesMax: 64 * 1024 * 1024 },
  stepBudgetMs: 5,
  turnBudgetMs: 0.25,
};
