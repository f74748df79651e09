/**
 * Signatures of users verified on threads of their own. What was said in one turn of the event loop travels together: to wake a
 * thread for each signature costs as much as to verify one. Ed25519 only, which nearly everybody signs with; the rest goes to
 * Node's pool, and so does all before the threads have loaded and when they have died. They begin with the first signature.
 */
import { Worker } from 'node:worker_threads';
import { assert, invalid, type Verdict } from '@internode/prelude';
import { type SignatureArithmetic, type SignedMessage, verifyWith } from '../signature-engine.ts';
import { verifyOnPool } from './signatures-node.ts';
import { MESSAGE_BYTES_MAX, type SignedBy, writeBatch } from './verifier-batch.ts';

export interface Verifier {
  /** As `verifyOnPool`. Never rejects. */
  readonly verify: (signed: SignedMessage) => Promise<Verdict<void>>;
  close(): Promise<void>;
}

/** 1 to 16 threads. */
export function openVerifier(threads: number): Verifier {
  assert(threads >= 1 && threads <= 16, 'between 1 and 16 threads');
  return new ThreadedVerifier(threads);
}

interface Asked {
  readonly signed: SignedMessage;
  readonly by: SignedBy;
  readonly settle: (verdict: Verdict<void> | Promise<Verdict<void>>) => void;
}

interface Member {
  readonly worker: Worker;
  /** In the order in which they were sent, hence answered. */
  readonly underWay: Asked[];
  /** Of each batch that was sent, how many are not answered. */
  readonly batches: number[];
  state: 'loading' | 'ready' | 'dead';
}

/** Fewer do not pay for waking another thread. */
const SHARE_MIN = 8;

/**
 * One that is worked on and, when there is a whole share of them, one that waits, so that the thread is not without; what is less
 * gathers meanwhile.
 */
const BATCHES_MAX = 2;

class ThreadedVerifier implements Verifier {
  readonly #threads: number;
  #members: readonly Member[] | undefined;
  readonly #waiting: Asked[] = [];
  #flushing = false;

  constructor(threads: number) {
    this.#threads = threads;
  }

  readonly verify = (signed: SignedMessage): Promise<Verdict<void>> => {
    const by: SignedBy[] = [];
    const verdict = verifyWith(noting(by), signed);
    if (verdict.kind !== 'valid') return Promise.resolve(verdict);
    const [only] = by;
    if (only === undefined || only.message.length > MESSAGE_BYTES_MAX) return verifyOnPool(signed);
    return new Promise((settle) => {
      this.#waiting.push({ signed, by: only, settle });
      this.#flushSoon();
    });
  };

  async close(): Promise<void> {
    const members = this.#members ?? [];
    this.#members = members;
    for (const member of members) bury(member);
    await Promise.all(members.map(({ worker }) => worker.terminate()));
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    this.#members ??= Array.from({ length: this.#threads }, () => started(this.#taken));
    const ready = this.#members.filter(({ state }) => state === 'ready');
    if (ready.length === 0) return giveBack(this.#waiting.splice(0));
    const free = ready.filter(({ batches }) => batches.length < BATCHES_MAX);
    free.sort((left, right) => left.underWay.length - right.underWay.length);
    const share = Math.max(SHARE_MIN, Math.ceil(this.#waiting.length / ready.length));
    for (const member of free) {
      if (member.batches.length > 0 && this.#waiting.length < share) return;
      const batch = this.#waiting.splice(0, share);
      if (batch.length === 0) return;
      member.underWay.push(...batch);
      member.batches.push(batch.length);
      const frame = writeBatch(batch.map(({ by }) => by));
      member.worker.postMessage(frame, [frame.buffer]);
    }
  }

  readonly #taken = (): void => {
    if (this.#waiting.length > 0) this.#flushSoon();
  };
}

function started(taken: () => void): Member {
  const worker = new Worker(new URL('./verifier-worker.ts', import.meta.url));
  const member: Member = { worker, underWay: [], batches: [], state: 'loading' };
  worker.on('message', (verdicts: Uint8Array) => {
    take(member, verdicts);
    taken();
  });
  const lost = (): void => {
    bury(member);
    taken();
  };
  worker.on('error', lost);
  worker.on('exit', lost);
  return member;
}

/** The first message says that the thread has loaded. */
function take(member: Member, verdicts: Uint8Array): void {
  if (member.state === 'loading') member.state = 'ready';
  let left = verdicts.length;
  for (let first = member.batches[0]; first !== undefined && left > 0; first = member.batches[0]) {
    if (first > left) member.batches[0] = first - left;
    else member.batches.shift();
    left -= first;
  }
  for (const [index, asked] of member.underWay.splice(0, verdicts.length).entries())
    asked.settle(verdicts[index] === 1 ? GOOD : WRONG);
}

function bury(member: Member): void {
  member.state = 'dead';
  member.batches.length = 0;
  giveBack(member.underWay.splice(0));
}

function giveBack(asked: readonly Asked[]): void {
  for (const { signed, settle } of asked) settle(verifyOnPool(signed));
}

const GOOD: Verdict<void> = { kind: 'valid', value: undefined };
const WRONG: Verdict<void> = invalid('signature: wrong');

/** Finds out what there is to verify. */
function noting(by: SignedBy[]): SignatureArithmetic {
  return {
    ed25519: (key, message, signature) => {
      by.push({ key, message, signature });
      return true;
    },
    ecdsa: () => true,
    rsa: () => true,
  };
}
