import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { compareBytes, toHex } from '@internode/prelude';
import { MemoryStore } from '@internode/storage/memory';
import { describe, expect, test } from 'vitest';
import { EngineInPlace } from '../src/adapters/engine-in-place.ts';
import { Cutter, piecesOf } from '../src/checkpoint/chunks.ts';
import { decodeHead, decodeManifest, encodeManifest } from '../src/checkpoint/manifest.ts';
import { memoryOfUnit, rangeOfUnit, unitOfStored } from '../src/checkpoint/units.ts';
import {
  CERTIFICATION_KEY,
  canisterKey,
  garbageKey,
  moduleKey,
  pageKey,
  requestKey,
  SUBNET_STATE_KEY,
  TIP_KEY,
} from '../src/core/rows.ts';
import { History, Random } from './history.ts';
import { Rig } from './rig.ts';
import { epochBegan, replica } from './subnet.ts';

setHashEngine(nodeHashEngine);

/** From all rows, whatever was known before. */
function manifestRoot(store: MemoryStore, height: number): string {
  const answer = new EngineInPlace(store).call({ kind: 'checkpoint', height });
  if (answer.kind !== 'checkpoint') throw new Error(`no checkpoint of ${height}`);
  return toHex(answer.manifestRoot);
}

describe('units', () => {
  /** Keys of all tables, most of them at the ends of units. */
  function keys(random: Random, count: number): Uint8Array[] {
    const ends = [0, 1, 0x0f, 0x10, 0x3f, 0x40, 0xbf, 0xc0, 0xef, 0xf0, 0xfe, 0xff];
    const bytes = (length: number): Uint8Array => {
      const rest = ends[random.below(ends.length)] as number;
      return new Uint8Array(length).map(() =>
        random.below(3) > 0 ? rest : (ends[random.below(ends.length)] as number),
      );
    };
    const canisterId = () => bytes([1, 9, 10, 10, 10, 10, 11, 29][random.below(8)] as number);
    const kinds = [
      () => canisterKey('layout', canisterId()),
      () => canisterKey('canister', canisterId()),
      () => canisterKey('system', canisterId()),
      () => requestKey(bytes(32)),
      () => moduleKey(bytes(32)),
      () => garbageKey(requestKey(bytes(4))),
      () => {
        const place = { canisterId: bytes(10), memory: 'stable', generation: 7 } as const;
        return pageKey(place, Buffer.from(bytes(4)).readUInt32BE());
      },
    ];
    const drawn = Array.from({ length: count }, () => kinds[random.below(kinds.length)]?.());
    return [SUBNET_STATE_KEY, TIP_KEY, CERTIFICATION_KEY, ...(drawn as Uint8Array[])];
  }

  test('lie where they are said to, and nothing of another unit does', () => {
    const all = keys(new Random(1), 2_000);
    for (const key of all) {
      const unit = unitOfStored(key);
      if (unit === undefined) continue;
      const range = rangeOfUnit(unit, () => ({
        canisterId: Buffer.from(memoryOfUnit(unit).slice(1, -1), 'latin1'),
        memory: 'stable',
        generation: 7,
      }));
      if (range === undefined) throw new Error('a unit without a range');
      for (const other of all) {
        const isIn = compareBytes(other, range.gte) >= 0 && compareBytes(other, range.lt) < 0;
        if (isIn !== (unitOfStored(other) === unit))
          throw new Error(`${toHex(other)} and the unit of ${toHex(key)}`);
      }
    }
  });
});

describe('manifests', () => {
  test('are equal for replicas that took different ways, and made from all rows or from what changed', () => {
    for (let seed = 0; seed < 5; seed++) {
      const batches = new History(seed).batches(40);
      const steady = replica();
      steady.tell(epochBegan(0, 10));
      const all: string[] = [];
      for (const each of batches) {
        steady.tell(each);
        if (each.height % 10 !== 0) continue;
        all.push(manifestRoot(steady.store, each.height));
        steady.tell(epochBegan(each.height, each.height + 10));
      }
      const changed = steady.allSaid('CheckpointMade').map((made) => toHex(made.manifestRoot));
      expect([...new Set(changed)]).toEqual(all);
      expect(new Set(all).size).toBe(4);

      const store = new MemoryStore();
      let rig = Rig.started({ store });
      const restless: string[] = [];
      for (const each of batches) {
        if (each.height % 7 === 3) rig = Rig.started({ store });
        rig.tell(each);
        if (each.height % 10 === 0) restless.push(manifestRoot(store, each.height));
      }
      expect(restless).toEqual(all);
    }
  });

  test('hash again only what was written since the last one', () => {
    const donor = replica();
    donor.tell(epochBegan(0, 20));
    const batches = new History(3).batches(60);
    for (const each of batches.slice(0, 20)) donor.tell(each);
    const [first] = donor.event('CheckpointMade');
    expect(first?.hashedBytes).toBe(first?.bytes);
    donor.tell(epochBegan(20, 21));
    donor.tell({
      ...(batches[20] as (typeof batches)[0]),
      canisters: [],
      requests: [],
      modules: [],
    });
    const second = donor.event('CheckpointMade').at(-1);
    expect(second?.height).toBe(21);
    expect(second?.hashedBytes).toBeLessThan((second?.bytes ?? 0) / 20);
  });
});

describe('the chunk hashes of before a restart', () => {
  /** Restarts, some with the loss of what was not synced, between checkpoints of every 8 heights. */
  function restless(seed: number, turns: (height: number) => 'none' | 'restart' | 'power cut') {
    const batches = new History(seed).batches(48);
    const store = new MemoryStore();
    const asked: Rig[] = [];
    const start = (height: number): Rig => {
      const rig = replica({ store, finalHeight: height });
      rig.tell(epochBegan(Math.floor(height / 8) * 8, Math.floor(height / 8) * 8 + 8));
      asked.push(rig);
      return rig;
    };
    let rig = start(0);
    const expected = new Map<number, string>();
    const steady = replica();
    steady.tell(epochBegan(0, 8));
    for (const each of batches) {
      const { height } = each;
      steady.tell(each);
      rig.tell(each);
      if (height % 8 === 0) {
        expected.set(height, manifestRoot(steady.store, height));
        rig.tell(epochBegan(height, height + 8));
        steady.tell(epochBegan(height, height + 8));
      }
      const turn = turns(height);
      if (turn === 'none') continue;
      if (turn === 'power cut') store.crash(Math.floor(store.unsyncedCount / 2));
      rig = start(height);
      for (const again of batches.slice(0, height)) rig.tell(again);
    }
    const made = asked.flatMap((each) => each.allSaid('CheckpointMade'));
    return { made, expected, asked };
  }

  test('lead to the manifest of all rows, whatever was lost in between', () => {
    for (let seed = 60; seed < 66; seed++) {
      const random = new Random(seed);
      const { made, expected } = restless(seed, () =>
        random.below(3) > 0 ? 'none' : random.below(2) === 0 ? 'restart' : 'power cut',
      );
      expect(new Set(made.map(({ height }) => height)).size).toBeGreaterThan(3);
      for (const each of made) expect(toHex(each.manifestRoot)).toBe(expected.get(each.height));
    }
  });

  test('are not computed again, but for what was written', () => {
    const batches = new History(67).batches(24);
    const quiet = { canisters: [], requests: [], modules: [] };
    const first = replica();
    first.tell(epochBegan(0, 20));
    for (const each of batches.slice(0, 20)) first.tell(each);
    const again = replica({ store: first.store, finalHeight: 20 });
    again.tell(epochBegan(20, 24));
    for (const each of batches.slice(20)) again.tell({ ...each, ...quiet });
    const [made] = again.event('CheckpointMade');
    expect(made?.height).toBe(24);
    expect(made?.hashedBytes).toBeLessThan((made?.bytes ?? 0) / 20);
  });

  test('are not believed when a life without checkpoints wrote since', () => {
    const batches = new History(68).batches(24);
    const first = replica();
    first.tell(epochBegan(0, 8));
    for (const each of batches.slice(0, 8)) first.tell(each);
    const other = Rig.started({ store: first.store, finalHeight: 8 });
    for (const each of batches.slice(8, 16)) other.tell(each);
    const again = replica({ store: first.store, finalHeight: 16 });
    again.tell(epochBegan(16, 24));
    for (const each of batches.slice(16)) again.tell(each);
    const steady = replica();
    steady.tell(epochBegan(0, 24));
    for (const each of batches) steady.tell(each);
    expect(again.last('CheckpointMade')).toEqual(steady.last('CheckpointMade'));
  });
});

describe('what is read from outside', () => {
  /** A change of some bytes, a cut, or something added. */
  function spoiled(bytes: Uint8Array, random: Random): Uint8Array {
    const changed = Uint8Array.from(bytes);
    for (let i = random.below(4); i > 0; i--)
      changed[random.below(changed.length)] = random.below(256);
    const cut = random.below(3) === 0 ? changed.subarray(0, random.below(changed.length)) : changed;
    return random.below(3) === 0 ? Uint8Array.of(...cut, ...random.bytes(random.below(9))) : cut;
  }

  test('is itself again, and any other bytes are nothing or something else, never an exception', () => {
    const random = new Random(5);
    const hash = random.bytes(32);
    const units = new Map([
      ['\x01', [{ bytes: 100, hash }]],
      [
        '\x05ab',
        [
          { bytes: 5, hash },
          { bytes: 1_000_000, hash },
        ],
      ],
    ]);
    const { head, parts } = encodeManifest(units, { height: 7, root: hash });
    const [part] = parts;
    expect(decodeHead(head)).toMatchObject({ height: 7, stateRoot: hash });
    expect(decodeManifest(part as Uint8Array)).toEqual(units);
    let chunk: Uint8Array = new Uint8Array(0);
    const cutter = new Cutter((bytes) => {
      chunk = new Uint8Array(bytes);
    });
    const key = Buffer.from('\x05key');
    cutter.add(key, random.bytes(40));
    cutter.add(key, random.bytes(70));
    cutter.end();
    expect(piecesOf(chunk)?.map(({ valueBytes }) => valueBytes)).toEqual([40, 70]);
    for (let i = 0; i < 5_000; i++) {
      decodeHead(spoiled(head, random));
      decodeManifest(spoiled(part as Uint8Array, random));
      for (const piece of piecesOf(spoiled(chunk, random)) ?? []) {
        expect(piece.offset + piece.content.length).toBeLessThanOrEqual(piece.valueBytes);
      }
    }
  });

  test('is cut where a chunk would be too long, and rows that are too long into pieces', () => {
    const sizes: number[] = [];
    const cutter = new Cutter((bytes) => {
      sizes.push(...(piecesOf(bytes) ?? []).map(({ content }) => content.length), -1);
    });
    const MIB = 1024 * 1024;
    for (const length of [10, MIB - 10, 1, 2 * MIB + 5, 7, MIB])
      cutter.add(Buffer.from('k'), new Uint8Array(length));
    cutter.end();
    expect(sizes).toEqual([10, MIB - 10, -1, 1, -1, MIB, -1, MIB, -1, 5, -1, 7, -1, MIB, -1]);
  });
});
