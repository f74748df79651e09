/**
 * Checkpoints: at each summary height one is made of just that height, said, and served to peers. Consensus says when an
 * epoch begins and when the next one will, so the height is known before it is executed; one that is heard of too late
 * has no checkpoint here.
 */
import type { CheckpointMade, EpochBegan, PeerAsked, SyncOutcome } from '@internode/contracts';
import { BoundedMap, toHex } from '@internode/prelude';
import { STATE_LIMITS, SYNC_LIMITS } from '../limits.ts';
import type { Commits } from './commits.ts';
import type { Dropped } from './engine.ts';
import { ANSWER, QUESTION } from './exchange.ts';
import type { Outbox } from './outbox.ts';
import { CHECKPOINT, CHECKPOINT_KEY, tableRange, UNNOTED } from './rows.ts';
import type { StateAnswer } from './task.ts';

const MAKE = 'checkpoint:';
const BEGIN = `${MAKE}begin`;
const NOTED = `${MAKE}noted`;
const KNOWN = `${MAKE}known`;
const SERVE = 'serve:';

export class Checkpoints {
  readonly #out: Outbox;
  readonly #isOn: boolean;
  readonly #wanted = new Set<number>();
  readonly #making = new Set<number>();
  #knowsEpoch = false;
  /** The newest, perhaps of before a restart. */
  #made: CheckpointMade | undefined;
  /** The newest that can be served. */
  #heldHeight = 0;
  /** Questions in work, by the id of the task. */
  readonly #serving = new BoundedMap<string, PeerAsked>(SYNC_LIMITS.servingMax, 'refuse');
  readonly #servingOf = new Map<string, number>();
  #count = 0;

  constructor(out: Outbox, isOn: boolean) {
    this.#out = out;
    this.#isOn = isOn;
  }

  started(): void {
    if (!this.#isOn) {
      const range = tableRange('base');
      return this.#out.solve(KNOWN, { kind: 'range', range, limit: 1 });
    }
    this.#out.solve(BEGIN, { kind: 'engine', request: { kind: 'begin' } });
    this.#out.solve(NOTED, { kind: 'get', key: CHECKPOINT_KEY });
    this.askEpoch();
  }

  /** By timer until consensus has said which epoch is running. */
  askEpoch(): void {
    if (!this.#isOn || this.#knowsEpoch) return;
    this.#out.say({ kind: 'RequestEpoch' });
    this.#out.wait('epoch', STATE_LIMITS.repeatMs);
  }

  hear({ height, summary }: EpochBegan, commits: Commits | undefined): void {
    if (!this.#isOn) return;
    this.#knowsEpoch = true;
    this.#out.cancel('epoch');
    if (height === this.#made?.height) this.say();
    this.#want(height);
    this.#want(summary.nextHeight);
    if (commits !== undefined && height > 0) this.#close(height, commits);
  }

  #want(height: number): void {
    this.#wanted.add(height);
    const [oldest] = this.#wanted;
    const isFull = this.#wanted.size > SYNC_LIMITS.wantedMax;
    if (isFull && oldest !== undefined) this.#wanted.delete(oldest);
  }

  /** The height was taken into what waits for the store. */
  taken(height: number, commits: Commits): void {
    if (this.#wanted.has(height)) this.#close(height, commits);
  }

  #close(height: number, commits: Commits): void {
    if (this.#making.has(height) || this.#heldHeight >= height) return;
    const closed = commits.closeAt(height);
    if (closed === 'stored') this.make(height);
  }

  /** The store holds just this height, until it is asked for something else. */
  make(height: number): void {
    if (!this.#isOn || this.#making.has(height)) return;
    if (this.#making.size >= SYNC_LIMITS.makingMax) {
      return this.#out.observe({ kind: 'CheckpointMissed', height });
    }
    this.#making.add(height);
    const request = { kind: 'checkpoint', height } as const;
    this.#out.solve(`${MAKE}${height}`, { kind: 'engine', request });
  }

  say(): void {
    if (this.#made !== undefined) this.#out.say(this.#made);
  }

  answered(id: string, answer: StateAnswer): void {
    if (id.startsWith(SERVE)) return this.#served(id, answer);
    if (id === NOTED) return this.#recall(answer);
    if (id === BEGIN) return this.#begun(answer);
    if (id === KNOWN) return this.#forget(answer);
    const height = Number(id.slice(MAKE.length));
    if (!this.#making.delete(height)) return;
    if (answer.kind !== 'engine' || answer.answer.kind !== 'checkpoint') {
      return this.#out.observe({ kind: 'CheckpointMissed', height });
    }
    const { stateRoot, manifestRoot, chunks, bytes, hashedBytes } = answer.answer;
    this.#out.observe({ kind: 'CheckpointMade', height, chunks, bytes, hashedBytes });
    this.#made = { kind: 'CheckpointMade', height, stateRoot, manifestRoot };
    this.#heldHeight = height;
    const value = CHECKPOINT.encode(this.#made);
    const changes = [{ key: CHECKPOINT_KEY, value }];
    this.#out.solve(`${MAKE}note`, { kind: 'write', changes, sync: false });
    this.say();
  }

  /** A life with checkpoints was here, and may come again: it is told that this one notes nothing. */
  #forget(answer: StateAnswer): void {
    if (answer.kind !== 'rows' || answer.rows.length === 0) return;
    this.#out.solve(`${MAKE}off`, { kind: 'write', changes: [UNNOTED], sync: false });
  }

  #begun(answer: StateAnswer): void {
    if (answer.kind !== 'engine' || answer.answer.kind !== 'begun') return;
    const { heights, dropped } = answer.answer;
    this.#heldHeight = Math.max(this.#heldHeight, ...heights);
    if (heights.length > 0) this.#out.observe({ kind: 'CheckpointsKept', heights });
    for (const each of dropped) this.#drop(each);
  }

  #drop({ height, reason }: Dropped): void {
    this.#out.observe({ kind: 'CheckpointDropped', height, reason });
  }

  /** What we said before a restart is still true, and whoever has to sign it may have forgotten. */
  #recall(answer: StateAnswer): void {
    const value = answer.kind === 'got' ? answer.value : undefined;
    const stored = value && CHECKPOINT.decode(value);
    if (stored?.kind !== 'valid' || this.#made !== undefined) return;
    this.#made = { kind: 'CheckpointMade', ...stored.value };
    this.say();
  }

  /** A peer wants a part of a checkpoint. Nonsense is not answered, too much at once is. */
  asked(asked: PeerAsked): void {
    const question = QUESTION.decode(asked.body);
    if (question.kind !== 'valid') return this.#out.ignore('PeerAsked', question.reason);
    if (question.value.indices.length > SYNC_LIMITS.indicesMax) {
      return this.#refuse(asked, 'no_such_part');
    }
    if (!this.#isOn) return this.#refuse(asked, 'unknown_root');
    const peer = toHex(asked.peer);
    const ofPeer = this.#servingOf.get(peer) ?? 0;
    const id = `${SERVE}${this.#count++}`;
    if (ofPeer >= SYNC_LIMITS.servingOfPeerMax || !this.#serving.set(id, asked)) {
      return this.#refuse(asked, 'busy');
    }
    this.#servingOf.set(peer, ofPeer + 1);
    const request = { kind: 'serve', question: question.value } as const;
    this.#out.solve(id, { kind: 'engine', request });
  }

  #served(id: string, answer: StateAnswer): void {
    const asked = this.#serving.get(id);
    if (asked === undefined) return;
    this.#serving.delete(id);
    const peer = toHex(asked.peer);
    const left = (this.#servingOf.get(peer) ?? 1) - 1;
    if (left === 0) this.#servingOf.delete(peer);
    else this.#servingOf.set(peer, left);
    // Rows that cannot be read are found out about by whoever needs them here.
    const served = answer.kind === 'engine' ? answer.answer : answer;
    if (served.kind === 'served' && served.dropped !== undefined) this.#drop(served.dropped);
    if (served.kind === 'served') this.#answer(asked, served.outcome, served.answer);
    else this.#refuse(asked, 'unknown_root');
  }

  #refuse(asked: PeerAsked, outcome: SyncOutcome): void {
    const body = ANSWER.encode({ outcome, compressed: false, content: new Uint8Array(0) });
    this.#answer(asked, outcome, body);
  }

  #answer({ askId, topic, peer }: PeerAsked, outcome: SyncOutcome, body: Uint8Array): void {
    this.#out.observe({ kind: 'PartServed', outcome, bytes: body.length });
    this.#out.say({ kind: 'AnswerPeer', askId, topic, peer, body });
  }
}
