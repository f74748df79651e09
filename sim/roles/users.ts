// The people at the gateways' doors: they create and install one canister, mark numbers in it, upgrade it in the middle, and
// ask for the total. They are elsewhere: they outlive every crash, come again until they have their answer, each time to the
// next door, and check it.
import type { Clock } from '@internode/actor';
import { principalToText } from '@internode/encoding';
import type { Answer } from '@internode/gateway';
import { concatBytes } from '@internode/prelude';
import { judgeCall, judgeQuery, type Trust } from './answers.ts';
import {
  type Content,
  contentOf,
  type Envelope,
  envelopeOf,
  type Identity,
  numberBytes,
  type Planned,
  planOf,
  queryContent,
  readContent,
  type Subject,
} from './requests.ts';

export type UserEvent =
  | { readonly kind: 'CallSent'; readonly call: number; readonly attempt: number }
  /** A verified certificate shows the outcome. */
  | {
      readonly kind: 'CallAnswered';
      readonly call: number;
      readonly planned: Planned;
      readonly status: string;
      readonly reply: Uint8Array;
    }
  /** `atLeast`: marks whose certificate was here before the query was sent. */
  | {
      readonly kind: 'TotalAnswered';
      readonly total: number;
      readonly ticks: number;
      readonly atLeast: number;
    }
  | { readonly kind: 'AnswerBad'; readonly reason: string }
  | { readonly kind: 'Finished' };

/** What answers a request over HTTP; undefined when the connection broke. */
export type Door = (path: string, body: Uint8Array) => Promise<Answer | undefined>;

export interface UsersConfig extends Subject {
  readonly trust: Trust;
  readonly marks: number;
  /** Mean pause between two first attempts. */
  readonly pauseMs: number;
  /** 32 bytes that names, keys and pauses are drawn from. */
  readonly seed: Uint8Array;
}

/** How a user goes about a call. */
interface Manner {
  readonly version: 2 | 3 | 4;
  /** After so long the user hangs up and comes again. */
  readonly patienceMs: number;
  readonly signs: boolean;
}

interface Call extends Envelope {
  readonly index: number;
  readonly planned: Planned;
  readonly manner: Manner;
  /** One more invalidates what is still under way. */
  attempt: number;
  /** Where the last attempt was made. */
  door: number;
  /** Reads of the status before the call is sent again. */
  readsLeft: number;
  done: boolean;
}

interface Knock {
  readonly path: string;
  readonly body: Uint8Array;
  /** Of the call's status. */
  readonly isRead: boolean;
}

/** What was seen at one door. */
interface House {
  door: Door | undefined;
  /** Marks whose certificates came through it. */
  marked: number;
  newestNanos: bigint;
}

const AGAIN_MS = 400;
const READS = 4;
const EXPIRY_NANOS = 240_000_000_000n;
const PATIENT_MS = 11_000;

const MANNERS: readonly Omit<Manner, 'signs'>[] = [
  { version: 4, patienceMs: AGAIN_MS },
  { version: 3, patienceMs: PATIENT_MS },
  { version: 2, patienceMs: AGAIN_MS },
];

export class Users {
  readonly #config: UsersConfig;
  readonly #identity: Identity;
  readonly #plan: readonly Planned[];
  readonly #path: (version: number, what: string) => string;
  readonly #calls: Call[] = [];
  readonly #clock: Clock;
  readonly #observe: (event: UserEvent) => void;
  readonly #doors: House[];
  #finished = false;

  constructor(config: UsersConfig, clock: Clock, observe: (event: UserEvent) => void) {
    const { trust, seed, canisterId, marks } = config;
    this.#config = config;
    this.#identity = { signatures: trust.signatures, secret: seed };
    this.#plan = planOf(marks);
    const canister = principalToText(canisterId);
    this.#path = (version, what) => `/api/v${version}/canister/${canister}/${what}`;
    this.#clock = clock;
    this.#observe = observe;
    this.#doors = trust.nodeKeys.map(() => ({ door: undefined, marked: 0, newestNanos: 0n }));
    this.#next();
  }

  /** Where to knock from now on; undefined while the gateway is down. Open connections broke. */
  atDoor(number: number, door: Door | undefined): void {
    this.#house(number).door = door;
    for (const call of this.#calls) {
      if (!call.done && call.door === number) this.#againSoon(call);
    }
  }

  /** The node behind this door has lost its disks: what it knew before it need not know at once. */
  diskLost(number: number): void {
    Object.assign(this.#house(number), { marked: 0, newestNanos: 0n });
  }

  #house(number: number): House {
    return this.#doors[number % this.#doors.length] as House;
  }

  /** The next call; what all others need is waited for. */
  #next(): void {
    const index = this.#calls.length;
    const planned = this.#plan[index];
    if (planned === undefined) return;
    const call = this.#prepare(index, planned);
    this.#calls.push(call);
    this.#send(call);
    if (planned.kind === 'mark' || planned.kind === 'upgrade') {
      this.#clock.after(this.#pauseMs(index), () => this.#next());
    }
  }

  #pauseMs(index: number): number {
    return ((this.#config.seed[index % 32] ?? 0) / 128) * this.#config.pauseMs;
  }

  #prepare(index: number, planned: Planned): Call {
    const isMark = planned.kind === 'mark';
    const manner = {
      ...(MANNERS[isMark ? index % 3 : 0] as Manner),
      signs: isMark && index % 2 === 0,
    };
    const content: Content = {
      ...contentOf(planned, this.#config),
      nonce: concatBytes(this.#config.seed.subarray(0, 8), numberBytes(index)),
      ingress_expiry: this.#clock.now().unixNanos + EXPIRY_NANOS,
    };
    const envelope = envelopeOf(content, manner.signs ? this.#identity : undefined);
    const nowhere = { attempt: 0, door: 0, readsLeft: 0, done: false };
    return { ...envelope, index, planned, manner, ...nowhere };
  }

  #againSoon(call: Call): void {
    this.#forget(call);
    const { attempt } = call;
    this.#clock.after(AGAIN_MS, () => {
      if (call.attempt === attempt && !call.done) this.#send(call);
    });
  }

  #forget(call: Call): void {
    call.attempt += 1;
  }

  /** The call, or after it was taken a few reads of its status. */
  #send(call: Call): void {
    const { index, manner, body } = call;
    this.#forget(call);
    call.door = (index + call.attempt) % this.#doors.length;
    this.#observe({ kind: 'CallSent', call: index, attempt: call.attempt });
    if (call.readsLeft === 0) {
      return this.#knock(call, { path: this.#path(manner.version, 'call'), body, isRead: false });
    }
    call.readsLeft -= 1;
    const expiryNanos = this.#clock.now().unixNanos + EXPIRY_NANOS;
    const identity = manner.signs ? this.#identity : undefined;
    const read = envelopeOf(readContent(call.requestId, expiryNanos), identity);
    this.#knock(call, { path: this.#path(3, 'read_state'), body: read.body, isRead: true });
  }

  #knock(call: Call, { path, body, isRead }: Knock): void {
    const { attempt } = call;
    const { door, newestNanos } = this.#house(call.door);
    this.#clock.after(call.manner.patienceMs, () => {
      if (call.attempt === attempt && !call.done) this.#send(call);
    });
    door?.(path, body).then((answer) => {
      if (answer === undefined || call.attempt !== attempt || call.done) return;
      this.#judge(call, answer, { isRead, newestNanos });
    });
  }

  #judge(
    call: Call,
    answer: Answer,
    { isRead, newestNanos }: { readonly isRead: boolean; readonly newestNanos: bigint },
  ): void {
    const judged = judgeCall(answer, call.requestId, this.#config.trust);
    switch (judged.kind) {
      case 'bad':
        return this.#observe({ kind: 'AnswerBad', reason: judged.reason });
      case 'taken':
        if (!isRead) call.readsLeft = READS;
        return this.#againSoon(call);
      case 'later':
        return this.#againSoon(call);
      case 'ended':
        if (judged.timeNanos < newestNanos) {
          return this.#observe({
            kind: 'AnswerBad',
            reason: 'a certificate older than one before',
          });
        }
        this.#seen(call.door, judged.timeNanos);
        return this.#ended(call, judged.status, judged.reply);
    }
  }

  #seen(door: number, timeNanos: bigint): void {
    const house = this.#house(door);
    if (timeNanos > house.newestNanos) house.newestNanos = timeNanos;
  }

  #ended(call: Call, status: string, reply: Uint8Array): void {
    const { index, planned } = call;
    call.done = true;
    this.#observe({ kind: 'CallAnswered', call: index, planned, status, reply });
    if (planned.kind === 'create' || planned.kind === 'install') return this.#next();
    if (planned.kind === 'mark') this.#house(call.door).marked += 1;
    const finished =
      this.#calls.length === this.#plan.length && this.#calls.every(({ done }) => done);
    this.#ask(call.door, finished);
  }

  /** For the total; the last one is asked until it is answered with a timer that fired. */
  #ask(number: number, isLast: boolean): void {
    const { door, marked: atLeast } = this.#house(number);
    const expiryNanos = this.#clock.now().unixNanos + EXPIRY_NANOS;
    const { canisterId, trust } = this.#config;
    const query = envelopeOf(
      queryContent(canisterId, expiryNanos),
      atLeast % 2 === 0 ? this.#identity : undefined,
    );
    if (isLast) this.#clock.after(AGAIN_MS, () => this.#finished || this.#ask(number + 1, true));
    door?.(this.#path(3, 'query'), query.body).then((answer) => {
      if (answer === undefined) return;
      const judged = judgeQuery(answer, query.requestId, {
        trust,
        door: number % this.#doors.length,
      });
      if (judged.kind === 'bad') return this.#observe({ kind: 'AnswerBad', reason: judged.reason });
      if (judged.kind !== 'replied') return;
      const view = new DataView(judged.reply.buffer, judged.reply.byteOffset);
      const [total, ticks] = [view.getUint32(0, true), view.getUint32(4, true)];
      this.#observe({ kind: 'TotalAnswered', total, ticks, atLeast });
      if (!isLast || ticks === 0 || this.#finished) return;
      this.#finished = true;
      this.#observe({ kind: 'Finished' });
    });
  }
}
