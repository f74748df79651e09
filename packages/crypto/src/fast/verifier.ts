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
  state: 'loading' | 'ready' | 'dead';
}

/** Fewer do not pay for waking another thread. */
const SHARE_MIN = 4;

class ThreadedVerifier implements Verifier {
  readonly #threads: number;
  #members: readonly Member[] | undefined;
  #waiting: Asked[] = [];

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
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ signed, by: only, settle });
    });
  };

  async close(): Promise<void> {
    const members = this.#members ?? [];
    this.#members = members;
    for (const member of members) bury(member);
    await Promise.all(members.map(({ worker }) => worker.terminate()));
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#members ??= Array.from({ length: this.#threads }, started);
    const ready = this.#members.filter(({ state }) => state === 'ready');
    if (ready.length === 0) return giveBack(waiting);
    ready.sort((left, right) => left.underWay.length - right.underWay.length);
    const share = Math.max(SHARE_MIN, Math.ceil(waiting.length / ready.length));
    for (const [index, member] of ready.entries()) {
      const batch = waiting.slice(index * share, (index + 1) * share);
      if (batch.length === 0) return;
      member.underWay.push(...batch);
      const frame = writeBatch(batch.map(({ by }) => by));
      member.worker.postMessage(frame, [frame.buffer]);
    }
  }
}

function started(): Member {
  const worker = new Worker(new URL('./verifier-worker.ts', import.meta.url));
  const member: Member = { worker, underWay: [], state: 'loading' };
  worker.on('message', (verdicts: Uint8Array) => take(member, verdicts));
  worker.on('error', () => bury(member));
  worker.on('exit', () => bury(member));
  return member;
}

/** The first message says that the thread has loaded. */
function take(member: Member, verdicts: Uint8Array): void {
  if (member.state === 'loading') member.state = 'ready';
  for (const [index, asked] of member.underWay.splice(0, verdicts.length).entries())
    asked.settle(verdicts[index] === 1 ? GOOD : WRONG);
}

function bury(member: Member): void {
  member.state = 'dead';
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
