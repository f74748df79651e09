import { bytesEqual, concatBytes, toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import {
  type Content,
  contentDigest,
  emptyTree,
  encodeCertificate,
  encodeWitnessCertificate,
  lookupPath,
  reconstruct,
  sealed,
  witness,
} from '../src/index.ts';

const open = (reply: Uint8Array): Content => [
  ['status', utf8('replied')],
  ['reply', reply],
];

function openRow(row: Uint8Array): Content {
  return open(row.subarray(32));
}

function rowOf(reply: Uint8Array): Uint8Array {
  return concatBytes(contentDigest(open(reply)), reply);
}

function seal(reply: Uint8Array) {
  return sealed(rowOf(reply), openRow);
}

function key(index: number): Uint8Array {
  return Uint8Array.of((index * 37) & 0xff, index >>> 8, index & 0xff);
}

describe('sealed content', () => {
  test('has the root hash of the open content, in bulk and one by one', () => {
    let plain = emptyTree();
    let one = emptyTree();
    const rows: [Uint8Array, Content][] = [];
    for (let i = 0; i < 700; i++) {
      const row = new Uint8Array(i).fill(i);
      plain = plain.set(['requests', key(i)], open(row));
      one = one.set(['requests', key(i)], seal(row));
      rows.push([key(i), seal(row)]);
    }
    const bulk = emptyTree().set(['requests'], rows);
    expect(toHex(one.rootHash())).toBe(toHex(plain.rootHash()));
    expect(toHex(bulk.rootHash())).toBe(toHex(plain.rootHash()));
  });

  test('witnesses reveal and prove absence as if it were open', () => {
    const row = new Uint8Array(2_000).fill(7);
    const tree = emptyTree()
      .set(['requests', key(1)], seal(row))
      .set(['requests', key(2)], seal(utf8('x')));
    const paths = [
      ['requests', key(1), 'reply'],
      ['requests', key(1), 'nothing'],
      ['requests', key(3)],
    ];
    const shown = witness(tree, paths);
    const signature = new Uint8Array(48).fill(1);
    expect(encodeWitnessCertificate({ tree, signature }, paths)).toEqual(
      encodeCertificate({ tree: shown, signature }),
    );
    expect(bytesEqual(reconstruct(shown), tree.rootHash())).toBe(true);
    expect(lookupPath(shown, ['requests', key(1), 'reply'])).toEqual({ kind: 'found', value: row });
    expect(lookupPath(shown, ['requests', key(1), 'nothing'])).toEqual({ kind: 'absent' });
    expect(lookupPath(shown, ['requests', key(3), 'reply'])).toEqual({ kind: 'absent' });
    expect(lookupPath(shown, ['requests', key(2), 'reply'])).toEqual({ kind: 'unknown' });
  });

  test('gives its row back, and rows in order after a label', () => {
    let tree = emptyTree().set(['other'], utf8('leaf'));
    const keys = Array.from({ length: 50 }, (_, i) => key(i));
    for (const each of keys) tree = tree.set(['requests', each], seal(each));
    const sorted = keys.map(toHex).sort();
    for (const start of ['', ...sorted.slice(0, 10), 'ffffffff']) {
      const after = Uint8Array.from(start.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
      const found = tree.sealedRowsAfter(['requests'], { after, limit: 7 });
      expect(found.map(({ label }) => toHex(label))).toEqual(
        sorted.filter((each) => each > start).slice(0, 7),
      );
      for (const { label, row } of found) expect(row).toEqual(rowOf(label));
    }
    expect(tree.sealedRow(['requests', key(3)])).toEqual(rowOf(key(3)));
    expect(tree.sealedRow(['requests', key(99)])).toBeUndefined();
    expect(tree.lookup(['requests', key(3), 'status'])).toEqual(utf8('replied'));
  });

  test('a change below opens it', () => {
    const tree = emptyTree().set(['requests', key(1)], seal(utf8('old')));
    const changed = tree.set(['requests', key(1), 'reply'], utf8('new'));
    const plain = emptyTree().set(['requests', key(1)], open(utf8('new')));
    expect(toHex(changed.rootHash())).toBe(toHex(plain.rootHash()));
  });
});
