import type { MailboxLimits } from './mailbox.ts';

export interface ServiceLimits extends MailboxLimits {
  /** A step that takes longer is an event. */
  readonly stepBudgetMs: number;
  /** After so long, others in the same process have their turn. */
  readonly turnBudgetMs: number;
}

export const SERVICE_LIMITS: ServiceLimits = {
  control: { itemsMax: 4096, bytesMax: 64 * 1024 * 1024 },
  bulk: { itemsMax: 4096, bytesMax: 64 * 1024 * 1024 },
  stepBudgetMs: 5,
  turnBudgetMs: 2,
};
