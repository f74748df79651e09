/**
 * Witnesses: the smallest hash tree with the root hash of a labelled tree that reveals all that
 * stands at the asked paths, and proves of paths without anything that nothing is there.
 */
import {
  type Binary,
  bitAt,
  firstDifference,
  fromBinary,
  type Label,
  labelToBinary,
} from './binary.ts';
import { EMPTY_HASH_TREE, type HashTree } from './hash-tree.ts';
import {
  type Child,
  childDigest,
  digestOf,
  type Edge,
  Fork,
  firstEdge,
  isLeaf,
  type LabelledTree,
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

/** The witness of `tree` for `paths`. The empty path reveals the whole tree. */
export function witness(tree: LabelledTree, paths: ReadonlyArray<readonly Label[]>): HashTree {
  if (tree.root === undefined) return EMPTY_HASH_TREE;
  const ask: Ask = { all: false, below: new Map() };
  for (const path of paths) addPath(ask, path);
  return reveal(tree.root, ask);
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

function reveal(child: Child, ask: Ask): HashTree {
  if (ask.all) return revealAll(child);
  const level = opened(child);
  if (isLeaf(level)) return { kind: 'leaf', value: leafToBytes(level) };
  const marks = new Map<Binary, Ask | 'label'>();
  for (const [label, below] of ask.below) mark(level, label, below, marks);
  return revealMarked(level, marks, [...marks.keys()]);
}

function revealAll(child: Child): HashTree {
  const node = opened(child);
  if (isLeaf(node)) return { kind: 'leaf', value: leafToBytes(node) };
  if (node instanceof Fork) {
    return { kind: 'fork', left: revealAll(node.left), right: revealAll(node.right) };
  }
  return { kind: 'labeled', label: fromBinary(node.label), tree: revealAll(node.child) };
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
function revealMarked(level: Level, marks: Marks, labels: readonly Binary[]): HashTree {
  if (labels.length === 0) return pruned(digestOf(level));
  if (level instanceof Fork) {
    const [only] = labels;
    if (only !== undefined && labels.length === 1) {
      const isLeft = bitAt(only, level.bit) === 0;
      return {
        kind: 'fork',
        left: revealMarked(level.left, marks, isLeft ? labels : NO_LABELS),
        right: revealMarked(level.right, marks, isLeft ? NO_LABELS : labels),
      };
    }
    const left: Binary[] = [];
    const right: Binary[] = [];
    for (const label of labels) (bitAt(label, level.bit) === 0 ? left : right).push(label);
    return {
      kind: 'fork',
      left: revealMarked(level.left, marks, left),
      right: revealMarked(level.right, marks, right),
    };
  }
  const ask = marks.get(level.label);
  const isAsked = ask !== undefined && ask !== 'label';
  return {
    kind: 'labeled',
    label: fromBinary(level.label),
    tree: isAsked ? reveal(level.child, ask) : pruned(childDigest(level.child)),
  };
}

function pruned(digest: Digest): HashTree {
  return { kind: 'pruned', hash: digestToBytes(digest) };
}
