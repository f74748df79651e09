// Two small services that a world can run: a ledger that numbers requests durably, and clients that ask until answered.
import { type Core, type Effect, type Input, Service } from '@internode/actor';
import type { Message } from '@internode/contracts';
import { type Checker, role } from '../src/index.ts';

export type LedgerEvent = {
  readonly kind: 'Numbered';
  readonly request: number;
  readonly height: number;
};
export type ClientEvent = {
  readonly kind: 'Answered';
  readonly request: number;
  readonly height: number;
};

/** Keeps what it numbered; `eager` answers before the number is durable, which is the bug that crashes find. */
class Ledger implements Core<number, number, LedgerEvent> {
  readonly #heights = new Map<number, number>();
  readonly #eager: boolean;

  constructor(eager: boolean) {
    this.#eager = eager;
  }

  step(_now: unknown, input: Input<number>): Effect<number, LedgerEvent>[] {
    if (input.kind === 'replayed') {
      const request = new DataView(input.entry.buffer, input.entry.byteOffset).getUint32(0);
      if (!this.#heights.has(request)) this.#heights.set(request, this.#heights.size + 1);
    }
    if (input.kind === 'message' && input.message.kind === 'RequestBeacon') {
      const { height: request } = input.message;
      return [{ kind: 'solve', id: String(request), task: request }];
    }
    return input.kind === 'solved' ? this.#number(input.answer) : [];
  }

  #number(request: number): Effect<number, LedgerEvent>[] {
    // A known number may not be durable yet, so that an answer to a repeated request waits for the disk like the first.
    const height = this.#heights.get(request) ?? this.#heights.size + 1;
    this.#heights.set(request, height);
    const entry = new Uint8Array(4);
    new DataView(entry.buffer).setUint32(0, request);
    const then: Effect<number, LedgerEvent>[] = [
      { kind: 'publish', message: answerOf(request, height) },
      { kind: 'observe', event: { kind: 'Numbered', request, height } },
    ];
    return this.#eager
      ? [{ kind: 'persist', entry, then: [] }, ...then]
      : [{ kind: 'persist', entry, then }];
  }
}

function answerOf(request: number, height: number): Message {
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, request);
  return { kind: 'BeaconValue', height, value };
}

/** Asks for one request after the other, each until it is answered. */
class Client implements Core<never, never, ClientEvent> {
  readonly #last: number;
  #request = 1;
  /** Told again after a crash: it may have come between the disk and the telling. */
  readonly #replayed: ClientEvent[] = [];

  constructor(last: number) {
    this.#last = last;
  }

  step(_now: unknown, input: Input<never>): Effect<never, ClientEvent>[] {
    switch (input.kind) {
      case 'started': {
        const told = this.#replayed.map((event) => ({ kind: 'observe', event }) as const);
        return [...told, ...this.#ask()];
      }
      case 'timer':
        return this.#ask();
      case 'replayed': {
        const view = new DataView(input.entry.buffer);
        const [request, height] = [view.getUint32(0), view.getUint32(4)];
        this.#replayed.push({ kind: 'Answered', request, height });
        this.#request = request + 1;
        return [];
      }
      case 'message': {
        if (input.message.kind !== 'BeaconValue') return [];
        const { height, value } = input.message;
        const request = new DataView(value.buffer).getUint32(0);
        if (request !== this.#request) return [];
        this.#request += 1;
        const event = { kind: 'Answered', request, height } as const;
        const entry = new Uint8Array(8);
        entry.set(value);
        new DataView(entry.buffer).setUint32(4, height);
        return [{ kind: 'persist', entry, then: [{ kind: 'observe', event }, ...this.#ask()] }];
      }
      default:
        return [];
    }
  }

  #ask(): Effect<never, ClientEvent>[] {
    if (this.#request > this.#last) return [{ kind: 'cancel', token: 'again' }];
    return [
      { kind: 'publish', message: { kind: 'RequestBeacon', height: this.#request } },
      { kind: 'wait', token: 'again', delayMs: 40 },
    ];
  }
}

export function ledgerNode(options: { readonly eager?: boolean; readonly requests?: number } = {}) {
  const ledger = new Service<number, number, LedgerEvent>({
    name: 'ledger',
    hears: [{ kind: 'RequestBeacon', lane: 'bulk', whenFull: 'refuse' }],
    core: () => new Ledger(options.eager ?? false),
  });
  const client = new Service<never, never, ClientEvent>({
    name: 'client',
    hears: [{ kind: 'BeaconValue', lane: 'control', whenFull: 'crash' }],
    core: () => new Client(options.requests ?? 100),
  });
  return {
    place: { subnet: 's', node: 'n1' },
    roles: [role(ledger, (request) => request), role(client)],
  };
}

/** One height per request and one request per height, whatever crashes. */
export class Agreement implements Checker {
  readonly name = 'agreement';
  readonly answered = new Map<number, number>();
  readonly #requestAt = new Map<number, number>();
  readonly #requests: number;

  constructor(requests: number) {
    this.#requests = requests;
  }

  onEvent({ event }: Parameters<Checker['onEvent']>[0]): string | undefined {
    if (event.kind !== 'Answered' && event.kind !== 'Numbered') return undefined;
    const { request, height } = event as LedgerEvent | ClientEvent;
    const other = this.#requestAt.get(height) ?? request;
    this.#requestAt.set(height, request);
    if (other !== request) return `height ${height} given to request ${other} and ${request}`;
    if (event.kind === 'Answered') this.answered.set(request, height);
    return undefined;
  }

  atEnd(): string | undefined {
    const missing = this.#requests - this.answered.size;
    return missing === 0 ? undefined : `${missing} requests never answered`;
  }
}
