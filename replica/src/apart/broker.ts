// The node's own nats-server: on a free port of the loopback, started again on the same port when it ends.
import { findNatsServer, type NatsServer, runNatsServer } from '@internode/bus/server';
import { StartFault } from '../start-fault.ts';

export interface BrokerOptions {
  /** The configuration that it runs with. */
  readonly config: string;
  readonly say: (level: 'info' | 'warn', text: string, fields: Record<string, unknown>) => void;
  readonly onGivenUp: (fault: Error) => void;
}

const RESTART_MS = 20;
const STARTS_MAX = 20;

export class Broker {
  readonly #options: BrokerOptions;
  readonly #binary: string;
  #server: NatsServer | undefined;
  #starting: Promise<void> | undefined;
  #stopping = false;

  static async start(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options);
    await broker.#start();
    return broker;
  }

  private constructor(options: BrokerOptions) {
    this.#options = options;
    this.#binary = binaryPath();
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#starting;
    await this.#server?.stop();
  }

  async #start(): Promise<void> {
    const port = this.#server?.port;
    this.#server = await runNatsServer({
      binary: this.#binary,
      args: ['-c', this.#options.config],
      ...(port !== undefined && { port }),
      onEnded: (how) => {
        this.#options.say('warn', 'the broker ended and is started again', { how });
        this.#starting = this.#again();
      },
    });
  }

  async #again(): Promise<void> {
    for (let attempt = 1; !this.#stopping; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, RESTART_MS * attempt));
      try {
        return await this.#start();
      } catch (fault) {
        if (attempt < STARTS_MAX) continue;
        return this.#options.onGivenUp(fault as Error);
      }
    }
  }
}

function binaryPath(): string {
  try {
    return findNatsServer(() => {});
  } catch (fault) {
    throw new StartFault(
      (fault as Error).message,
      'or name a broker that runs with --bus nats://host:port, or leave --placement away',
    );
  }
}
