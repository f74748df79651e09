// The subnet record in the replicated state: who the members are, changed by its controller only. What was replaced a
// moment ago is kept too, since summaries are judged by the record of the height that their block calls certified.
import {
  contract,
  decodeSubnetRecord,
  encodeSubnetRecord,
  type RecordInForce,
  type SubnetRecord,
} from '@internode/contracts';
import { assert } from '@internode/prelude';
import { RECORD } from '../limits.ts';
import { bytes, type Coded, count, list, record } from './codec.ts';

const RECORD_CONTRACT = contract(
  'SubnetRecord',
  'types',
  'subnet_record',
  encodeSubnetRecord,
  decodeSubnetRecord,
);

export const decodeRecord = RECORD_CONTRACT.decode;

export const recordsCodec = list(record({ sinceHeight: count, encoded: bytes }));
type Stored = Coded<typeof recordsCodec>;

interface Entry {
  readonly sinceHeight: number;
  readonly record: SubnetRecord;
  readonly encoded: Uint8Array;
}

export class SubnetRecords {
  /** Ascending by height; the first may have been in force since genesis. */
  #entries: readonly Entry[];

  constructor(genesis: SubnetRecord | undefined) {
    this.#entries = genesis === undefined ? [] : [entryOf(0, genesis)];
  }

  get newest(): SubnetRecord | undefined {
    return this.#entries.at(-1)?.record;
  }

  get newestEncoded(): Uint8Array {
    return this.#entries.at(-1)?.encoded ?? new Uint8Array(0);
  }

  /** Since when the newest one has been in force. */
  get changedHeight(): number {
    return this.#entries.at(-1)?.sinceHeight ?? 0;
  }

  /** False when too many changed of late. */
  change(height: number, changed: SubnetRecord): boolean {
    const before = this.#remembered(height).filter(({ sinceHeight }) => sinceHeight < height);
    if (before.length >= RECORD.remembered) return false;
    this.#entries = [...before, entryOf(height, changed)];
    return true;
  }

  inForce(height: number): RecordInForce[] {
    return this.#remembered(height).map(({ sinceHeight, record }) => ({ sinceHeight, record }));
  }

  toState(height: number): Stored {
    return this.#remembered(height).map(({ sinceHeight, encoded }) => ({ sinceHeight, encoded }));
  }

  restore(stored: Stored): void {
    this.#entries = stored.map(({ sinceHeight, encoded }) => {
      const decoded = decodeRecord(encoded);
      assert(decoded.kind === 'valid', 'stored state: subnet record');
      return { sinceHeight, encoded, record: decoded.value };
    });
  }

  /** Those in force at one of the newest heights: a function of the state alone, whatever this life has seen. */
  #remembered(height: number): readonly Entry[] {
    const oldest = height - RECORD.heightsRemembered;
    return this.#entries.filter((_, index) => {
      const replaced = this.#entries[index + 1]?.sinceHeight;
      return replaced === undefined || replaced > oldest;
    });
  }
}

function entryOf(sinceHeight: number, changed: SubnetRecord): Entry {
  return { sinceHeight, record: changed, encoded: RECORD_CONTRACT.encode(changed) };
}
