/**
 * Witnesses: the smallest hash tree with the root hash of a labelled tree that reveals all that
 * stands at the asked paths, and proves of paths without anything that nothing is there.
 */
import type { CborWriter } from '@internode/encoding';
import {
  type Binary,
  bitAt,
  firstDifference,
  fromBinary,
  type Label,
  labelToBinary,
} from './binary.ts';
import { EMPTY_HASH_TREE, HASH_TREE_TAGS, type HashTree } from './hash-tree.ts';
import {
  type Child,
  childDigest,
  digestOf,
  type Edge,
  Fork,
  firstEdge,
  isLeaf,
  type LabelledTree,
  type Leaf,
  type Level,
  lastEdge,
  leafToBytes,
  nearestEdge,
  opened,
} from './labelled-tree.ts';
import { type Digest, digestToBytes } from './sha256-words.ts';

/** The asked paths below one point, merged: a label to what is asked below it. */
type Ask = { all: boolean; readonly below: Map<Binary, Ask> };

/** What to do with an edge: reveal it as asked, or show its label only, as a neighbour. */
type Marks = ReadonlyMap<Binary, Ask | 'label'>;

const NO_LABELS: readonly Binary[] = [];

/** Hears a hash tree, every node before those below it, the left side of a fork before the right. */
interface Listener {
  fork(): void;
  labeled(label: Binary): void;
  leaf(leaf: Leaf): void;
  pruned(digest: Digest): void;
}

/** The witness of `tree` for `paths`. The empty path reveals the whole tree. */
export function witness(tree: LabelledTree, paths: ReadonlyArray<readonly Label[]>): HashTree {
  if (tree.root === undefined) return EMPTY_HASH_TREE;
  const builder = new Builder();
  reveal(tree.root, asked(paths), builder);
  return builder.root;
}

/** Writes what `hashTreeToCbor` makes of `witness`, without its nodes: they are most of what a certificate costs. */
export function writeWitness(
  writer: CborWriter,
  tree: LabelledTree,
  paths: ReadonlyArray<readonly Label[]>,
): void {
  if (tree.root === undefined) writer.item([HASH_TREE_TAGS.empty]);
  else reveal(tree.root, asked(paths), new Writer(writer));
}

type Opened =
  | { readonly kind: 'labeled'; readonly label: Uint8Array }
  | { readonly kind: 'fork'; left: HashTree | undefined };

class Builder implements Listener {
  root: HashTree = EMPTY_HASH_TREE;
  /** Nodes of which something is still to come, the outermost first. */
  readonly #opened: Opened[] = [];

  fork(): void {
    this.#opened.push({ kind: 'fork', left: undefined });
  }

  labeled(label: Binary): void {
    this.#opened.push({ kind: 'labeled', label: fromBinary(label) });
  }

  leaf(leaf: Leaf): void {
    this.#close({ kind: 'leaf', value: leafToBytes(leaf) });
  }

  pruned(digest: Digest): void {
    this.#close({ kind: 'pruned', hash: digestToBytes(digest) });
  }

  #close(complete: HashTree): void {
    let node = complete;
    for (let above = this.#opened.pop(); above !== undefined; above = this.#opened.pop()) {
      if (above.kind === 'labeled') {
        node = { kind: 'labeled', label: above.label, tree: node };
      } else if (above.left === undefined) {
        above.left = node;
        this.#opened.push(above);
        return;
      } else {
        node = { kind: 'fork', left: above.left, right: node };
      }
    }
    this.root = node;
  }
}

class Writer implements Listener {
  readonly #writer: CborWriter;

  constructor(writer: CborWriter) {
    this.#writer = writer;
  }

  fork(): void {
    this.#writer.array(3);
    this.#writer.item(HASH_TREE_TAGS.fork);
  }

  labeled(label: Binary): void {
    this.#writer.array(3);
    this.#writer.item(HASH_TREE_TAGS.labeled);
    this.#writer.binary(label);
  }

  leaf(leaf: Leaf): void {
    this.#writer.array(2);
    this.#writer.item(HASH_TREE_TAGS.leaf);
    if (typeof leaf === 'string') this.#writer.binary(leaf);
    else this.#writer.item(leaf);
  }

  pruned(digest: Digest): void {
    const writer = this.#writer;
    writer.array(2);
    writer.item(HASH_TREE_TAGS.pruned);
    writer.words(8);
    writer.word(digest.a);
    writer.word(digest.b);
    writer.word(digest.c);
    writer.word(digest.d);
    writer.word(digest.e);
    writer.word(digest.f);
    writer.word(digest.g);
    writer.word(digest.h);
  }
}

function asked(paths: ReadonlyArray<readonly Label[]>): Ask {
  const ask: Ask = { all: false, below: new Map() };
  for (const path of paths) addPath(ask, path);
  return ask;
}

function addPath(ask: Ask, path: readonly Label[]): void {
  let current = ask;
  for (const label of path) {
    const binary = labelToBinary(label);
    let next = current.below.get(binary);
    if (next === undefined) {
      next = { all: false, below: new Map() };
      current.below.set(binary, next);
    }
    current = next;
  }
  current.all = true;
}

function reveal(child: Child, ask: Ask, listener: Listener): void {
  if (ask.all) return revealAll(child, listener);
  const level = opened(child);
  if (isLeaf(level)) return listener.leaf(level);
  const marks = new Map<Binary, Ask | 'label'>();
  for (const [label, below] of ask.below) mark(level, label, below, marks);
  revealMarked(level, marks, [...marks.keys()], listener);
}

function revealAll(child: Child, listener: Listener): void {
  const node = opened(child);
  if (isLeaf(node)) return listener.leaf(node);
  if (node instanceof Fork) {
    listener.fork();
    revealAll(node.left, listener);
    revealAll(node.right, listener);
    return;
  }
  listener.labeled(node.label);
  revealAll(node.child, listener);
}

function mark(level: Level, label: Binary, ask: Ask, marks: Map<Binary, Ask | 'label'>): void {
  const nearest = nearestEdge(level, label);
  if (nearest.label === label) {
    marks.set(label, ask);
    return;
  }
  for (const neighbour of neighbours(level, label, nearest)) {
    if (!marks.has(neighbour.label)) marks.set(neighbour.label, 'label');
  }
}

/** The edges directly before and after where an absent label would be. */
function neighbours(level: Level, label: Binary, nearest: Edge): Edge[] {
  const bit = firstDifference(nearest.label, label);
  let before: Level | undefined;
  let after: Level | undefined;
  let node = level;
  while (node instanceof Fork && node.bit < bit) {
    if (bitAt(label, node.bit) === 0) {
      after = node.right;
      node = node.left;
    } else {
      before = node.left;
      node = node.right;
    }
  }
  if (bitAt(label, bit) === 0) after = node;
  else before = node;
  const edges: Edge[] = [];
  if (before !== undefined) edges.push(lastEdge(before));
  if (after !== undefined) edges.push(firstEdge(after));
  return edges;
}

/** `labels` are the marked ones below `level`; all of them are there. */
function revealMarked(
  level: Level,
  marks: Marks,
  labels: readonly Binary[],
  listener: Listener,
): void {
  if (labels.length === 0) return listener.pruned(digestOf(level));
  if (level instanceof Fork) {
    listener.fork();
    const [left, right] = sides(labels, level.bit);
    revealMarked(level.left, marks, left, listener);
    revealMarked(level.right, marks, right, listener);
    return;
  }
  const ask = marks.get(level.label);
  listener.labeled(level.label);
  if (ask !== undefined && ask !== 'label') reveal(level.child, ask, listener);
  else listener.pruned(childDigest(level.child));
}

/** Those of `labels` that lie to the left of a fork at `bit`, and those to the right. */
function sides(
  labels: readonly Binary[],
  bit: number,
): readonly [readonly Binary[], readonly Binary[]] {
  const [only] = labels;
  if (only !== undefined && labels.length === 1) {
    return bitAt(only, bit) === 0 ? [labels, NO_LABELS] : [NO_LABELS, labels];
  }
  const left: Binary[] = [];
  const right: Binary[] = [];
  for (const label of labels) (bitAt(label, bit) === 0 ? left : right).push(label);
  return [left, right];
}
