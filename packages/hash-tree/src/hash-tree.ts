/**
 * Hash trees as they travel: in certificates, and in what canisters sign (interface spec 2.1).
 * Parts may be pruned: only their hash is left, so the root hash stays the same.
 */
import { type CborInput, type CborValue, decodeCbor, encodeCbor } from '@internode/encoding';
import { compareBytes, invalid, unreachable, type Verdict, valid } from '@internode/prelude';
import { type Label, labelToBytes } from './binary.ts';
import { emptyDigest, labeledBytesDigest, leafDigest } from './digest.ts';
import { TREE_BYTES_MAX, TREE_DEPTH_MAX, TREE_ITEMS_MAX } from './limits.ts';
import { type Digest, digestFromBytes, digestToBytes, forkDigest } from './sha256-words.ts';

export type HashTree =
  | { readonly kind: 'empty' }
  | { readonly kind: 'fork'; readonly left: HashTree; readonly right: HashTree }
  | { readonly kind: 'labeled'; readonly label: Uint8Array; readonly tree: HashTree }
  | { readonly kind: 'leaf'; readonly value: Uint8Array }
  | { readonly kind: 'pruned'; readonly hash: Uint8Array };

export type Lookup =
  | { readonly kind: 'found'; readonly value: Uint8Array }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'error' };

export type SubtreeLookup =
  | { readonly kind: 'found'; readonly tree: HashTree }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown' };

/** What the array of a node begins with in CBOR. */
export const HASH_TREE_TAGS = { empty: 0, fork: 1, labeled: 2, leaf: 3, pruned: 4 } as const;

export const EMPTY_HASH_TREE: HashTree = { kind: 'empty' };

/** Root hash, 32 bytes. */
export function reconstruct(tree: HashTree): Uint8Array {
  return digestToBytes(treeDigest(tree));
}

function treeDigest(tree: HashTree): Digest {
  switch (tree.kind) {
    case 'empty':
      return emptyDigest();
    case 'fork':
      return forkDigest(treeDigest(tree.left), treeDigest(tree.right));
    case 'labeled':
      return labeledBytesDigest(tree.label, treeDigest(tree.tree));
    case 'leaf':
      return leafDigest(tree.value);
    case 'pruned':
      return digestFromBytes(tree.hash);
    default:
      return unreachable(tree);
  }
}

/**
 * What the tree says about the leaf at `path`: its value, that it is not there, nothing (pruned),
 * or `error` when the path ends above labels.
 */
export function lookupPath(tree: HashTree, path: readonly Label[]): Lookup {
  const below = lookupSubtree(tree, path);
  if (below.kind !== 'found') return below;
  switch (below.tree.kind) {
    case 'leaf':
      return { kind: 'found', value: below.tree.value };
    case 'empty':
      return { kind: 'absent' };
    case 'pruned':
      return { kind: 'unknown' };
    case 'labeled':
    case 'fork':
      return { kind: 'error' };
    default:
      return unreachable(below.tree);
  }
}

/** What the tree says about whatever stands at `path`. */
export function lookupSubtree(tree: HashTree, path: readonly Label[]): SubtreeLookup {
  let current = tree;
  for (const label of path) {
    const found = findLabel(current, labelToBytes(label));
    if (found.kind !== 'found') return found;
    current = found.tree;
  }
  return { kind: 'found', tree: current };
}

/** A label is absent only when both its neighbours, or an end of the level, are in sight. */
function findLabel(tree: HashTree, label: Uint8Array): SubtreeLookup {
  let isGapVisible = true;
  for (const node of flatten(tree)) {
    if (node.kind === 'pruned') {
      isGapVisible = false;
    } else if (node.kind === 'labeled') {
      const order = compareBytes(label, node.label);
      if (order === 0) return { kind: 'found', tree: node.tree };
      if (order < 0) break;
      isGapVisible = true;
    }
  }
  return isGapVisible ? { kind: 'absent' } : { kind: 'unknown' };
}

/** The nodes of one level from left to right, forks taken apart and empty sides left out. */
function flatten(tree: HashTree): HashTree[] {
  const nodes: HashTree[] = [];
  const rest: HashTree[] = [tree];
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    if (node.kind === 'fork') rest.push(node.right, node.left);
    else if (node.kind !== 'empty') nodes.push(node);
  }
  return nodes;
}

/** The labels in sight directly below `tree`, ascending. */
export function visibleLabels(tree: HashTree): Uint8Array[] {
  return flatten(tree).flatMap((node) => (node.kind === 'labeled' ? [node.label] : []));
}

/**
 * Whether labels strictly increase in every level and no level mixes labels and leaves: without
 * this, `lookupPath` on a tree from outside could be made to say two things.
 */
export function isWellFormed(tree: HashTree): boolean {
  const nodes = flatten(tree);
  let previous: Uint8Array | undefined;
  for (const node of nodes) {
    if (node.kind === 'leaf' && nodes.length > 1) return false;
    if (node.kind !== 'labeled') continue;
    if (previous !== undefined && compareBytes(previous, node.label) >= 0) return false;
    if (!isWellFormed(node.tree)) return false;
    previous = node.label;
  }
  return true;
}

/** CBOR under the self-describe tag. */
export function encodeHashTree(tree: HashTree): Uint8Array {
  return encodeCbor(hashTreeToCbor(tree));
}

export function hashTreeToCbor(tree: HashTree): CborInput {
  switch (tree.kind) {
    case 'empty':
      return [HASH_TREE_TAGS.empty];
    case 'fork':
      return [HASH_TREE_TAGS.fork, hashTreeToCbor(tree.left), hashTreeToCbor(tree.right)];
    case 'labeled':
      return [HASH_TREE_TAGS.labeled, tree.label, hashTreeToCbor(tree.tree)];
    case 'leaf':
      return [HASH_TREE_TAGS.leaf, tree.value];
    case 'pruned':
      return [HASH_TREE_TAGS.pruned, tree.hash];
    default:
      return unreachable(tree);
  }
}

/** Limits for decoding CBOR that holds a hash tree. */
export const HASH_TREE_CBOR_LIMITS = { depthMax: TREE_DEPTH_MAX, itemsMax: TREE_ITEMS_MAX };

/** Reads an encoded tree from outside; valid trees are well-formed. */
export function decodeHashTree(bytes: Uint8Array): Verdict<HashTree> {
  if (bytes.length > TREE_BYTES_MAX) return invalid('hash tree: too large');
  const value = decodeCbor(bytes, HASH_TREE_CBOR_LIMITS);
  return value.kind === 'valid' ? hashTreeFromCbor(value.value) : value;
}

/** As `decodeHashTree` for CBOR decoded already. Depth is bounded by that decoding. */
export function hashTreeFromCbor(value: CborValue | undefined): Verdict<HashTree> {
  const tree = treeFromCbor(value);
  if (tree === undefined) return invalid('hash tree: unknown node');
  return isWellFormed(tree) ? valid(tree) : invalid('hash tree: labels out of order');
}

function treeFromCbor(value: CborValue | undefined): HashTree | undefined {
  if (!Array.isArray(value)) return undefined;
  const [tag, first, second] = value as readonly CborValue[];
  const size = value.length;
  if (tag === 0n && size === 1) return EMPTY_HASH_TREE;
  if (tag === 1n && size === 3) {
    const left = treeFromCbor(first);
    const right = left && treeFromCbor(second);
    return left && right && { kind: 'fork', left, right };
  }
  if (!(first instanceof Uint8Array)) return undefined;
  if (tag === 2n && size === 3) {
    const tree = treeFromCbor(second);
    return tree && { kind: 'labeled', label: first, tree };
  }
  if (tag === 3n && size === 2) return { kind: 'leaf', value: first };
  if (tag === 4n && size === 2 && first.length === 32) return { kind: 'pruned', hash: first };
  return undefined;
}
