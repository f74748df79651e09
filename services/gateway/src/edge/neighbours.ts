/** The other services, as the flows of requests need them: questions with deadlines. */
import { Caller, type MessageOf, type Ports } from '@internode/actor';
import type {
  CertifiedRead,
  ExecuteQuery,
  IngressAdmitted,
  IngressInspected,
  IngressRefused,
  InspectIngress,
  Message,
  QueryAnswered,
  SubmitIngress,
} from '@internode/contracts';
import { toHex } from '@internode/prelude';
import { ATTEMPT_MS, ATTEMPTS, QUERY_DEADLINE_MS, QUESTIONS_MAX } from '../limits.ts';

export type EdgePorts = Pick<Ports, 'place' | 'bus' | 'clock' | 'entropy' | 'observe' | 'tracer'>;

type Question = { readonly message: Message; readonly key: string; readonly traceparent: string };

/** Every answer is undefined when none came in time, or too many questions are open. */
export class Neighbours {
  readonly #caller: Caller;
  readonly #idPrefix = new Uint8Array(16);
  /** Questions that wait for an answer, by who has to give it. */
  readonly #open = new Map<string, Set<Question>>();
  #idCount = 0;

  constructor(ports: EdgePorts) {
    ports.entropy.fill(this.#idPrefix);
    this.#caller = new Caller({
      name: 'gateway',
      ports,
      pendingMax: QUESTIONS_MAX,
      keyOf: {
        IngressInspected: ({ requestId }) => `inspect ${toHex(requestId)}`,
        IngressAdmitted: ({ requestId }) => `submit ${toHex(requestId)}`,
        IngressRefused: ({ requestId }) => `submit ${toHex(requestId)}`,
        QueryAnswered: ({ queryId }) => toHex(queryId),
        CertifiedRead: ({ readId }) => toHex(readId),
      },
    });
    // Whoever begins to hear has not heard what was asked before: what a service took with it when it ended is asked again at once.
    this.#caller.listen('Readiness', ({ service, ready }) => {
      if (!ready) return;
      for (const { message, traceparent } of this.#open.get(service) ?? [])
        this.#caller.tell(message, traceparent);
    });
  }

  inspect(message: InspectIngress, traceparent: string): Promise<IngressInspected | undefined> {
    const key = `inspect ${toHex(message.requestId)}`;
    return this.#askAgain('execution', { message, key, traceparent }) as Promise<
      IngressInspected | undefined
    >;
  }

  submit(
    message: SubmitIngress,
    traceparent: string,
  ): Promise<IngressAdmitted | IngressRefused | undefined> {
    const key = `submit ${toHex(message.ingress.requestId)}`;
    return this.#askAgain('p2p', { message, key, traceparent }) as Promise<
      IngressAdmitted | IngressRefused | undefined
    >;
  }

  async query(
    query: Omit<ExecuteQuery, 'kind' | 'queryId'>,
    traceparent: string,
  ): Promise<QueryAnswered | undefined> {
    const queryId = this.#nextId();
    const asked = await this.#caller.ask({
      message: { kind: 'ExecuteQuery', queryId, ...query },
      key: toHex(queryId),
      deadlineMs: QUERY_DEADLINE_MS,
      traceparent,
    });
    return asked.kind === 'answered' ? (asked.message as QueryAnswered) : undefined;
  }

  read(
    paths: readonly (readonly Uint8Array[])[],
    traceparent: string,
  ): Promise<CertifiedRead | undefined> {
    const readId = this.#nextId();
    const message: Message = {
      kind: 'ReadCertified',
      readId,
      paths: paths.map((labels) => ({ labels })),
    };
    return this.#askAgain('state', { message, key: toHex(readId), traceparent }) as Promise<
      CertifiedRead | undefined
    >;
  }

  tell(message: Message): void {
    this.#caller.tell(message);
  }

  listen<Kind extends 'StateCertified' | 'Readiness' | 'RequestReadiness'>(
    kind: Kind,
    deliver: (message: MessageOf<Kind>) => void,
  ): void {
    this.#caller.listen(kind, deliver);
  }

  close(): void {
    this.#caller.close();
  }

  /** All our questions may be heard twice without harm. */
  async #askAgain(service: string, question: Question): Promise<Message | undefined> {
    const open = this.#open.get(service) ?? new Set();
    this.#open.set(service, open.add(question));
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const asked = await this.#caller.ask({ ...question, deadlineMs: ATTEMPT_MS });
        if (asked.kind === 'answered') return asked.message;
        if (asked.kind === 'busy') return undefined;
      }
      return undefined;
    } finally {
      open.delete(question);
    }
  }

  /** Unique to this process by its random part, and within it by the count. */
  #nextId(): Uint8Array {
    const id = this.#idPrefix.slice();
    this.#idCount += 1;
    new DataView(id.buffer).setBigUint64(8, BigInt(this.#idCount));
    return id;
  }
}
