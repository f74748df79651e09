// The replica under test: started as its users start it, with the counter installed, and measured from outside.
import { randomBytes } from 'node:crypto';
import { loadFastBls } from '@internode/crypto/fast';
import { candid, type Principal, principalFromText } from '@internode/encoding';
import {
  anonymousRequest,
  Connection,
  deployCounter,
  generateSigner,
  NO_ARGUMENTS,
  type Prepared,
  postAll,
  readCallAnswer,
  readQueryAnswer,
  type Signer,
  signedRequest,
  type Trust,
} from '@internode/loadtest';
import { fromHex } from '@internode/prelude';
import { type Replica, startReplica } from '../e2e/runner/replica.ts';
import { descendants } from '../e2e/runner/services.ts';
import { end, type Household } from './household.ts';
import { type Measured, measured } from './measure.ts';

/** Requests live five minutes at most (interface-spec 1.4). */
const EXPIRY_MS = 280_000;
const SENDERS = 1000;
/** Every answer is read and checked; of the certificates, one in so many has its BLS signature verified. */
const VERIFIED_EVERY = 200;

export interface SubjectOptions {
  readonly args?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** Spawns the command and answers the milliseconds until it said that it is ready. */
export async function startMeasured(
  household: Household,
  dataDir: string,
  { args = [], environment = {} }: SubjectOptions = {},
): Promise<{ readonly replica: Replica; readonly readyMs: number }> {
  const startedAt = performance.now();
  const replica = await startReplica({
    dataDir,
    args: ['--quiet', ...args],
    environment,
    spawned: (child) => household.keep(child),
  });
  return { replica, readyMs: performance.now() - startedAt };
}

export class Subject {
  readonly replica: Replica;
  readonly #trust: Trust;
  readonly #canisterText: string;
  readonly #canisterId: Principal;
  readonly #signers: readonly Signer[] = Array.from({ length: SENDERS }, generateSigner);
  #updates = 0;
  #verified = 0;

  private constructor(replica: Replica, trust: Trust, canisterText: string, canisterId: Principal) {
    this.replica = replica;
    this.#trust = trust;
    this.#canisterText = canisterText;
    this.#canisterId = canisterId;
  }

  static async start(household: Household, options: SubjectOptions = {}): Promise<Subject> {
    const { replica } = await startMeasured(household, household.folder(), options);
    const trust = { rootKey: fromHex(replica.rootKey), bls: await loadFastBls() };
    const text = await deployCounter(replica.gatewayUrl);
    const id = principalFromText(text);
    if (id.kind !== 'valid') throw new Error(id.reason);
    return new Subject(replica, trust, text, id.value);
  }

  get pid(): number {
    return this.replica.pid;
  }

  /** Its processes, when services are apart. */
  get pids(): readonly number[] {
    return [this.pid, ...descendants(this.pid).map(({ pid }) => pid)];
  }

  get updates(): number {
    return this.#updates;
  }

  /** How many certificates had their signature verified so far. */
  get verified(): number {
    return this.#verified;
  }

  /**
   * So many certified updates, each signed by one of a thousand identities before the clock starts. With `tracedShare` each has a trace
   * context, of which so many say that they are sampled.
   */
  async update(count: number, concurrency: number, tracedShare?: number): Promise<Measured> {
    const requests = this.#prepare(count, 'call', 'inc', true);
    const contexts = tracedShare === undefined ? undefined : contextsOf(count, tracedShare);
    const { figures, answers } = await this.#post('v4', 'call', requests, concurrency, contexts);
    this.#updates += count;
    answers.forEach((answer, index) => {
      const verifies = index % VERIFIED_EVERY === 0;
      const trust = verifies ? this.#trust : undefined;
      const read = readCallAnswer(answer, requests[index]?.requestId ?? NO_ARGUMENTS, trust);
      if (read.kind !== 'replied')
        throw new Error(`update ${index} of ${count} was not replied: ${JSON.stringify(read)}`);
      if (verifies) this.#verified++;
    });
    return figures;
  }

  /** So many queries of the counter's value, signed by a thousand identities or anonymous. */
  async query(count: number, concurrency: number, signed: boolean): Promise<Measured> {
    const requests = this.#prepare(count, 'query', 'get', signed);
    const { figures, answers } = await this.#post('v3', 'query', requests, concurrency);
    const expected = this.#updates;
    answers.forEach((answer, index) => {
      const { replied, content } = readQueryAnswer(answer);
      if (!replied || numberIn(content) !== expected)
        throw new Error(`query ${index} of ${count}: expected ${expected}`);
    });
    return figures;
  }

  /** Throws unless the canister counted every update exactly once. */
  async checkCount(): Promise<void> {
    const connection = await Connection.open(this.replica.gatewayUrl);
    const [request] = this.#prepare(1, 'query', 'get', false);
    const path = `/api/v3/canister/${this.#canisterText}/query`;
    const answer = await connection.post(path, request?.body ?? NO_ARGUMENTS);
    connection.close();
    const counted = numberIn(readQueryAnswer(answer).content);
    if (counted !== this.#updates)
      throw new Error(`the canister counted ${counted} of ${this.#updates} updates`);
  }

  stop(): Promise<void> {
    return end(this.replica.process);
  }

  #prepare(count: number, kind: 'call' | 'query', method: string, signed: boolean): Prepared[] {
    const canisterId = this.#canisterId;
    const expiryMs = Date.now() + EXPIRY_MS;
    const fields = { kind, canisterId, method, argument: NO_ARGUMENTS, expiryMs };
    return Array.from({ length: count }, (_, index) =>
      signed
        ? signedRequest(fields, this.#signers[index % SENDERS] as Signer)
        : anonymousRequest(fields),
    );
  }

  async #post(
    version: string,
    action: string,
    requests: readonly Prepared[],
    concurrency: number,
    traceparents?: readonly string[],
  ): Promise<{
    readonly figures: Measured;
    readonly answers: Awaited<ReturnType<typeof postAll>>['answers'];
  }> {
    let answers: Awaited<ReturnType<typeof postAll>>['answers'] = [];
    const figures = await measured(this.pids, async () => {
      const posted = await postAll({
        url: this.replica.gatewayUrl,
        path: `/api/${version}/canister/${this.#canisterText}/${action}`,
        bodies: requests.map(({ body }) => body),
        concurrency,
        traceparents,
      });
      answers = posted.answers;
      return posted.figures;
    });
    return { figures, answers };
  }
}

function contextsOf(count: number, share: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const sampled = Math.floor((index + 1) * share) > Math.floor(index * share);
    const trace = randomBytes(16).toString('hex');
    return `00-${trace}-${randomBytes(8).toString('hex')}-0${sampled ? 1 : 0}`;
  });
}

function numberIn(content: Uint8Array): number {
  const decoded = candid.decode([candid.nat], content);
  if (decoded.kind !== 'valid') throw new Error(decoded.reason);
  return Number(decoded.value[0]);
}
