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
  type Binary,
  bitAt,
  firstDifference,
  fromBinary,
  type Label,
  labelToBinary,
  toBinary,
} from './binary.ts';
import { emptyDigest, labeledDigest, leafDigest } from './digest.ts';
import { SMALL_LEAF_BYTES_MAX } from './limits.ts';
import { Sealed } from './sealed.ts';
import { type Digest, digestToBytes, forkDigest } from './sha256-words.ts';

/** What stands at a path: the bytes of a leaf, sealed content, or labels with what stands below them. */
export type Content = Uint8Array | Sealed | ReadonlyArray<readonly [Label, Content]>;

/** Small leaves are binary strings, others the caller's bytes. */
export type Leaf = Binary | Uint8Array;
export type Level = Fork | Edge;
export type Child = Leaf | Level | Sealed;

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
    const child = this.#childAt(path);
    return child !== undefined && isLeaf(child) ? leafToBytes(child) : undefined;
  }

  /** The row of the sealed content at `path`; undefined when there is none. */
  sealedRow(path: readonly Label[]): Uint8Array | undefined {
    const child = this.#childAt(path);
    return child instanceof Sealed ? child.row : undefined;
  }

  /** Up to `limit` labels directly below `path` with their sealed rows, ascending, after the label `after`. */
  sealedRowsAfter(
    path: readonly Label[],
    { after, limit }: { readonly after: Label; readonly limit: number },
  ): { readonly label: Uint8Array; readonly row: Uint8Array }[] {
    const found: { readonly label: Uint8Array; readonly row: Uint8Array }[] = [];
    const level = this.#childAt(path);
    if (level === undefined || isLeaf(level) || level instanceof Sealed) return found;
    for (const edge of edgesAfter(level, labelToBinary(after))) {
      if (found.length === limit) break;
      if (!(edge.child instanceof Sealed)) continue;
      found.push({ label: fromBinary(edge.label), row: edge.child.row });
    }
    return found;
  }

  /** Root hash, 32 bytes. Costs a hash per fork changed since it was last asked. */
  rootHash(): Uint8Array {
    return digestToBytes(this.root === undefined ? emptyDigest() : digestOf(this.root));
  }

  #childAt(path: readonly Label[]): Child | undefined {
    let child: Child | undefined = this.root;
    for (const label of path) {
      const level: Child | undefined = child && opened(child);
      if (level === undefined || isLeaf(level)) return undefined;
      child = findLabel(level, labelToBinary(label));
    }
    return child;
  }

  #with(child: Child | undefined): LabelledTree {
    assert(child === undefined || isLevel(child), 'the root of a labelled tree is a level');
    return child === this.root ? this : new LabelledTree(child);
  }
}

export function emptyTree(): LabelledTree {
  return new LabelledTree(undefined);
}

export function isLeaf(child: Child): child is Leaf {
  return typeof child === 'string' || child instanceof Uint8Array;
}

function isLevel(child: Child): child is Level {
  return child instanceof Fork || child instanceof Edge;
}

/** What a sealed child holds; others as they are. */
export function opened(child: Child): Leaf | Level {
  if (!(child instanceof Sealed)) return child;
  const content = build(child.content());
  assert(content !== undefined && !(content instanceof Sealed), 'sealed content has a leaf');
  return content;
}

export function leafToBytes(leaf: Leaf): Uint8Array {
  return typeof leaf === 'string' ? fromBinary(leaf) : leaf;
}

/** The edges with a label greater than `after`, ascending. */
function* edgesAfter(level: Level, after: Binary): Generator<Edge> {
  const rest: Level[] = [level];
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    if (node instanceof Edge) {
      if (node.label > after) yield node;
    } else if (lastEdge(node.left).label > after) rest.push(node.right, node.left);
    else rest.push(node.right);
  }
}

export function firstEdge(level: Level): Edge {
  let node = level;
  while (node instanceof Fork) node = node.left;
  return node;
}

export function lastEdge(level: Level): Edge {
  let node = level;
  while (node instanceof Fork) node = node.right;
  return node;
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
  if (child instanceof Sealed) return child.digest;
  return isLeaf(child) ? leafDigest(child) : digestOf(child);
}

/** Hash of the subtree that `content` makes, 32 bytes; content without leaves has that of the empty tree. */
export function contentDigest(content: Content): Uint8Array {
  const child = build(content);
  return digestToBytes(child === undefined ? emptyDigest() : childDigest(child));
}

function changeAt(
  child: Child | undefined,
  path: readonly Binary[],
  at: number,
  content: Content,
): Child | undefined {
  const label = path[at];
  if (label === undefined) return build(content);
  const level = child && opened(child);
  assert(level === undefined || !isLeaf(level), 'a path of a labelled tree runs through a leaf');
  return changeLabel(level, label, (below) => changeAt(below, path, at + 1, content));
}

function build(content: Content): Child | undefined {
  if (content instanceof Sealed) return content;
  if (content instanceof Uint8Array) {
    return content.length <= SMALL_LEAF_BYTES_MAX ? toBinary(content) : content;
  }
  const edges: Edge[] = [];
  for (const [label, below] of content) {
    const child = build(below);
    if (child !== undefined) edges.push(new Edge(labelToBinary(label), child));
  }
  if (!isAscending(edges)) edges.sort((left, right) => (left.label < right.label ? -1 : 1));
  return edges.length === 0 ? undefined : buildLevel(edges, 0, edges.length);
}

function isAscending(edges: readonly Edge[]): boolean {
  for (let i = 1; i < edges.length; i++)
    if ((edges[i - 1] as Edge).label >= (edges[i] as Edge).label) return false;
  return true;
}

/** The level of the ascending `edges` in [start, end). */
function buildLevel(edges: readonly Edge[], start: number, end: number): Level {
  const first = edges[start] as Edge;
  if (end - start === 1) return first;
  const bit = firstDifference(first.label, (edges[end - 1] as Edge).label);
  assert(bit !== -1, 'content names a label twice');
  let low = start + 1;
  let high = end - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bitAt((edges[middle] as Edge).label, bit) === 0) low = middle + 1;
    else high = middle;
  }
  return new Fork(bit, buildLevel(edges, start, low), buildLevel(edges, low, end));
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
