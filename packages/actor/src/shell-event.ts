import type { MessageKind } from '@internode/contracts';

/** Facts about the shell itself, told to `observe` beside the core's own events. */
export type ShellEvent =
  | { readonly kind: 'ShellStarted'; readonly entriesReplayed: number; readonly tookMs: number }
  | { readonly kind: 'ShellStopped' }
  | { readonly kind: 'ShellFailed'; readonly fault: string }
  | { readonly kind: 'ShellRestarting'; readonly failuresInRow: number; readonly delayMs: number }
  /** Bytes on the bus that are not the message they claim to be. Dropped. */
  | {
      readonly kind: 'MessageInvalid';
      readonly message: MessageKind;
      readonly sender: string;
      readonly reason: string;
    }
  /** A full lane forgot this message, or refused it. */
  | { readonly kind: 'MessageDropped' | 'MessageRefused'; readonly message: MessageKind }
  /** A step took longer than the budget: every mailbox of this loop waited. */
  | { readonly kind: 'StepSlow'; readonly input: string; readonly tookMs: number };
