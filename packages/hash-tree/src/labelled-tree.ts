/**
 * The labelled tree of the state, kept incrementally (interface spec 2.1).
 *
 * 1. Each level of labels is a crit-bit tree: its shape, and so the root hash, depends on the
 *    labels that are there and on nothing else, neither on the order of changes nor on removals.
 * 2. A tree is a value. `set` and `remove` copy the path from the root to the change and share
 *    the rest, so the version of a certified height stays readable while the next one is built.
 * 3. A label without leaves below it does not exist: removing its last leaf removes it.
 * 4. Hashes are computed when first asked for and kept in forks and above large leaves only:
 *    what lies between two forks is cheaper to hash again than to remember.
 */
import { assert } from '@internode/prelude';
import {
  bitAt,
  type Binary,
  firstDifference,
  fromBinary,
  type Label,
  labelToBinary,
  toBinary,
} from './binary.ts';
import { emptyDigest, labeledDigest, leafDigest } from './digest.ts';
import { SMALL_LEAF_BYTES_MAX } from './limits.ts';
import { type Digest, digestToBytes, forkDigest } from './sha256-words.ts';

/** What stands at a path: the bytes of a leaf, or labels with what stands below them. */
export type Content = Uint8Array | ReadonlyArray<readonly [Label, Content]>;

/** Small leaves are binary strings, others the caller's bytes. */
export type Leaf = Binary | Uint8Array;
export type Level = Fork | Edge;
export type Child = Leaf | Level;

export class Fork {
  readonly bit: number;
  readonly left: Level;
  readonly right: Level;
  digest: Digest | undefined = undefined;

  constructor(bit: number, left: Level, right: Level) {
    this.bit = bit;
    this.left = left;
    this.right = right;
  }
}

export class Edge {
  readonly label: Binary;
  readonly child: Child;
  /** Kept above large leaves only. */
  digest: Digest | undefined = undefined;

  constructor(label: Binary, child: Child) {
    this.label = label;
    this.child = child;
  }
}

/** An immutable labelled tree; make the first with `emptyTree`. */
export class LabelledTree {
  readonly root: Level | undefined;

  constructor(root: Level | undefined) {
    this.root = root;
  }

  /**
   * The tree with `content` at `path` instead of what was there. A list without any leaf is the
   * same as `remove`. Paths that run through a leaf break an invariant. Bytes of a leaf are kept,
   * not copied: they must not change afterwards.
   */
  set(path: readonly Label[], content: Content): LabelledTree {
    assert(path.length > 0, 'the root of a labelled tree is not a leaf');
    return this.#with(changeAt(this.root, path.map(labelToBinary), 0, content));
  }

  /** The tree without anything at or below `path`. */
  remove(path: readonly Label[]): LabelledTree {
    return this.set(path, []);
  }

  /** The leaf at `path`; undefined when there is none. */
  lookup(path: readonly Label[]): Uint8Array | undefined {
    let child: Child | undefined = this.root;
    for (const label of path) {
      if (child === undefined || isLeaf(child)) return undefined;
      child = findLabel(child, labelToBinary(label));
    }
    if (child === undefined || !isLeaf(child)) return undefined;
    return leafToBytes(child);
  }

  /** Root hash, 32 bytes. Costs a hash per fork changed since it was last asked. */
  rootHash(): Uint8Array {
    return digestToBytes(this.root === undefined ? emptyDigest() : digestOf(this.root));
  }

  #with(child: Child | undefined): LabelledTree {
    assert(child === undefined || !isLeaf(child), 'the root of a labelled tree is a level');
    return child === this.root ? this : new LabelledTree(child);
  }
}

export function emptyTree(): LabelledTree {
  return new LabelledTree(undefined);
}

export function isLeaf(child: Child): child is Leaf {
  return typeof child === 'string' || child instanceof Uint8Array;
}

export function leafToBytes(leaf: Leaf): Uint8Array {
  return typeof leaf === 'string' ? fromBinary(leaf) : leaf;
}

export function findLabel(level: Level, label: Binary): Child | undefined {
  const edge = nearestEdge(level, label);
  return edge.label === label ? edge.child : undefined;
}

/** The edge at the end of the label's own way through the forks: the only one it may equal. */
export function nearestEdge(level: Level, label: Binary): Edge {
  let node = level;
  while (node instanceof Fork) node = bitAt(label, node.bit) === 0 ? node.left : node.right;
  return node;
}

export function digestOf(level: Level): Digest {
  if (level.digest !== undefined) return level.digest;
  if (level instanceof Fork) {
    level.digest = forkDigest(digestOf(level.left), digestOf(level.right));
    return level.digest;
  }
  const digest = labeledDigest(level.label, childDigest(level.child));
  if (level.child instanceof Uint8Array) level.digest = digest;
  return digest;
}

export function childDigest(child: Child): Digest {
  return isLeaf(child) ? leafDigest(child) : digestOf(child);
}

function changeAt(
  child: Child | undefined,
  path: readonly Binary[],
  at: number,
  content: Content,
): Child | undefined {
  const label = path[at];
  if (label === undefined) return build(content);
  assert(child === undefined || !isLeaf(child), 'a path of a labelled tree runs through a leaf');
  return changeLabel(child, label, (below) => changeAt(below, path, at + 1, content));
}

function build(content: Content): Child | undefined {
  if (content instanceof Uint8Array) {
    return content.length <= SMALL_LEAF_BYTES_MAX ? toBinary(content) : content;
  }
  let level: Level | undefined;
  for (const [label, below] of content) {
    level = changeLabel(level, labelToBinary(label), (old) => {
      assert(old === undefined, 'content names a label twice');
      return build(below);
    });
  }
  return level;
}

function changeLabel(
  level: Level | undefined,
  label: Binary,
  change: (child: Child | undefined) => Child | undefined,
): Level | undefined {
  if (level === undefined) {
    const child = change(undefined);
    return child === undefined ? undefined : new Edge(label, child);
  }
  const nearest = nearestEdge(level, label);
  const bit = firstDifference(nearest.label, label);
  if (bit !== -1) {
    const child = change(undefined);
    return child === undefined ? level : withEdge(level, new Edge(label, child), bit);
  }
  const child = change(nearest.child);
  if (child === nearest.child) return level;
  return child === undefined
    ? withoutEdge(level, label)
    : replacingEdge(level, new Edge(label, child));
}

function withEdge(level: Level, edge: Edge, bit: number): Level {
  if (level instanceof Fork && level.bit < bit) {
    return bitAt(edge.label, level.bit) === 0
      ? new Fork(level.bit, withEdge(level.left, edge, bit), level.right)
      : new Fork(level.bit, level.left, withEdge(level.right, edge, bit));
  }
  return bitAt(edge.label, bit) === 0 ? new Fork(bit, edge, level) : new Fork(bit, level, edge);
}

function replacingEdge(level: Level, edge: Edge): Level {
  if (level instanceof Edge) return edge;
  return bitAt(edge.label, level.bit) === 0
    ? new Fork(level.bit, replacingEdge(level.left, edge), level.right)
    : new Fork(level.bit, level.left, replacingEdge(level.right, edge));
}

function withoutEdge(level: Level, label: Binary): Level | undefined {
  if (level instanceof Edge) return undefined;
  const isLeft = bitAt(label, level.bit) === 0;
  const kept = withoutEdge(isLeft ? level.left : level.right, label);
  if (kept === undefined) return isLeft ? level.right : level.left;
  return isLeft ? new Fork(level.bit, kept, level.right) : new Fork(level.bit, level.left, kept);
}
