/** The shell: what the door needs from its neighbours, and who answers which request. */
import type { BlsEngine, SignatureEngine } from '@internode/crypto';
import { isManagement, type Principal } from '@internode/encoding';
import { knownSignatures } from '@internode/ingress';
import { assert, bytesEqual, compareBytes, unreachable } from '@internode/prelude';
import type { GatewayConfig } from './config.ts';
import { type Answer, textAnswer, unavailableAnswer } from './core/answer.ts';
import type { Endpoint, GatewayEvent } from './core/event.ts';
import type { ApiRoute, Route } from './core/route.ts';
import { type Health, statusAnswer } from './core/status.ts';
import { Completions } from './edge/completions.ts';
import { type EdgePorts, Neighbours } from './edge/neighbours.ts';
import { answerQuery } from './edge/query.ts';
import { answerReadState } from './edge/read-state.ts';
import { answerCall } from './edge/update.ts';
import type { VerifyLater, Visit, World } from './edge/world.ts';
import { REQUESTS_IN_FLIGHT_MAX, STATUS_READ_MS } from './limits.ts';

export type GatewayParts = {
  readonly ports: EdgePorts;
  readonly config: GatewayConfig;
  readonly signatures: SignatureEngine;
  readonly bls: BlsEngine;
  readonly verifyLater: VerifyLater;
  /** Ed25519 by the secret of the node, off this thread. */
  readonly signLater: (secret: Uint8Array, message: Uint8Array) => Promise<Uint8Array>;
  /** The body of `/metrics`, in the Prometheus text format. */
  readonly metricsText: () => string | Promise<string>;
  /** What is served below /debug/traces; absent when nothing is traced. */
  readonly traces?: { answer(path: string, query: string): Answer } | undefined;
  /** Why nothing new can be certified at present, such as a full disk; undefined when nothing is known to be wrong. */
  readonly trouble?: () => string | undefined | Promise<string | undefined>;
};

/** What came with a route. */
type Request = Pick<Visit<Route>, 'body' | 'startedMs' | 'trace'>;

const NOT_TRACED = textAnswer(
  404,
  'Nothing is traced here: OTEL_SDK_DISABLED or the sampler says so\n',
);
const HEALTHY = textAnswer(200, 'ok\n');

/** Answers routed requests; knows nothing of sockets. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #world: World;
  #certifiedHeight: number | undefined;
  #executes = false;
  /** Until the state says that it shows nothing: it fetches another state from peers, say. */
  #shows = true;
  #isAsking = false;
  #status: Answer | undefined;
  #inFlight = 0;
  #isClosed = false;

  constructor(parts: GatewayParts) {
    const { ports, config, signatures, bls, verifyLater, signLater } = parts;
    const { clock } = ports;
    const { rootKey, nodeId, nodeSecret, canisterRanges } = config;
    assert(rootKey.length === 133 && nodeSecret.length === 32, 'gateway: keys');
    const remembered = knownSignatures();
    this.#parts = parts;
    this.#world = {
      config,
      clock,
      neighbours: new Neighbours(ports),
      completions: new Completions(clock),
      certifiedHeight: () => this.#certifiedHeight,
      signer: { nodeId, sign: (message) => signLater(nodeSecret, message) },
      rules: () => ({
        nowNanos: clock.now().unixNanos,
        signatures,
        bls,
        rootKey,
        knownSignatures: remembered,
      }),
      verifyLater,
      // Clients that create canisters on a development network address the management canister.
      isLocal: (id) => isManagement(id) || isInRanges(canisterRanges, id),
      observe: (event) => this.observe(event),
    };
  }

  /** Begins to hear; asks for the newest certified state until it is told. */
  start(): void {
    const { neighbours, completions } = this.#world;
    neighbours.listen('StateCertified', ({ height, completedRequests }) => {
      completions.complete(completedRequests);
      if (height <= (this.#certifiedHeight ?? -1)) return;
      this.#change(() => {
        this.#certifiedHeight = height;
      });
    });
    neighbours.listen('Readiness', ({ service, ready }) => {
      if (service === 'execution' && ready)
        this.#change(() => {
          this.#executes = true;
        });
      if (service === 'state' && ready !== this.#shows) {
        this.#change(() => {
          this.#shows = ready;
        });
        this.#askForState();
      }
    });
    neighbours.listen('RequestReadiness', ({ service }) => {
      if (service === '' || service === 'gateway') this.#sayReadiness();
    });
    this.#sayReadiness();
    this.#askForState();
  }

  close(): void {
    this.#isClosed = true;
    this.#world.neighbours.close();
  }

  /** Calls and queries are answered: there is a certified state that is shown, and execution is where it is. */
  get isReady(): boolean {
    return this.#certifiedHeight !== undefined && this.#executes && this.#shows;
  }

  observe(event: GatewayEvent): void {
    this.#parts.ports.observe('gateway', event);
  }

  /** Never rejects. `traceparent` is the client's, or ''. */
  async answer(route: Route, body: Uint8Array, traceparent: string): Promise<Answer> {
    const { ports } = this.#parts;
    const endpoint = endpointOf(route);
    const startedMs = ports.clock.now().ms;
    const isTraced = endpoint !== 'status' && endpoint !== 'other';
    const trace = isTraced ? ports.tracer?.request(endpoint, traceparent) : undefined;
    let answer: Answer;
    try {
      answer = await this.#answerRoute(route, { body, startedMs, trace });
    } catch (error) {
      const fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.observe({ kind: 'AnswerFailed', endpoint, fault });
      answer = textAnswer(500, 'The gateway failed to answer');
    }
    trace?.end(
      { 'http.response.status_code': answer.status, 'internode.bytes': body.length },
      answer.status >= 400 ? `HTTP ${answer.status}` : undefined,
    );
    const tookMs = ports.clock.now().ms - startedMs;
    this.observe({ kind: 'RequestAnswered', endpoint, httpStatus: answer.status, tookMs });
    return answer;
  }

  /** Notes an answer that was given before the request was whole. */
  refuse(route: Route, answer: Answer): Answer {
    const endpoint = endpointOf(route);
    this.observe({ kind: 'RequestAnswered', endpoint, httpStatus: answer.status, tookMs: 0 });
    return answer;
  }

  async #answerRoute(route: Route, request: Request): Promise<Answer> {
    switch (route.kind) {
      case 'call':
      case 'query':
      case 'read_state':
        return this.#answerApi(route, request);
      case 'status':
        return this.#statusAnswer();
      case 'health':
        return HEALTHY;
      case 'ready':
        return this.#readyAnswer();
      case 'metrics':
        return textAnswer(200, await this.#parts.metricsText());
      case 'traces':
        return this.#parts.traces?.answer(route.path, route.query) ?? NOT_TRACED;
      case 'preflight':
        return textAnswer(204, '');
      case 'nowhere':
        return route.answer;
      default:
        return unreachable(route);
    }
  }

  async #readyAnswer(): Promise<Answer> {
    // It says why there is no state, too.
    const trouble = await this.#parts.trouble?.();
    if (trouble !== undefined) return textAnswer(503, `${trouble}\n`);
    return this.isReady ? HEALTHY : textAnswer(503, 'no certified state yet\n');
  }

  async #answerApi(route: ApiRoute, request: Request): Promise<Answer> {
    const { target } = route;
    if (target.kind === 'subnet' && !bytesEqual(target.id, this.#world.config.subnetId)) {
      return textAnswer(400, 'The subnet id in the path is not of this subnet');
    }
    if (this.#inFlight >= REQUESTS_IN_FLIGHT_MAX) {
      return unavailableAnswer('Too many requests are being answered');
    }
    this.#inFlight += 1;
    const came = { ...request, traceparent: request.trace?.traceparent ?? '' };
    try {
      switch (route.kind) {
        case 'call':
          return await answerCall(this.#world, { route, ...came });
        case 'query':
          return await answerQuery(this.#world, { route, ...came });
        case 'read_state':
          return await answerReadState(this.#world, { route, ...came });
        default:
          return unreachable(route);
      }
    } finally {
      this.#inFlight -= 1;
    }
  }

  #statusAnswer(): Answer {
    const { rootKey, implementationVersion } = this.#parts.config;
    const health: Health = this.isReady ? 'healthy' : 'waiting_for_certified_state';
    const certifiedHeight = this.#certifiedHeight ?? 0;
    this.#status ??= statusAnswer({ rootKey, implementationVersion, health, certifiedHeight });
    return this.#status;
  }

  /** Changes what readiness depends on, and says so when that makes us ready. */
  #change(change: () => void): void {
    const wasReady = this.isReady;
    change();
    this.#status = undefined;
    if (this.isReady !== wasReady) this.#sayReadiness();
  }

  #sayReadiness(): void {
    this.#world.neighbours.tell({
      kind: 'Readiness',
      service: 'gateway',
      ready: this.isReady,
      height: this.#certifiedHeight ?? 0,
      detail: this.isReady ? '' : 'no certified state yet',
    });
  }

  #askForState(): void {
    if (this.isReady || this.#isClosed || this.#isAsking) return;
    this.#isAsking = true;
    this.#world.neighbours.tell({ kind: 'RequestCertified' });
    for (const service of ['execution', 'state'])
      this.#world.neighbours.tell({ kind: 'RequestReadiness', service });
    this.#world.clock.after(STATUS_READ_MS, () => {
      this.#isAsking = false;
      this.#askForState();
    });
  }
}

function endpointOf(route: Route): Endpoint {
  switch (route.kind) {
    case 'call':
    case 'query':
    case 'read_state':
    case 'status':
      return route.kind;
    default:
      return 'other';
  }
}

function isInRanges(ranges: GatewayConfig['canisterRanges'], id: Principal): boolean {
  return ranges.some(
    ([first, last]) => compareBytes(first, id) <= 0 && compareBytes(id, last) <= 0,
  );
}
