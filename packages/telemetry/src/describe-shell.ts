import type { Description, ShellEvent } from '@internode/actor';
import { unreachable } from '@internode/prelude';

const SHELL_KINDS: ReadonlySet<string> = new Set<ShellEvent['kind']>([
  'ShellStarted',
  'ShellStopped',
  'ShellFailed',
  'ShellRestarting',
  'MessageInvalid',
  'MessageDropped',
  'MessageRefused',
  'StepSlow',
]);

export function isShellEvent(event: unknown): event is ShellEvent {
  return SHELL_KINDS.has((event as { kind: string }).kind);
}

export function describeShell(event: ShellEvent): Description {
  switch (event.kind) {
    case 'ShellStarted': {
      const fields = { entriesReplayed: event.entriesReplayed, tookMs: rounded(event.tookMs) };
      return { log: { level: 'debug', text: 'started', fields } };
    }
    case 'ShellStopped':
      return { log: { level: 'debug', text: 'stopped' } };
    case 'ShellFailed':
      return {
        log: { level: 'error', text: 'failed', fields: { fault: event.fault } },
        metrics: [{ kind: 'count', name: 'failures_total' }],
      };
    case 'ShellRestarting': {
      const fields = { failuresInRow: event.failuresInRow, delayMs: event.delayMs };
      return { log: { level: 'warn', text: 'restarting from the journal', fields } };
    }
    case 'MessageInvalid': {
      const { message, sender, reason } = event;
      return {
        log: {
          level: 'warn',
          text: 'malformed message dropped',
          fields: { message, sender, reason },
        },
        metrics: [{ kind: 'count', name: 'messages_invalid_total', labels: { message } }],
      };
    }
    case 'MessageDropped':
    case 'MessageRefused': {
      const { message } = event;
      const what = event.kind === 'MessageDropped' ? 'dropped' : 'refused';
      return {
        log: { level: 'debug', text: `mailbox full, message ${what}`, fields: { message } },
        metrics: [{ kind: 'count', name: `messages_${what}_total`, labels: { message } }],
      };
    }
    case 'StepSlow': {
      const { input, tookMs } = event;
      return {
        log: { level: 'debug', text: 'slow step', fields: { input, tookMs: rounded(tookMs) } },
        metrics: [{ kind: 'count', name: 'steps_slow_total', labels: { input } }],
      };
    }
    default:
      return unreachable(event);
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
