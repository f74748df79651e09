/**
 * Reads what the store holds at start and builds the tree from it. Digests of requests and canisters are stored with
 * them, so only what lies above them is hashed; the root must be the stored one.
 */
import type { StoredCertification, StoredLayout, StoredTip } from '@internode/contracts';
import { encodeUnsignedLeb128 } from '@internode/encoding';
import type { Content, Label, LabelledTree } from '@internode/hash-tree';
import { assert, bytesEqual, concatBytes, toHex } from '@internode/prelude';
import { STATE_LIMITS } from '../limits.ts';
import { metricsLeaf, sealedCanister, sealedRequest } from './content.ts';
import {
  CERTIFICATION,
  CERTIFICATION_KEY,
  canisterOfKey,
  GARBAGE,
  type KeyRange,
  keyAfter,
  LAYOUT,
  STORE_FORMAT,
  SYNC,
  SYNC_KEY,
  type Table,
  TIP,
  TIP_KEY,
  tableRange,
} from './rows.ts';
import { identityOf, type SubnetDescription, subnetTree } from './subnet.ts';
import type { Row, StateAnswer, StateTask } from './task.ts';
import type { TipState } from './tip.ts';

export interface Opened {
  readonly tip: TipState;
  readonly root: Uint8Array;
  readonly requests: number;
  readonly certification: StoredCertification | undefined;
  readonly garbage: readonly KeyRange[];
}

export type OpeningStep =
  /** Answered to `next` with the same id. */
  | { readonly kind: 'task'; readonly id: string; readonly task: StateTask }
  | { readonly kind: 'opened'; readonly opened: Opened }
  /** Rows of two heights: the state of the package was being fetched. */
  | { readonly kind: 'interrupted'; readonly height: number }
  | { readonly kind: 'refused'; readonly detail: string };

/** Parts of the request table, and streams read at the same time. */
const REQUEST_PARTS = 8;
const STREAMS_AT_ONCE = 3;

/** What people do about a store that cannot be trusted. */
const REMEDY =
  'Restore the data directory from a backup; to start over and lose what is in it, start with --clean';

type Reading = Extract<Table, 'layout' | 'canister' | 'request' | 'garbage'>;

/** A part of a table that is being read. */
interface Stream {
  readonly table: Reading;
  readonly range: KeyRange;
}

const FIRST = 'open';
const INTERRUPTED = `${FIRST}:interrupted`;
const CERTIFIED = `${FIRST}:certification`;

const CERTIFICATION_STEP: OpeningStep = {
  kind: 'task',
  id: CERTIFIED,
  task: { kind: 'get', key: CERTIFICATION_KEY },
};

/** All tables; the long one in parts, so that the store reads one part while we take in another. */
function streams(): Stream[] {
  const all: Stream[] = [];
  for (const table of ['layout', 'canister', 'garbage'] as const) {
    all.push({ table, range: tableRange(table) });
  }
  const { gte, lt } = tableRange('request');
  const bound = (part: number) =>
    part < REQUEST_PARTS ? concatBytes(gte, Uint8Array.of((part * 256) / REQUEST_PARTS)) : lt;
  for (let part = 0; part < REQUEST_PARTS; part++) {
    all.push({ table: 'request', range: { gte: bound(part), lt: bound(part + 1) } });
  }
  return all;
}

export class Opening {
  readonly #subnet: SubnetDescription;
  #tip: StoredTip | undefined;
  #certification: StoredCertification | undefined;
  /** Being read now, by the id of the task. */
  readonly #reading = new Map<string, Stream>();
  readonly #waiting = streams();
  #tasks = 0;
  readonly #layouts = new Map<string, StoredLayout>();
  readonly #canisters: [Label, Content][] = [];
  readonly #requests: [Label, Content][] = [];
  readonly #garbage: KeyRange[] = [];

  /** `tip` is the one to be, when the rows are there and the tip is not: after they were fetched. */
  constructor(subnet: SubnetDescription, tip?: StoredTip) {
    this.#subnet = subnet;
    this.#tip = tip;
  }

  first(): OpeningStep[] {
    if (this.#tip !== undefined) return [CERTIFICATION_STEP];
    return [{ kind: 'task', id: FIRST, task: { kind: 'get', key: TIP_KEY } }];
  }

  /** Whether `next` is waiting for an answer under this id. */
  static owns(id: string): boolean {
    return id.startsWith(FIRST);
  }

  next(id: string, answer: StateAnswer): OpeningStep[] {
    if (answer.kind === 'failed') {
      return [refused(`The state store cannot be read: ${answer.fault.detail}`)];
    }
    if (answer.kind === 'rows') return this.#rows(id, answer.rows);
    assert(answer.kind === 'got', 'opening: only reads');
    if (id === FIRST) return this.#gotTip(answer.value);
    if (id === INTERRUPTED) {
      const sync = answer.value && SYNC.decode(answer.value);
      if (sync?.kind !== 'valid') return [CERTIFICATION_STEP];
      return [{ kind: 'interrupted', height: sync.value.height }];
    }
    const certification = answer.value && CERTIFICATION.decode(answer.value);
    if (certification?.kind === 'valid') this.#certification = certification.value;
    return this.#read(STREAMS_AT_ONCE);
  }

  #gotTip(value: Uint8Array | undefined): OpeningStep[] {
    if (value === undefined) {
      return [{ kind: 'task', id: INTERRUPTED, task: { kind: 'get', key: SYNC_KEY } }];
    }
    const tip = TIP.decode(value);
    if (tip.kind !== 'valid') return [refused('The state store has no readable tip')];
    const detail = this.#misfit(tip.value);
    if (detail !== undefined) return [refused(detail)];
    this.#tip = tip.value;
    return [CERTIFICATION_STEP];
  }

  #misfit(tip: StoredTip): string | undefined {
    if (tip.format !== STORE_FORMAT) {
      return `The state store has format ${tip.format}, this version of the node reads ${STORE_FORMAT}. Use the version that wrote it`;
    }
    if (bytesEqual(tip.identity, identityOf(this.#subnet))) return undefined;
    return 'The state store belongs to a subnet with another key, type, node or range of canisters. Give this node a data directory of its own (--data-dir)';
  }

  /** Starts reading up to `count` more streams; done when there is nothing left. */
  #read(count: number): OpeningStep[] {
    const next = this.#waiting.splice(0, count);
    if (next.length === 0 && this.#reading.size === 0) return [this.#finish()];
    return next.map((stream) => this.#ask(stream));
  }

  #ask(stream: Stream): OpeningStep {
    const id = `${FIRST}:${this.#tasks++}`;
    this.#reading.set(id, stream);
    const task = {
      kind: 'range',
      range: stream.range,
      limit: STATE_LIMITS.rowsPerReadMax,
    } as const;
    return { kind: 'task', id, task };
  }

  #rows(id: string, rows: readonly Row[]): OpeningStep[] {
    const stream = this.#reading.get(id);
    if (stream === undefined) return [];
    this.#reading.delete(id);
    for (const row of rows) {
      if (!this.#take(stream.table, row)) {
        return [refused('A row of the state store does not decode')];
      }
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < STATE_LIMITS.rowsPerReadMax) return this.#read(1);
    const range = { gte: keyAfter(last.key), lt: stream.range.lt };
    return [this.#ask({ ...stream, range })];
  }

  /** False for a row that is not of its table. */
  #take(table: Reading, { key, value }: Row): boolean {
    if (table === 'request') {
      this.#requests.push([key.subarray(1), sealedRequest(value)]);
      return true;
    }
    if (table === 'garbage') {
      const garbage = GARBAGE.decode(value);
      if (garbage.kind !== 'valid') return false;
      this.#garbage.push({ gte: garbage.value.first, lt: garbage.value.end });
      return true;
    }
    const canisterId = canisterOfKey(key);
    if (canisterId === undefined) return false;
    if (table === 'canister') {
      this.#canisters.push([canisterId, sealedCanister(value)]);
      return true;
    }
    const layout = LAYOUT.decode(value);
    if (layout.kind === 'valid') this.#layouts.set(toHex(canisterId), layout.value);
    return layout.kind === 'valid';
  }

  #finish(): OpeningStep {
    const stored = this.#tip;
    if (stored === undefined) return this.#genesis();
    const consumedCycles = BigInt(`0x0${toHex(stored.consumedCycles)}`);
    const tree = this.#tree(stored, consumedCycles);
    const root = tree.rootHash();
    if (!bytesEqual(root, stored.root)) {
      return refused('The state store is not what this node wrote: its root hash differs');
    }
    const { height, timeNanos, updatesTotal, members } = stored;
    const layouts = this.#layouts;
    const tip = { height, timeNanos, tree, layouts, updatesTotal, consumedCycles, members };
    return this.#opened(tip, root);
  }

  #genesis(): OpeningStep {
    if (this.#layouts.size + this.#canisters.length + this.#requests.length > 0) {
      return refused('The state store has rows but no tip');
    }
    const tree = subnetTree(this.#subnet);
    const layouts = this.#layouts;
    const zero = { height: 0, timeNanos: 0n, updatesTotal: 0, consumedCycles: 0n };
    return this.#opened({ ...zero, tree, layouts }, tree.rootHash());
  }

  #opened(tip: TipState, root: Uint8Array): OpeningStep {
    const certification = this.#certification;
    const garbage = this.#garbage;
    const requests = this.#requests.length;
    return { kind: 'opened', opened: { tip, root, requests, certification, garbage } };
  }

  #tree(stored: StoredTip, consumedCycles: bigint): LabelledTree {
    let canisterStateBytes = 0;
    for (const layout of this.#layouts.values()) {
      canisterStateBytes += layout.heapBytes + layout.stableBytes;
    }
    const canisters = this.#layouts.size;
    const { updatesTotal } = stored;
    const metrics = { canisters, canisterStateBytes, updatesTotal, consumedCycles };
    const nodes = stored.members?.nodes ?? this.#subnet.nodes;
    return subnetTree({ ...this.#subnet, nodes })
      .set(['canister'], this.#canisters)
      .set(['request_status'], this.#requests)
      .set(['time'], encodeUnsignedLeb128(stored.timeNanos))
      .set(['subnet', this.#subnet.subnetId, 'metrics'], metricsLeaf(metrics));
  }
}

function refused(what: string): OpeningStep {
  return { kind: 'refused', detail: `${what}. ${REMEDY}.` };
}
