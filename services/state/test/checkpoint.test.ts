import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { MemoryStore } from '@internode/storage/memory';
import { describe, expect, test } from 'vitest';
import { EngineInPlace } from '../src/adapters/engine-in-place.ts';
import { Cutter, piecesOf } from '../src/checkpoint/chunks.ts';
import { decodeHead, decodeManifest, encodeManifest } from '../src/checkpoint/manifest.ts';
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
