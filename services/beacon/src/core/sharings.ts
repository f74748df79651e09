// What was dealt of the keys in sight, as far as it counts: the own share comes from it, here and at members that did not hear
// the dealings. These ask for it, one peer at a time; the transcript, which the chain or a catch-up package proves, says by a
// hash what is true.
import type {
  Dealing,
  DkgConfig,
  DkgTarget,
  Sharing,
  SharingRows,
  Summary,
  Transcript,
} from '@internode/contracts';
import { checkSharing, positionOf, sharingHash, sharingOf } from '@internode/crypto';
import { sha256 } from '@internode/encoding';
import { bytesEqual, toHex } from '@internode/prelude';
import { BEACON_LIMITS } from '../limits.ts';
import type { Outbox } from './outbox.ts';
import { ENTRY } from './wire.ts';

interface Held {
  readonly sharing: Sharing;
  /** By receiver; those that are not here are not known. */
  readonly rows: Map<number, Uint8Array>;
}

interface Heard {
  readonly height: number;
  readonly dealing: Dealing;
}

const HASH_BYTES = 32;

export class Sharings {
  readonly #nodeId: Uint8Array;
  readonly #outbox: Outbox;
  readonly #onRows: () => void;
  /** The summary before the running one, and that. */
  #summaries: readonly Summary[] = [];
  readonly #held = new Map<string, Held>();
  /** By target and dealer: of keys that are being generated. */
  readonly #heard = new Map<string, Map<string, Heard>>();

  /** `onRows` is told when there is more than before. */
  constructor(nodeId: Uint8Array, outbox: Outbox, onRows: () => void) {
    this.#nodeId = nodeId;
    this.#outbox = outbox;
    this.#onRows = onRows;
  }

  /** From the journal. */
  replay({ sharing, first, rows }: SharingRows): void {
    this.#merge(nameOfTarget(sharing.config.target), sharing, inPlace(sharing, first, rows));
  }

  entries(): Uint8Array[] {
    return [...this.#held.values()].flatMap((held) => partsOf(held).map(entryOf));
  }

  /** The own row of what a key was made from. */
  ownRow({ target }: Transcript): { sharing: Sharing; row: Uint8Array } | undefined {
    const held = this.#held.get(nameOfTarget(target));
    const row = held?.rows.get(this.#positionIn(held.sharing.config));
    return held === undefined || row === undefined ? undefined : { sharing: held.sharing, row };
  }

  /** A dealing in a final block. Of two of one dealer the lower one counts. */
  heard(height: number, dealing: Dealing): void {
    const { target, dealer } = dealing;
    if (this.#configOf(target) === undefined) return;
    const name = nameOfTarget(target);
    if (this.#held.get(name)?.rows.size === dealing.ciphertexts.length) return;
    const dealings = this.#heard.get(name) ?? new Map<string, Heard>();
    this.#heard.set(name, dealings);
    const known = dealings.get(toHex(dealer));
    if (known !== undefined && known.height <= height) return;
    dealings.set(toHex(dealer), { height, dealing });
    this.#assemble();
  }

  advance(summaries: readonly Summary[]): void {
    this.#summaries = summaries;
    this.#forget(summaries);
    for (const name of this.#heard.keys()) {
      const configs = summaries.flatMap((summary) => summary.configs);
      if (!configs.some(({ target }) => nameOfTarget(target) === name)) this.#heard.delete(name);
    }
    this.#assemble();
  }

  /** The running epoch's first height is made: what only the one before needed is forgotten. Answers whether there was any. */
  prune(): boolean {
    return this.#forget(this.#summaries.slice(-1));
  }

  #forget(inSight: readonly Summary[]): boolean {
    const names = new Set(inSight.flatMap(keysOf).map(({ target }) => nameOfTarget(target)));
    const gone = [...this.#held.keys()].filter((name) => !names.has(name));
    for (const name of gone) this.#held.delete(name);
    return gone.length > 0;
  }

  /** Keys in force now or next of which not everything is here. */
  incomplete(): readonly Transcript[] {
    return this.#summaries
      .slice(-1)
      .flatMap(keysOf)
      .filter(({ target, members }) => {
        const held = this.#held.get(nameOfTarget(target));
        return held === undefined || held.rows.size < members.length;
      });
  }

  /** What to ask peers for first: keys without the own row, of which nothing can be signed. */
  wanted(): Transcript | undefined {
    const incomplete = this.incomplete();
    const lacksOwn = (transcript: Transcript): boolean =>
      positionOf(transcript.members, this.#nodeId) >= 0 && this.ownRow(transcript) === undefined;
    return incomplete.find(lacksOwn) ?? incomplete[0];
  }

  #assemble(): void {
    for (const transcript of this.incomplete()) {
      const name = nameOfTarget(transcript.target);
      const config = this.#configOf(transcript.target);
      const heard = this.#heard.get(name);
      const dealings = transcript.dealers.flatMap(
        (dealer) => heard?.get(toHex(dealer))?.dealing ?? [],
      );
      if (config === undefined || dealings.length < transcript.dealers.length) continue;
      const { sharing, rows } = sharingOf(config, dealings);
      if (!bytesEqual(sharingHash(sharing), transcript.sharingHash)) continue;
      this.#heard.delete(name);
      this.#keep(name, sharing, inPlace(sharing, 0, rows));
    }
  }

  #keep(name: string, sharing: Sharing, rows: ReadonlyMap<number, Uint8Array>): void {
    const held = this.#merge(name, sharing, rows);
    for (const part of partsOf({ ...held, rows: new Map(rows) }))
      this.#outbox.add({ kind: 'persist', entry: entryOf(part), then: [] });
    this.#onRows();
  }

  #merge(name: string, sharing: Sharing, rows: ReadonlyMap<number, Uint8Array>): Held {
    const held = this.#held.get(name) ?? { sharing, rows: new Map<number, Uint8Array>() };
    this.#held.set(name, held);
    for (const [position, row] of rows) held.rows.set(position, row);
    return held;
  }

  /** An answer to the question for what a key was made from. Only what the transcript commits to is kept. */
  take(transcript: Transcript, { sharing, first, rows }: SharingRows): 'news' | 'nothing' | 'lie' {
    if (checkSharing(sharing, transcript).kind !== 'valid') return 'lie';
    const { rowHashes } = sharing;
    if (rows.length > rowHashes.length || first >= rowHashes.length) return 'lie';
    const placed = inPlace(sharing, first, rows);
    for (const [position, row] of placed)
      if (!bytesEqual(sha256(row), rowHashes[position] as Uint8Array)) return 'lie';
    const name = nameOfTarget(transcript.target);
    // The chain has told it meanwhile, or the key is out of sight.
    if (!this.incomplete().some(({ target }) => nameOfTarget(target) === name)) return 'nothing';
    const known = this.#held.get(name)?.rows;
    const news = new Map([...placed].filter(([position]) => known?.has(position) !== true));
    if (news.size === 0) return 'lie';
    this.#keep(name, sharing, news);
    return 'news';
  }

  /** Rows from this receiver's on, as many as fit into an answer. */
  rowsFrom(target: DkgTarget, first: number): SharingRows | undefined {
    const held = this.#held.get(nameOfTarget(target));
    return held === undefined ? undefined : partFrom(held, first);
  }

  /** The first row that is not here: the own one, or one after it. */
  firstMissing({ target, members }: Transcript): number {
    const rows = this.#held.get(nameOfTarget(target))?.rows;
    const own = Math.max(positionOf(members, this.#nodeId), 0);
    const places = members.map((_, i) => (own + i) % members.length);
    return places.find((place) => rows?.has(place) !== true) ?? own;
  }

  /** Whether the chain that is known here may tell the dealings of this key. */
  isOfChain(target: DkgTarget): boolean {
    return this.#configOf(target) !== undefined;
  }

  #configOf({ summaryHeight, key }: DkgTarget): DkgConfig | undefined {
    const summary = this.#summaries.find(({ height }) => height === summaryHeight);
    return summary?.configs.find(({ target }) => target.key === key);
  }

  #positionIn({ receivers }: DkgConfig): number {
    return positionOf(receivers, this.#nodeId);
  }
}

export function nameOfTarget({ summaryHeight, key }: DkgTarget): string {
  return `${summaryHeight}/${key}`;
}

/** Those that were dealt in an epoch; shares of genesis are not in anybody's journal. */
function keysOf({ current, next }: Summary): readonly Transcript[] {
  const keys = [current.low, current.high, next.low, next.high];
  const byTarget = new Map(
    keys
      .filter(
        ({ target, sharingHash: hash }) => target.summaryHeight > 0 && hash.length === HASH_BYTES,
      )
      .map((transcript) => [nameOfTarget(transcript.target), transcript]),
  );
  return [...byTarget.values()];
}

function inPlace(
  { rowHashes }: Sharing,
  first: number,
  rows: readonly Uint8Array[],
): ReadonlyMap<number, Uint8Array> {
  return new Map(rows.map((row, i) => [(first + i) % rowHashes.length, row]));
}

/** As many rows in a row as fit, at least one. */
function partFrom({ sharing, rows }: Held, first: number): SharingRows | undefined {
  const count = sharing.rowHashes.length;
  const part: Uint8Array[] = [];
  let bytes = 0;
  for (let i = 0; i < count; i += 1) {
    const row = rows.get((first + i) % count);
    if (row === undefined) break;
    bytes += row.length;
    if (bytes > BEACON_LIMITS.sharingRowsBytesMax && part.length > 0) break;
    part.push(row);
  }
  return part.length === 0 ? undefined : { sharing, first, rows: part };
}

function partsOf(held: Held): SharingRows[] {
  const parts: SharingRows[] = [];
  const count = held.sharing.rowHashes.length;
  for (let first = 0; first < count; ) {
    const part = partFrom(held, first);
    // Not around the end: the beginning is in the first part.
    const rows = part?.rows.slice(0, count - first) ?? [];
    if (rows.length > 0) parts.push({ sharing: held.sharing, first, rows });
    first += Math.max(rows.length, 1);
  }
  return parts;
}

function entryOf(sharing: SharingRows): Uint8Array {
  return ENTRY.encode({ height: 0, value: new Uint8Array(0), sharing });
}
