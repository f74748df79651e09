/**
 * What execution asks for when it starts: the tip, the request history, pages and modules, all of the stored height.
 *
 * Between TipLoaded and the end of the history a session is open: nothing new is taken, because a batch that the
 * execution of before a restart sent late would make the history younger than the tip that was told.
 */
import type {
  BatchExecuted,
  LoadMemory,
  LoadModule,
  LoadRequests,
  LoadTip,
  Message,
} from '@internode/contracts';
import { BoundedMap, bytesEqual, toHex } from '@internode/prelude';
import { PAGE_BYTES, STATE_LIMITS } from '../limits.ts';
import type { Commits } from './commits.ts';
import {
  canisterOfKey,
  keyAfter,
  moduleKey,
  pageIndexOf,
  pageRange,
  requestOfRow,
  SUBNET_STATE_KEY,
  tableRange,
} from './rows.ts';
import type { Row, StateAnswer, StateTask } from './task.ts';
import type { Tip } from './tip.ts';

type Asked =
  | { readonly kind: 'subnet-state' }
  | { readonly kind: 'system-states' }
  | { readonly kind: 'pages'; readonly asked: LoadMemory }
  | { readonly kind: 'module'; readonly hash: Uint8Array };

const NOBODY = new Uint8Array(0);

/** What to do next: a message to say, or a task of the store under the id. */
export type LoadStep =
  | { readonly kind: 'say'; readonly message: Message }
  | { readonly kind: 'ask'; readonly id: string; readonly task: StateTask };

export type LoadMessage = LoadMemory | LoadModule | LoadRequests;

interface TipReading {
  subnetState: Uint8Array;
  readonly systemStates: Row[];
}

export class Loading {
  readonly #tip: Tip;
  readonly #commits: Commits;
  readonly #asked = new BoundedMap<string, Asked>(STATE_LIMITS.loadsMax, 'refuse');
  #asks = 0;
  #wantsTip = false;
  #executionAsks = false;
  /** Sessions of followers that want the tip too. */
  readonly #readers = new BoundedMap<string, Uint8Array>(STATE_LIMITS.readersMax, 'refuse');
  #reading: TipReading | undefined;
  #sessionHeardMs: number | undefined;
  #session: Uint8Array | undefined;
  #executionHeardMs = Number.NEGATIVE_INFINITY;

  constructor(tip: Tip, commits: Commits) {
    this.#tip = tip;
    this.#commits = commits;
  }

  /** Whether nothing new may be taken, or stored, for the sake of an execution that loads. */
  holds(nowMs: number): boolean {
    if (this.#wantsTip || this.#reading !== undefined) return true;
    if (this.#sessionHeardMs === undefined) return false;
    if (nowMs - this.#sessionHeardMs < STATE_LIMITS.loadQuietMs) return true;
    this.#sessionHeardMs = undefined;
    return false;
  }

  /** The tip will be read when the store has caught up: see `proceed`. One that is being read answers this too. */
  askTip({ session, reads }: LoadTip, nowMs: number): void {
    if (reads === true) this.#readers.set(toHex(session ?? NOBODY), session ?? NOBODY);
    else {
      this.#session = session;
      this.#executionHeardMs = nowMs;
      this.#executionAsks = true;
    }
    this.#wantsTip ||= this.#reading === undefined;
  }

  /**
   * Whether the batch is of the execution that loaded last. One of before a restart that is late would move the store
   * away from the height whose memories the new execution is still to load. After a silence it is not late but another
   * execution: our own restart, or a late question for the tip, made us forget who lives.
   */
  isOfSession({ session }: BatchExecuted, nowMs: number): boolean {
    const isSame = bytesEqual(session ?? NOBODY, this.#session ?? NOBODY);
    const isSilent = nowMs - this.#executionHeardMs >= STATE_LIMITS.loadQuietMs;
    if (!isSame && !isSilent) return false;
    this.#session = session;
    this.#executionHeardMs = nowMs;
    return true;
  }

  /** Starts reading the tip once the store holds all that was taken. */
  proceed(): LoadStep[] {
    if (!this.#wantsTip || !this.#commits.settled) return [];
    this.#wantsTip = false;
    this.#reading = { subnetState: new Uint8Array(0), systemStates: [] };
    return this.#ask({ kind: 'subnet-state' }, { kind: 'get', key: SUBNET_STATE_KEY });
  }

  hear(message: LoadMessage, nowMs: number): LoadStep[] {
    switch (message.kind) {
      case 'LoadRequests':
        return this.#requests(message, nowMs);
      case 'LoadMemory':
        return this.#memory(message);
      case 'LoadModule':
        return this.#module(message.hash);
    }
  }

  #requests({ after, session }: LoadRequests, nowMs: number): LoadStep[] {
    const limit = STATE_LIMITS.requestsPerMessageMax;
    const rows = this.#tip.tree.sealedRowsAfter(['request_status'], { after, limit });
    const requests = rows.map(({ label, row }) => {
      const { status, expiryNanos } = requestOfRow(row);
      const completed = status !== 'received' && status !== 'processing';
      return { requestId: label, expiryNanos, completed };
    });
    const complete = rows.length < limit;
    if (this.#sessionHeardMs !== undefined) this.#sessionHeardMs = complete ? undefined : nowMs;
    return [
      { kind: 'say', message: { kind: 'RequestsLoaded', after, requests, complete, session } },
    ];
  }

  #memory(asked: LoadMemory): LoadStep[] {
    const { canisterId, memory, fromIndex } = asked;
    const layout = this.#tip.layoutOf(canisterId);
    const isHeap = memory === 'heap';
    const bytes = (isHeap ? layout?.heapBytes : layout?.stableBytes) ?? 0;
    const generation = (isHeap ? layout?.heapGeneration : layout?.stableGeneration) ?? 0;
    if (fromIndex * PAGE_BYTES >= bytes) return [memoryLoaded(asked, [], this.#tip.height)];
    const range = pageRange({ canisterId, memory, generation }, fromIndex);
    const task = { kind: 'range', range, limit: STATE_LIMITS.pagesPerMessageMax } as const;
    return this.#ask({ kind: 'pages', asked }, task);
  }

  #module(hash: Uint8Array): LoadStep[] {
    const waiting = this.#commits.waiting(moduleKey(hash));
    if (waiting !== undefined) return [moduleLoaded(hash, waiting.value)];
    return this.#ask({ kind: 'module', hash }, { kind: 'get', key: moduleKey(hash) });
  }

  /** The store's answer under an id given by `ask`; undefined for other ids. */
  answered(id: string, answer: StateAnswer, nowMs: number): LoadStep[] | undefined {
    const asked = this.#asked.get(id);
    if (asked === undefined) return undefined;
    this.#asked.delete(id);
    const rows = answer.kind === 'rows' ? answer.rows : [];
    const value = answer.kind === 'got' ? answer.value : undefined;
    switch (asked.kind) {
      case 'subnet-state':
        if (this.#reading !== undefined && value !== undefined) this.#reading.subnetState = value;
        return this.#readStates(tableRange('system').gte);
      case 'system-states':
        return this.#addStates(rows, nowMs);
      case 'pages':
        return [memoryLoaded(asked.asked, rows, this.#tip.height)];
      case 'module':
        return [moduleLoaded(asked.hash, value)];
    }
  }

  #readStates(gte: Uint8Array): LoadStep[] {
    const range = { gte, lt: tableRange('system').lt };
    const limit = STATE_LIMITS.statesPerReadMax;
    return this.#ask({ kind: 'system-states' }, { kind: 'range', range, limit });
  }

  #addStates(rows: readonly Row[], nowMs: number): LoadStep[] {
    if (this.#reading === undefined) return [];
    this.#reading.systemStates.push(...rows);
    const last = rows.at(-1);
    if (last !== undefined && rows.length === STATE_LIMITS.statesPerReadMax) {
      return this.#readStates(keyAfter(last.key));
    }
    const { subnetState, systemStates } = this.#reading;
    this.#reading = undefined;
    const { height, timeNanos } = this.#tip;
    const canisters = systemStates.map(({ key, value }) => {
      const canisterId = canisterOfKey(key) ?? new Uint8Array(0);
      const { heapBytes = 0, stableBytes = 0 } = this.#tip.layoutOf(canisterId) ?? {};
      return { canisterId, systemState: value, heapBytes, stableBytes };
    });
    const sessions: (Uint8Array | undefined)[] = [...this.#readers.values()];
    this.#readers.clear();
    if (this.#executionAsks) {
      sessions.push(this.#session);
      this.#executionAsks = false;
      if (height > 0) this.#sessionHeardMs = nowMs;
    }
    const tip = { kind: 'TipLoaded', height, timeNanos, subnetState, canisters } as const;
    return sessions.map((session) => ({ kind: 'say', message: { ...tip, session } }));
  }

  #ask(asked: Asked, task: StateTask): LoadStep[] {
    const id = `load:${this.#asks++}`;
    if (this.#asked.set(id, asked)) return [{ kind: 'ask', id, task }];
    // Given up, or the tip would be in reading for ever; execution asks again.
    if (asked.kind === 'subnet-state' || asked.kind === 'system-states') this.#reading = undefined;
    return [];
  }
}

/** The store may be older than `height`, the tip's, and never newer. */
function memoryLoaded(asked: LoadMemory, rows: readonly Row[], height: number): LoadStep {
  const { canisterId, memory, fromIndex, session } = asked;
  const pages = rows.map(({ key, value }) => ({ index: pageIndexOf(key), content: value }));
  const complete = rows.length < STATE_LIMITS.pagesPerMessageMax;
  const place = { canisterId, memory, fromIndex, session, height };
  return { kind: 'say', message: { kind: 'MemoryLoaded', ...place, pages, complete } };
}

function moduleLoaded(hash: Uint8Array, content: Uint8Array | undefined): LoadStep {
  return { kind: 'say', message: { kind: 'ModuleLoaded', hash, content } };
}
