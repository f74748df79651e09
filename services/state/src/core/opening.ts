/**
 * Reads what the store holds at start and builds the tree from it. Digests of requests and canisters are stored with
 * them, so only what lies above them is hashed; the root must be the stored one.
 */
import type { StoredCertification, StoredLayout, StoredTip } from '@internode/contracts';
import { encodeUnsignedLeb128 } from '@internode/encoding';
import type { Content, Label, LabelledTree } from '@internode/hash-tree';
import { assert, bytesEqual, toHex, unreachable } from '@internode/prelude';
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
  | { readonly kind: 'task'; readonly task: StateTask }
  | { readonly kind: 'opened'; readonly opened: Opened }
  | { readonly kind: 'refused'; readonly detail: string };

/** What people do about a store that cannot be trusted. */
const REMEDY =
  'Restore the data directory from a backup; to start over and lose what is in it, start with --clean';

type Reading = Extract<Table, 'layout' | 'canister' | 'request' | 'garbage'>;
const ORDER: readonly Reading[] = ['layout', 'canister', 'request', 'garbage'];

export class Opening {
  readonly #subnet: SubnetDescription;
  #stage: 'tip' | 'certification' | Reading = 'tip';
  #from: Uint8Array = TIP_KEY;
  #tip: StoredTip | undefined;
  #certification: StoredCertification | undefined;
  readonly #layouts = new Map<string, StoredLayout>();
  readonly #canisters: [Label, Content][] = [];
  readonly #requests: [Label, Content][] = [];
  readonly #garbage: KeyRange[] = [];

  constructor(subnet: SubnetDescription) {
    this.#subnet = subnet;
  }

  first(): OpeningStep {
    return { kind: 'task', task: { kind: 'get', key: TIP_KEY } };
  }

  next(answer: StateAnswer): OpeningStep {
    switch (answer.kind) {
      case 'got':
        return this.#got(answer.value);
      case 'rows':
        return this.#rows(answer.rows);
      case 'failed':
        return refused(`The state store cannot be read: ${answer.fault.detail}`);
      case 'written':
      case 'swept':
      case 'verified':
        return unreachable(answer as never);
      default:
        return unreachable(answer);
    }
  }

  #got(value: Uint8Array | undefined): OpeningStep {
    if (this.#stage === 'tip') {
      if (value !== undefined) {
        const tip = TIP.decode(value);
        if (tip.kind !== 'valid') return refused('The state store has no readable tip');
        const detail = this.#misfit(tip.value);
        if (detail !== undefined) return refused(detail);
        this.#tip = tip.value;
      }
      this.#stage = 'certification';
      return { kind: 'task', task: { kind: 'get', key: CERTIFICATION_KEY } };
    }
    const certification = value && CERTIFICATION.decode(value);
    if (certification?.kind === 'valid') this.#certification = certification.value;
    return this.#read(0);
  }

  #misfit(tip: StoredTip): string | undefined {
    if (tip.format !== STORE_FORMAT) {
      return `The state store has format ${tip.format}, this version of the node reads ${STORE_FORMAT}. Use the version that wrote it`;
    }
    if (bytesEqual(tip.identity, identityOf(this.#subnet))) return undefined;
    return 'The state store belongs to a subnet with another key, type, node or range of canisters. Give this node a data directory of its own (--data-dir)';
  }

  #read(order: number): OpeningStep {
    const table = ORDER[order];
    if (table === undefined) return this.#finish();
    this.#stage = table;
    this.#from = tableRange(table).gte;
    return this.#readOn(table);
  }

  #readOn(table: Reading): OpeningStep {
    const range = { gte: this.#from, lt: tableRange(table).lt };
    return { kind: 'task', task: { kind: 'range', range, limit: STATE_LIMITS.rowsPerReadMax } };
  }

  #rows(rows: readonly Row[]): OpeningStep {
    const table = this.#stage;
    assert(table !== 'tip' && table !== 'certification', 'opening: rows before the tip');
    for (const row of rows) {
      if (!this.#take(table, row)) return refused(`A row of the state store does not decode`);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < STATE_LIMITS.rowsPerReadMax) {
      return this.#read(ORDER.indexOf(table) + 1);
    }
    this.#from = keyAfter(last.key);
    return this.#readOn(table);
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
    const { height, timeNanos, updatesTotal } = stored;
    const layouts = this.#layouts;
    return this.#opened({ height, timeNanos, tree, layouts, updatesTotal, consumedCycles }, root);
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
    return subnetTree(this.#subnet)
      .set(['canister'], this.#canisters)
      .set(['request_status'], this.#requests)
      .set(['time'], encodeUnsignedLeb128(stored.timeNanos))
      .set(['subnet', this.#subnet.subnetId, 'metrics'], metricsLeaf(metrics));
  }
}

function refused(what: string): OpeningStep {
  return { kind: 'refused', detail: `${what}. ${REMEDY}.` };
}
