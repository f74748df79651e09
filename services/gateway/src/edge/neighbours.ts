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
import { toKey } from '@internode/prelude';
import { ATTEMPTS_MS, QUERY_ATTEMPT_MS, QUERY_DEADLINE_MS, QUESTIONS_MAX } from '../limits.ts';

export type EdgePorts = Pick<Ports, 'place' | 'bus' | 'clock' | 'entropy' | 'observe' | 'tracer'>;

/** How long the answer is waited for, and how long each further time. */
interface Attempts {
  readonly deadlineMs: number;
  readonly againMs: readonly number[];
}

const [FIRST_MS, ...AGAIN_MS] = ATTEMPTS_MS;
const ATTEMPTS: Attempts = { deadlineMs: FIRST_MS, againMs: AGAIN_MS };
const QUERY_ATTEMPTS: Attempts = {
  deadlineMs: QUERY_ATTEMPT_MS,
  againMs: [QUERY_DEADLINE_MS - QUERY_ATTEMPT_MS],
};

/** Who answers: a service, or whoever answers queries. */
type Answerer = 'execution' | 'p2p' | 'state' | 'queries';

/** Whose questions are asked again when a service says that it hears. */
const ANSWERERS: Readonly<Record<string, readonly Answerer[]>> = {
  execution: ['execution', 'queries'],
  follower: ['queries'],
  p2p: ['p2p'],
  state: ['state'],
};

type Question = { readonly message: Message; readonly key: string; readonly traceparent: string };

/** Every answer is undefined when none came in time, or too many questions are open. */
export class Neighbours {
  readonly #caller: Caller;
  readonly #idPrefix = new Uint8Array(16);
  /** Questions that wait for an answer, by who has to give it. */
  readonly #open = new Map<Answerer, Set<Question>>();
  #idCount = 0;

  constructor(ports: EdgePorts) {
    ports.entropy.fill(this.#idPrefix);
    this.#caller = new Caller({
      name: 'gateway',
      ports,
      pendingMax: QUESTIONS_MAX,
      keyOf: {
        IngressInspected: ({ requestId }) => `inspect ${toKey(requestId)}`,
        IngressAdmitted: ({ requestId }) => `submit ${toKey(requestId)}`,
        IngressRefused: ({ requestId }) => `submit ${toKey(requestId)}`,
        QueryAnswered: ({ queryId }) => toKey(queryId),
        CertifiedRead: ({ readId }) => toKey(readId),
      },
    });
    // Whoever begins to hear has not heard what was asked before: what a service took with it when it ended is asked again at once.
    this.#caller.listen('Readiness', ({ service, ready }) => {
      if (!ready) return;
      for (const answerer of ANSWERERS[service] ?? [])
        for (const { message, traceparent } of this.#open.get(answerer) ?? [])
          this.#caller.tell(message, traceparent);
    });
  }

  inspect(message: InspectIngress, traceparent: string): Promise<IngressInspected | undefined> {
    const key = `inspect ${toKey(message.requestId)}`;
    return this.#askAgain('execution', { message, key, traceparent }) as Promise<
      IngressInspected | undefined
    >;
  }

  submit(
    message: SubmitIngress,
    traceparent: string,
  ): Promise<IngressAdmitted | IngressRefused | undefined> {
    const key = `submit ${toKey(message.ingress.requestId)}`;
    return this.#askAgain('p2p', { message, key, traceparent }) as Promise<
      IngressAdmitted | IngressRefused | undefined
    >;
  }

  query(
    query: Omit<ExecuteQuery, 'kind' | 'queryId'>,
    traceparent: string,
  ): Promise<QueryAnswered | undefined> {
    const queryId = this.#nextId();
    const message: Message = { kind: 'ExecuteQuery', queryId, ...query };
    const question = { message, key: toKey(queryId), traceparent };
    return this.#askAgain('queries', question, QUERY_ATTEMPTS) as Promise<
      QueryAnswered | undefined
    >;
  }

  /** `certificateOnly`: without the facts that tell who may see what. */
  read(
    paths: readonly (readonly Uint8Array[])[],
    traceparent: string,
    certificateOnly = false,
  ): Promise<CertifiedRead | undefined> {
    const readId = this.#nextId();
    const message: Message = {
      kind: 'ReadCertified',
      readId,
      paths: paths.map((labels) => ({ labels })),
      certificateOnly,
    };
    return this.#askAgain('state', { message, key: toKey(readId), traceparent }) as Promise<
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
  #askAgain(
    answerer: Answerer,
    question: Question,
    attempts: Attempts = ATTEMPTS,
  ): Promise<Message | undefined> {
    const open = this.#open.get(answerer) ?? new Set();
    this.#open.set(answerer, open.add(question));
    return this.#caller.ask({ ...question, ...attempts }).then((asked) => {
      open.delete(question);
      return asked.kind === 'answered' ? asked.message : undefined;
    });
  }

  /** Unique to this process by its random part, and within it by the count. */
  #nextId(): Uint8Array {
    const id = this.#idPrefix.slice();
    this.#idCount += 1;
    new DataView(id.buffer).setBigUint64(8, BigInt(this.#idCount));
    return id;
  }
}
