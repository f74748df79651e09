import { Connection } from './connection.ts';
import type { HttpAnswer } from './http-answer.ts';

export interface OpenLoopOptions {
  readonly url: string;
  readonly path: string;
  readonly concurrency: number;
  /** Requests per second, sent on a fixed beat whether or not earlier ones were answered. */
  readonly rate: number;
  readonly count: number;
  /** The body of request `index`, made when it is due. */
  readonly body: (index: number) => Uint8Array;
  readonly answered: (answer: HttpAnswer, index: number, latencyMs: number) => void;
}

export interface OpenLoopFigures {
  /** Of answered requests, from the instant they were due: waiting for a free connection counts. */
  readonly latenciesMs: readonly number[];
  /** Of the same requests, from the instant they were sent: what other generators call the duration of a request. */
  readonly requestsMs: readonly number[];
  /** Requests without an answer: their connection broke or none could be opened. */
  readonly broken: number;
  /** The longest line of due requests that waited for a free connection. */
  readonly backlogMax: number;
  readonly seconds: number;
}

/** The finest that a timer is. */
const BEAT_MS_MIN = 1;

/** Sends at a fixed rate over at most so many connections; ends when everything was answered or broken. */
export async function runOpenLoop(options: OpenLoopOptions): Promise<OpenLoopFigures> {
  const connections = await Promise.all(
    Array.from({ length: options.concurrency }, () => Connection.open(options.url)),
  );
  const loop = new OpenLoop(options, connections);
  return loop.run();
}

interface Due {
  readonly index: number;
  readonly atMs: number;
  readonly body: Uint8Array;
}

class OpenLoop {
  readonly #options: OpenLoopOptions;
  readonly #free: Connection[];
  readonly #waiting: Due[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #requestsMs: number[] = [];
  readonly #startedMs = performance.now();
  #connected: number;
  #next = 0;
  #broken = 0;
  #backlogMax = 0;
  #end: () => void = () => undefined;

  constructor(options: OpenLoopOptions, connections: readonly Connection[]) {
    this.#options = options;
    this.#free = [...connections];
    this.#connected = connections.length;
  }

  async run(): Promise<OpenLoopFigures> {
    await new Promise<void>((resolve) => {
      this.#end = resolve;
      this.#beat();
    });
    for (const connection of this.#free) connection.close();
    return {
      latenciesMs: this.#latenciesMs,
      requestsMs: this.#requestsMs,
      broken: this.#broken,
      backlogMax: this.#backlogMax,
      seconds: (performance.now() - this.#startedMs) / 1000,
    };
  }

  #beat(): void {
    const { rate, count, body } = this.#options;
    const nowMs = performance.now();
    const dueAt = (index: number): number => this.#startedMs + (index * 1000) / rate;
    for (; this.#next < count; this.#next++) {
      const atMs = dueAt(this.#next);
      if (atMs > nowMs) break;
      this.#waiting.push({ index: this.#next, atMs, body: body(this.#next) });
    }
    this.#pump();
    if (this.#next === count) return;
    const untilMs = Math.ceil(dueAt(this.#next) - performance.now());
    setTimeout(() => this.#beat(), Math.max(untilMs, BEAT_MS_MIN));
  }

  #pump(): void {
    // Nobody left to send: what is due now counts as broken, and so will the rest.
    if (this.#connected === 0) this.#broken += this.#waiting.splice(0).length;
    while (this.#waiting.length > 0) {
      const connection = this.#free.pop();
      if (connection === undefined) break;
      void this.#exchange(connection, this.#waiting.shift() as Due);
    }
    this.#backlogMax = Math.max(this.#backlogMax, this.#waiting.length);
    if (this.#latenciesMs.length + this.#broken === this.#options.count) this.#end();
  }

  async #exchange(held: Connection, due: Due): Promise<void> {
    const { path, url, answered } = this.#options;
    // A server may close what has been idle for long: nothing was lost with it.
    const connection = held.isClosed
      ? ((await Connection.open(url).catch(() => undefined)) ?? held)
      : held;
    const sentMs = performance.now();
    const answer = await connection.post(path, due.body).catch(() => undefined);
    if (answer !== undefined) {
      const nowMs = performance.now();
      const latencyMs = nowMs - due.atMs;
      this.#requestsMs.push(nowMs - sentMs);
      this.#latenciesMs.push(latencyMs);
      answered(answer, due.index, latencyMs);
      this.#free.push(connection);
    } else {
      this.#broken++;
      connection.close();
      const fresh = await Connection.open(url).catch(() => undefined);
      if (fresh) this.#free.push(fresh);
      else this.#connected--;
    }
    this.#pump();
  }
}
