/**
 * The forest of a trace as flat arrays: children (CSR), preorder, subtree sizes and depth.
 *
 * Nodes below `spans` are rows of the skeleton. Nodes from `spans` on are ours: one marker above all
 * spans whose parent is missing, one above spans whose parents form a cycle (broken at the earliest
 * span), and one for each fold of equal siblings. Everything is linear in the number of spans and
 * free of recursion, since traces a hundred thousand levels deep exist.
 */
import { MISSING_PARENT, type Skeleton } from "./skeleton";

export type MarkerKind = "missing-parent" | "cycle" | "fold";

export interface Forest {
  readonly spans: number;
  readonly nodes: number;
  /** What node `spans + i` is. */
  readonly markers: readonly MarkerKind[];
  /** Parent node, -1 for the roots. */
  readonly parent: Int32Array;
  /** Children of node p: `child[childFrom[p]]` up to before `child[childFrom[p + 1]]`, by start. */
  readonly childFrom: Int32Array;
  readonly child: Int32Array;
  /** The node at each place of the preorder, and the inverse. */
  readonly order: Int32Array;
  readonly position: Int32Array;
  /** Number of nodes in the subtree, the node included. */
  readonly size: Int32Array;
  readonly depth: Int32Array;
  readonly roots: number;
  readonly orphans: number;
  readonly cycles: number;
}

export interface FoldOptions {
  /** Siblings of the same service and name fold from this number on; 0 folds nothing. */
  readonly foldFrom: number;
}

export function buildForest(
  skeleton: Pick<Skeleton, "count" | "parent" | "service" | "name" | "names">,
  { foldFrom }: FoldOptions,
): Forest {
  const spans = skeleton.count;
  const markers: MarkerKind[] = [];
  const addMarker = (kind: MarkerKind): number => spans + markers.push(kind) - 1;

  const { parent: spanParent, broken } = breakCycles(skeleton.parent);
  let orphans = 0;
  let roots = 0;
  for (let row = 0; row < spans; row++) {
    if (skeleton.parent[row] === MISSING_PARENT) orphans++;
    else if (spanParent[row]! < 0 && !broken.has(row)) roots++;
  }
  const missing = orphans > 0 ? addMarker("missing-parent") : -1;
  const cycle = broken.size > 0 ? addMarker("cycle") : -1;
  for (let row = 0; row < spans; row++) {
    if (skeleton.parent[row] === MISSING_PARENT) spanParent[row] = missing;
    else if (broken.has(row)) spanParent[row] = cycle;
  }

  const groups =
    foldFrom > 0 ? foldSiblings(skeleton, spanParent, spans + markers.length, foldFrom) : null;
  const folds = groups?.parentOfFold.length ?? 0;
  for (let i = 0; i < folds; i++) markers.push("fold");
  const nodes = spans + markers.length;

  const parent = new Int32Array(nodes).fill(-1);
  for (let row = 0; row < spans; row++) {
    const fold = groups ? groups.foldOfSpan[row]! : -1;
    parent[row] = fold >= 0 ? groups!.firstFold + fold : spanParent[row]!;
  }
  for (let i = 0; i < folds; i++) parent[groups!.firstFold + i] = groups!.parentOfFold[i]!;

  const { childFrom, child, top } = listChildren(parent, siblingOrder(spans, nodes, parent, folds));
  return {
    spans,
    nodes,
    markers,
    parent,
    childFrom,
    child,
    ...walk(parent, childFrom, child, top),
    roots,
    orphans,
    cycles: broken.size,
  };
}

/** Copies the parents, with every cycle cut above its earliest span; `broken` holds those spans. */
function breakCycles(given: Int32Array): { parent: Int32Array; broken: Set<number> } {
  const count = given.length;
  const parent = new Int32Array(count);
  for (let row = 0; row < count; row++) {
    const up = given[row]!;
    parent[row] = up >= 0 && up < count ? up : -1;
  }
  const broken = new Set<number>();
  const seen = new Int32Array(count).fill(-1);
  for (let row = 0; row < count; row++) {
    let at = row;
    while (at >= 0 && seen[at] === -1) {
      seen[at] = row;
      at = parent[at]!;
    }
    if (at < 0 || seen[at] !== row) continue;
    let earliest = at;
    for (let next = parent[at]!; next !== at; next = parent[next]!)
      earliest = Math.min(earliest, next);
    parent[earliest] = -1;
    broken.add(earliest);
  }
  return { parent, broken };
}

interface Folds {
  readonly firstFold: number;
  readonly parentOfFold: number[];
  readonly foldOfSpan: Int32Array;
}

/** Finds siblings of equal service and name. Two counting passes over (parent, service, name). */
function foldSiblings(
  skeleton: Pick<Skeleton, "count" | "service" | "name" | "names">,
  parent: Int32Array,
  firstFold: number,
  foldFrom: number,
): Folds {
  const { count, service, name } = skeleton;
  const foldOfSpan = new Int32Array(count).fill(-1);
  const siblings = new Int32Array(count + 4);
  for (let row = 0; row < count; row++) siblings[slot(parent[row]!)]!++;
  const operations = Math.max(1, skeleton.names.length);
  const groups = new Map<number, Map<number, number>>();
  const sizes: number[] = [];
  const groupOfSpan = new Int32Array(count).fill(-1);
  for (let row = 0; row < count; row++) {
    const above = slot(parent[row]!);
    if (siblings[above]! < foldFrom) continue;
    let ofParent = groups.get(above);
    if (!ofParent) {
      ofParent = new Map();
      groups.set(above, ofParent);
    }
    const key = service[row]! * operations + name[row]!;
    let group = ofParent.get(key);
    if (group === undefined) {
      group = sizes.push(0) - 1;
      ofParent.set(key, group);
    }
    sizes[group]!++;
    groupOfSpan[row] = group;
  }
  const foldOfGroup = new Int32Array(sizes.length).fill(-1);
  const parentOfFold: number[] = [];
  for (let row = 0; row < count; row++) {
    const group = groupOfSpan[row]!;
    if (group < 0 || sizes[group]! < foldFrom) continue;
    if (foldOfGroup[group] === -1) foldOfGroup[group] = parentOfFold.push(parent[row]!) - 1;
    foldOfSpan[row] = foldOfGroup[group]!;
  }
  return { firstFold, parentOfFold, foldOfSpan };
}

/** Roots count under slot 0; at most two markers stand before the folds. */
function slot(parent: number): number {
  return parent + 1;
}

/** All nodes so that siblings come by start: folds at the place of their first span, markers last. */
function siblingOrder(spans: number, nodes: number, parent: Int32Array, folds: number): Int32Array {
  const sequence = new Int32Array(nodes);
  const firstFold = nodes - folds;
  let length = 0;
  let nextFold = firstFold;
  for (let row = 0; row < spans; row++) {
    if (parent[row] === nextFold && nextFold < nodes) sequence[length++] = nextFold++;
    sequence[length++] = row;
  }
  for (let node = spans; node < firstFold; node++) sequence[length++] = node;
  return sequence;
}

function listChildren(parent: Int32Array, sequence: Int32Array) {
  const nodes = parent.length;
  const childFrom = new Int32Array(nodes + 1);
  let roots = 0;
  for (let node = 0; node < nodes; node++) {
    if (parent[node]! >= 0) childFrom[parent[node]! + 1]!++;
    else roots++;
  }
  for (let node = 0; node < nodes; node++) childFrom[node + 1]! += childFrom[node]!;
  const next = childFrom.slice(0, nodes);
  const child = new Int32Array(nodes - roots);
  const top = new Int32Array(roots);
  let topLength = 0;
  for (const node of sequence) {
    const above = parent[node]!;
    if (above >= 0) child[next[above]!++] = node;
    else top[topLength++] = node;
  }
  return { childFrom, child, top };
}

function walk(parent: Int32Array, childFrom: Int32Array, child: Int32Array, top: Int32Array) {
  const nodes = parent.length;
  const order = new Int32Array(nodes);
  const position = new Int32Array(nodes);
  const depth = new Int32Array(nodes);
  const size = new Int32Array(nodes).fill(1);
  const stack = new Int32Array(nodes);
  let height = 0;
  for (let i = top.length - 1; i >= 0; i--) stack[height++] = top[i]!;
  let at = 0;
  while (height > 0) {
    const node = stack[--height]!;
    position[node] = at;
    order[at++] = node;
    const above = parent[node]!;
    depth[node] = above >= 0 ? depth[above]! + 1 : 0;
    for (let i = childFrom[node + 1]! - 1; i >= childFrom[node]!; i--) stack[height++] = child[i]!;
  }
  for (let i = nodes - 1; i >= 0; i--) {
    const node = order[i]!;
    if (parent[node]! >= 0) size[parent[node]!]! += size[node]!;
  }
  return { order, position, size, depth };
}

export function isFold(forest: Forest, node: number): boolean {
  return forest.markers[node - forest.spans] === "fold";
}

export function hasChildren(forest: Forest, node: number): boolean {
  return forest.size[node]! > 1;
}

/** The nearest ancestor that is a span, or -1. */
export function parentSpan(forest: Forest, node: number): number {
  let at = forest.parent[node]!;
  while (at >= forest.spans) at = forest.parent[at]!;
  return at;
}

/** Children that are spans, seen through folds, appended to `into`. */
export function childSpans(forest: Forest, node: number, into: number[]): number[] {
  for (let i = forest.childFrom[node]!; i < forest.childFrom[node + 1]!; i++) {
    const child = forest.child[i]!;
    if (child < forest.spans) into.push(child);
    else childSpans(forest, child, into);
  }
  return into;
}

/** Which of its siblings a node is, from 1, and how many they are; null for roots. */
export function siblingPlace(forest: Forest, node: number): { place: number; of: number } | null {
  const above = forest.parent[node]!;
  if (above < 0) return null;
  const from = forest.childFrom[above]!;
  const to = forest.childFrom[above + 1]!;
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (forest.position[forest.child[middle]!]! < forest.position[node]!) low = middle + 1;
    else high = middle;
  }
  return { place: low - from + 1, of: to - from };
}
