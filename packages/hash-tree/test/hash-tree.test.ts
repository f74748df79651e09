import { sha256 } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { leafDigest } from '../src/digest.ts';
import {
  decodeHashTree,
  EMPTY_HASH_TREE,
  emptyTree,
  encodeCertificate,
  encodeHashTree,
  encodeWitnessCertificate,
  type HashTree,
  lookupPath,
  reconstruct,
  witness,
} from '../src/index.ts';
import { digestFromBytes, digestToBytes, forkDigest } from '../src/sha256-words.ts';

const fork = (left: HashTree, right: HashTree): HashTree => ({ kind: 'fork', left, right });
const labeled = (label: string, tree: HashTree): HashTree => ({
  kind: 'labeled',
  label: utf8(label),
  tree,
});
const leaf = (text: string): HashTree => ({ kind: 'leaf', value: utf8(text) });
const pruned = (hex: string): HashTree => ({
  kind: 'pruned',
  hash: Uint8Array.from(Buffer.from(hex, 'hex')),
});
const empty: HashTree = { kind: 'empty' };

const SPEC_TREE = fork(
  fork(
    labeled('a', fork(fork(labeled('x', leaf('hello')), empty), labeled('y', leaf('world')))),
    labeled('b', leaf('good')),
  ),
  fork(labeled('c', empty), labeled('d', leaf('morning'))),
);
const SPEC_ROOT = 'eb5c5b2195e62d996b84c9bcc8259d19a83786a2f59e0878cec84c811f669aa0';

/** Small deterministic generator, so that a failure repeats. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

describe('hashing', () => {
  test('row 25: the root hash of the spec tree', () => {
    expect(toHex(reconstruct(SPEC_TREE))).toBe(SPEC_ROOT);
  });

  test('forks and leaves of every length hash as SHA-256 says', () => {
    const left = sha256(utf8('left'));
    const right = sha256(utf8('right'));
    const prefix = utf8('\x10ic-hashtree-fork');
    expect(digestToBytes(forkDigest(digestFromBytes(left), digestFromBytes(right)))).toEqual(
      sha256(Buffer.concat([prefix, left, right])),
    );
    for (const length of [0, 1, 38, 39, 46, 47, 48, 111, 112, 500, 1023, 1024, 5000]) {
      const bytes = new Uint8Array(length).fill(0xa5);
      expect(digestToBytes(leafDigest(bytes))).toEqual(
        sha256(Buffer.concat([utf8('\x10ic-hashtree-leaf'), bytes])),
      );
    }
  });
});

describe('lookup in a pruned tree', () => {
  const prunedTree = fork(
    fork(
      labeled(
        'a',
        fork(
          pruned('1b4feff9bef8131788b0c9dc6dbad6e81e524249c879e9f10f71ce3749f5a638'),
          labeled('y', leaf('world')),
        ),
      ),
      labeled('b', pruned('7b32ac0c6ba8ce35ac82c255fc7906f7fc130dab2a090f80fe12f9c2cae83ba6')),
    ),
    fork(
      pruned('ec8324b8a1f1ac16bd2e806edba78006479c9877fed4eb464a25485465af601d'),
      labeled('d', leaf('morning')),
    ),
  );

  test('row 26: pruning keeps the root hash', () => {
    expect(toHex(reconstruct(prunedTree))).toBe(SPEC_ROOT);
  });

  test('found, absent, unknown and error as in the spec', () => {
    const cases: [string[], string][] = [
      [['a', 'a'], 'unknown'],
      [['a', 'y'], 'found'],
      [['aa'], 'absent'],
      [['ax'], 'absent'],
      [['b'], 'unknown'],
      [['bb'], 'unknown'],
      [['d'], 'found'],
      [['e'], 'absent'],
      [['d', 'below'], 'absent'],
      [['a'], 'error'],
    ];
    for (const [path, kind] of cases) {
      expect([path, lookupPath(prunedTree, path).kind]).toEqual([path, kind]);
    }
    expect(lookupPath(SPEC_TREE, ['c'])).toEqual({ kind: 'absent' });
    expect(lookupPath(SPEC_TREE, ['c', 'x'])).toEqual({ kind: 'absent' });
    expect(lookupPath(SPEC_TREE, ['b'])).toEqual({ kind: 'found', value: utf8('good') });
  });
});

describe('encoding', () => {
  test('the spec tree encodes to its 100 bytes and back', () => {
    const bytes = encodeHashTree(SPEC_TREE);
    expect(toHex(bytes)).toBe(
      'd9d9f7' +
        '8301830183024161830183018302417882034568656c6c6f810083024179820345776f726c6483024162' +
        '820344676f6f648301830241638100830241648203476d6f726e696e67',
    );
    expect(decodeHashTree(bytes)).toEqual({ kind: 'valid', value: SPEC_TREE });
  });

  test('malformed trees are invalid, never an exception', () => {
    const bad = [
      '',
      '80',
      '8101',
      '8200',
      '8105',
      '820040',
      '8303404040',
      '8204580100',
      '82041f',
      '820360',
      '8302604180',
      '83028081008100',
      '8301810082',
      '830183024162810083024161' + '8100',
      '8301830241618100830241618100',
      '8301820340830241618100',
      '8100ff',
    ];
    for (const hex of bad) {
      const verdict = decodeHashTree(Uint8Array.from(Buffer.from(hex, 'hex')));
      expect([hex, verdict.kind]).toEqual([hex, 'invalid']);
    }
  });

  test('nesting is bounded', () => {
    const deep = Buffer.concat([
      Buffer.alloc(3 * 400_000, Buffer.from('830240', 'hex')),
      Buffer.from('8100', 'hex'),
    ]);
    expect(decodeHashTree(Uint8Array.from(deep)).kind).toBe('invalid');
  });

  test('mutated bytes decode to a verdict', () => {
    const random = generator(7);
    const bytes = encodeHashTree(SPEC_TREE);
    for (let round = 0; round < 5_000; round++) {
      const mutated = bytes.slice(0, random(bytes.length) + 1);
      for (let i = random(4); i >= 0; i--) mutated[random(mutated.length)] = random(256);
      const verdict = decodeHashTree(mutated);
      if (verdict.kind === 'valid') expect(reconstruct(verdict.value)).toHaveLength(32);
    }
  });
});

describe('labelled tree', () => {
  test('the root hash depends on the content only, not on its history', () => {
    const random = generator(1);
    for (let round = 0; round < 60; round++) {
      const content = new Map<string, string>();
      for (let i = random(40); i >= 0; i--) {
        // Short labels over two letters: many are prefixes of others.
        const label = Array.from({ length: random(6) }, () => 'ab\u00ff'[random(3)]).join('');
        content.set(`${random(3)}/${label}`, `value ${random(1000)}`);
      }
      const pathOf = (key: string): string[] => key.split('/');
      let forward = emptyTree();
      for (const [key, value] of content) forward = forward.set(pathOf(key), utf8(value));
      let backward = emptyTree();
      for (const [key, value] of [...content].reverse()) {
        backward = backward.set([...pathOf(key)], utf8('old')).set(['gone', key], utf8('x'));
        if (random(2) === 0) backward.rootHash();
        backward = backward.set(pathOf(key), utf8(value)).remove(['gone', key]);
      }
      expect(backward.rootHash()).toEqual(forward.rootHash());
      for (const [key, value] of content) {
        expect(backward.lookup(pathOf(key))).toEqual(utf8(value));
      }
      for (const key of content.keys()) backward = backward.remove(pathOf(key));
      expect(backward.rootHash()).toEqual(emptyTree().rootHash());
    }
  });

  test('older versions stay as they were', () => {
    const first = emptyTree().set(['a', 'x'], utf8('1')).set(['a', 'y'], utf8('2'));
    const root = first.rootHash();
    const second = first.set(['a', 'x'], utf8('3')).remove(['a', 'y']);
    expect(first.lookup(['a', 'x'])).toEqual(utf8('1'));
    expect(first.lookup(['a', 'y'])).toEqual(utf8('2'));
    expect(first.rootHash()).toEqual(root);
    expect(second.lookup(['a', 'y'])).toBeUndefined();
    expect(second.lookup(['a'])).toBeUndefined();
  });

  test('a level set at once equals its leaves set one by one', () => {
    const large = new Uint8Array(5000).fill(1);
    const atOnce = emptyTree().set(
      ['r', 'id'],
      [
        ['status', utf8('replied')],
        ['reply', large],
      ],
    );
    const oneByOne = emptyTree()
      .set(['r', 'id', 'reply'], large)
      .set(['r', 'id', 'status'], utf8('replied'));
    expect(atOnce.rootHash()).toEqual(oneByOne.rootHash());
    expect(atOnce.set(['r', 'id'], []).rootHash()).toEqual(emptyTree().rootHash());
  });

  test('text labels are their UTF-8 bytes', () => {
    expect(emptyTree().set(['größe'], utf8('1')).rootHash()).toEqual(
      emptyTree()
        .set([utf8('größe')], utf8('1'))
        .rootHash(),
    );
  });
});

describe('witness', () => {
  test('row 26: witnesses keep the root, reveal what is asked and prove absence', () => {
    const random = generator(3);
    const label = (): string =>
      Array.from({ length: 1 + random(4) }, () => 'abc'[random(3)]).join('');
    for (let round = 0; round < 200; round++) {
      const content = new Map<string, Uint8Array>();
      let tree = emptyTree();
      for (let i = random(30); i >= 0; i--) {
        const path = [label(), `${label()}.`];
        content.set(path.join('/'), utf8(`${random(100)}`));
        tree = tree.set(path, content.get(path.join('/')) as Uint8Array);
      }
      const paths = Array.from({ length: random(5) }, () => [label(), `${label()}.`]);
      const proof = decodeHashTree(encodeHashTree(witness(tree, paths)));
      if (proof.kind !== 'valid') throw new Error(proof.reason);
      expect(reconstruct(proof.value)).toEqual(tree.rootHash());
      const signature = new Uint8Array(48).fill(round);
      expect(encodeWitnessCertificate({ tree, signature }, paths)).toEqual(
        encodeCertificate({ tree: witness(tree, paths), signature }),
      );
      for (const path of paths) {
        const value = content.get(path.join('/'));
        expect(lookupPath(proof.value, path)).toEqual(
          value === undefined ? { kind: 'absent' } : { kind: 'found', value },
        );
      }
    }
  });

  test('a prefix reveals everything below it and nothing beside it', () => {
    const tree = emptyTree()
      .set(['subnet', 's', 'node', 'n', 'public_key'], utf8('key'))
      .set(['subnet', 's', 'public_key'], utf8('bls'))
      .set(['secret'], utf8('hidden'))
      .set(['time'], utf8('1'));
    const proof = witness(tree, [['subnet'], ['time']]);
    expect(lookupPath(proof, ['subnet', 's', 'node', 'n', 'public_key']).kind).toBe('found');
    expect(lookupPath(proof, ['subnet', 's', 'public_key']).kind).toBe('found');
    expect(lookupPath(proof, ['secret']).kind).toBe('unknown');
    expect(new TextDecoder().decode(encodeHashTree(proof))).not.toContain('hidden');
    expect(reconstruct(proof)).toEqual(tree.rootHash());
  });

  test('paths below a leaf and in an empty tree are absent', () => {
    const tree = emptyTree().set(['time'], utf8('1'));
    expect(lookupPath(witness(tree, [['time', 'x']]), ['time', 'x'])).toEqual({ kind: 'absent' });
    expect(lookupPath(witness(emptyTree(), [['a']]), ['a'])).toEqual({ kind: 'absent' });
    expect(reconstruct(witness(emptyTree(), [['a']]))).toEqual(emptyTree().rootHash());
    expect(witness(tree, [[]])).toEqual(witness(tree, [['time']]));
    const signature = new Uint8Array(48);
    expect(encodeWitnessCertificate({ tree: emptyTree(), signature }, [['a']])).toEqual(
      encodeCertificate({ tree: EMPTY_HASH_TREE, signature }),
    );
  });
});
