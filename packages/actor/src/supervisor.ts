import type { Cancel, Clock, Observe, Ports } from './ports.ts';
import type { Startable } from './service.ts';
import type { ShellEvent } from './shell-event.ts';

export interface SupervisorOptions {
  readonly clock: Clock;
  readonly observe: Observe;
  /** The node must stop: this service failed `FAILURES_MAX` times in a row. Every service is stopped by then. */
  readonly onGivenUp: (service: string, fault: unknown) => void;
}

/** So many failures without `CALM_MS` of health between them stop the node. */
export const FAILURES_MAX = 3;
export const CALM_MS = 10_000;
const RESTART_DELAY_MS = 50;

/** Keeps services running: one that breaks is started again from its journal; one that keeps breaking stops the node. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  /** In order of start. */
  readonly #stops: Cancel[] = [];

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Starts the service and keeps it running until `stop`. `portsOf` is asked at every start. */
  watch<Task, Answer>(service: Startable<Task, Answer>, portsOf: () => Ports<Task, Answer>): void {
    const { clock, observe, onGivenUp } = this.#options;
    let failuresInRow = 0;
    let startedMs = 0;
    let cancelRestart: Cancel = () => {};

    const failed = (fault: unknown): void => {
      if (clock.now().ms - startedMs >= CALM_MS) failuresInRow = 0;
      failuresInRow += 1;
      if (failuresInRow >= FAILURES_MAX) {
        this.stop();
        return onGivenUp(service.name, fault);
      }
      const delayMs = RESTART_DELAY_MS * failuresInRow;
      const event: ShellEvent = { kind: 'ShellRestarting', failuresInRow, delayMs };
      observe(service.name, event);
      cancelRestart = clock.after(delayMs, start);
    };
    const start = (): void => {
      startedMs = clock.now().ms;
      try {
        service.start(portsOf(), failed);
      } catch (fault) {
        const text = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
        const event: ShellEvent = { kind: 'ShellFailed', fault: text };
        observe(service.name, event);
        failed(fault);
      }
    };
    this.#stops.push(() => {
      cancelRestart();
      service.stop();
    });
    start();
  }

  /** Stops every service, the last started first. */
  stop(): void {
    for (const stop of this.#stops.splice(0).reverse()) stop();
  }
}
