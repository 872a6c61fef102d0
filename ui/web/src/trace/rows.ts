/**
 * Which nodes of the forest are rows on the screen, in order. Collapsing skips a subtree by its size,
 * so the cost is one pass over what is shown and no object is made per row.
 */
import type { Forest } from "./tree";

export const ROW_HAS_CHILDREN = 1;
export const ROW_EXPANDED = 2;
/** Shown only because a match lies below. */
export const ROW_CONTEXT = 4;

export interface Rows {
  readonly node: Int32Array;
  readonly depth: Int32Array;
  /** ROW_* bits. */
  readonly state: Uint8Array;
}

export interface RowsFilter {
  /** The node shown as the root, or -1 for all roots. */
  readonly root: number;
  /** By node: 1 = hidden, its children move up to the nearest shown ancestor. */
  readonly hidden: Uint8Array | null;
  /** By node: only these and their ancestors stay. */
  readonly only: Uint8Array | null;
}

export function visibleRows(forest: Forest, collapsed: Uint8Array, filter: RowsFilter): Rows {
  const { order, size, parent, position } = forest;
  const from = filter.root >= 0 ? position[filter.root]! : 0;
  const to = filter.root >= 0 ? from + size[filter.root]! : forest.nodes;
  const kept = filter.only
    ? countBefore(forest, (node) => filter.only![node] === 1 && filter.hidden?.[node] !== 1)
    : null;
  const shown = filter.hidden ? countBefore(forest, (node) => filter.hidden![node] !== 1) : null;

  const node = new Int32Array(to - from);
  const depth = new Int32Array(to - from);
  const state = new Uint8Array(to - from);
  const childDepth = new Int32Array(forest.nodes);
  let length = 0;
  let at = from;
  while (at < to) {
    const current = order[at]!;
    const end = at + size[current]!;
    if (kept && kept[end] === kept[at]) {
      at = end;
      continue;
    }
    const above = parent[current]!;
    const level = at === from || above < 0 ? 0 : childDepth[above]!;
    if (filter.hidden?.[current] === 1) {
      childDepth[current] = level;
      at++;
      continue;
    }
    childDepth[current] = level + 1;
    const count = kept ?? shown;
    const below = count ? count[end]! - count[at + 1]! : end - at - 1;
    const open = collapsed[current] !== 1;
    node[length] = current;
    depth[length] = level;
    state[length] =
      (below > 0 ? ROW_HAS_CHILDREN : 0) |
      (below > 0 && open ? ROW_EXPANDED : 0) |
      (filter.only && filter.only[current] !== 1 ? ROW_CONTEXT : 0);
    length++;
    at = open ? at + 1 : end;
  }
  return {
    node: node.slice(0, length),
    depth: depth.slice(0, length),
    state: state.slice(0, length),
  };
}

/** `result[i]` = how many nodes before place i of the preorder satisfy `test`. */
export function countBefore(forest: Forest, test: (node: number) => boolean): Int32Array {
  const result = new Int32Array(forest.nodes + 1);
  for (let at = 0; at < forest.nodes; at++) {
    result[at + 1] = result[at]! + (test(forest.order[at]!) ? 1 : 0);
  }
  return result;
}

/** Opens every ancestor of `node`. Says whether anything changed. */
export function expandAncestors(forest: Forest, collapsed: Uint8Array, node: number): boolean {
  let changed = false;
  for (let at = forest.parent[node]!; at >= 0; at = forest.parent[at]!) {
    if (collapsed[at] === 1) changed = true;
    collapsed[at] = 0;
  }
  return changed;
}

/**
 * One level of collapsing for the whole forest: `close` collapses the deepest open level, otherwise
 * the shallowest collapsed level opens. Levels are depths below `root` (or below the roots).
 */
export function stepLevel(
  forest: Forest,
  collapsed: Uint8Array,
  root: number,
  close: boolean,
): void {
  const { order, size, position, depth } = forest;
  const from = root >= 0 ? position[root]! : 0;
  const to = root >= 0 ? from + size[root]! : forest.nodes;
  let level = close ? -1 : Number.POSITIVE_INFINITY;
  const visit = (act: (node: number) => void) => {
    for (let at = from; at < to; ) {
      const node = order[at]!;
      if (size[node]! > 1) act(node);
      at = collapsed[node] === 1 ? at + size[node]! : at + 1;
    }
  };
  visit((node) => {
    if (close && collapsed[node] !== 1) level = Math.max(level, depth[node]!);
    if (!close && collapsed[node] === 1) level = Math.min(level, depth[node]!);
  });
  if (level < 0 || level === Number.POSITIVE_INFINITY) return;
  const at: number[] = [];
  visit((node) => {
    if (depth[node] === level && (close ? collapsed[node] !== 1 : collapsed[node] === 1))
      at.push(node);
  });
  for (const node of at) collapsed[node] = close ? 1 : 0;
}
