import { describe, expect, test } from "vitest";
import { random, randomSpans, skeletonOf } from "./fixtures";
import {
  expandAncestors,
  ROW_CONTEXT,
  ROW_EXPANDED,
  ROW_HAS_CHILDREN,
  stepLevel,
  visibleRows,
} from "./rows";
import { buildForest, type Forest } from "./tree";

const NO_FILTER = { root: -1, hidden: null, only: null };

/** The same answer by recursion over lists. */
function oracle(
  forest: Forest,
  collapsed: Uint8Array,
  filter: { root: number; hidden: Uint8Array | null; only: Uint8Array | null },
): [number, number][] {
  const children = (node: number) => [
    ...forest.child.subarray(forest.childFrom[node], forest.childFrom[node + 1]),
  ];
  const holds = (node: number): boolean =>
    !filter.only ||
    (filter.only[node] === 1 && filter.hidden?.[node] !== 1) ||
    children(node).some(holds);
  const rows: [number, number][] = [];
  const visit = (node: number, depth: number) => {
    if (!holds(node)) return;
    const hidden = filter.hidden?.[node] === 1;
    if (!hidden) rows.push([node, depth]);
    if (!hidden && collapsed[node] === 1) return;
    for (const child of children(node)) visit(child, hidden ? depth : depth + 1);
  };
  if (filter.root >= 0) visit(filter.root, 0);
  else for (const node of forest.order) if (forest.parent[node]! < 0) visit(node, 0);
  return rows;
}

describe("visibleRows", () => {
  test.each(Array.from({ length: 200 }, (_, seed) => seed))(
    "random forest %i agrees with recursion",
    (seed) => {
      const next = random(seed + 1000);
      const skeleton = skeletonOf(randomSpans(seed, 1 + (seed % 70)));
      const forest = buildForest(skeleton, { foldFrom: seed % 2 === 0 ? 3 : 0 });
      const bits = (share: number) =>
        Uint8Array.from({ length: forest.nodes }, () => (next(100) < share ? 1 : 0));
      const collapsed = bits(20);
      const filters = [
        NO_FILTER,
        { root: next(forest.nodes), hidden: bits(30), only: null },
        { root: -1, hidden: bits(20), only: bits(15) },
      ];
      for (const filter of filters) {
        const rows = visibleRows(forest, collapsed, filter);
        const got = [...rows.node].map((node, i) => [node, rows.depth[i]]);
        expect(got).toEqual(oracle(forest, collapsed, filter));
      }
    },
  );

  test("state bits", () => {
    const forest = buildForest(skeletonOf([{}, { parent: 0 }, { parent: 1 }]), { foldFrom: 0 });
    const only = Uint8Array.from([0, 1, 0]);
    const rows = visibleRows(forest, new Uint8Array(3), { root: -1, hidden: null, only });
    expect([...rows.node]).toEqual([0, 1]);
    expect([...rows.state]).toEqual([ROW_HAS_CHILDREN | ROW_EXPANDED | ROW_CONTEXT, 0]);
  });
});

describe("collapsing", () => {
  const forest = buildForest(
    skeletonOf([{}, { parent: 0 }, { parent: 1 }, { parent: 2 }, { parent: 0 }, { parent: 4 }]),
    { foldFrom: 0 },
  );
  const shown = (collapsed: Uint8Array) => [...visibleRows(forest, collapsed, NO_FILTER).node];

  test("a level at a time, there and back", () => {
    const collapsed = new Uint8Array(forest.nodes);
    stepLevel(forest, collapsed, -1, true);
    expect(shown(collapsed)).toEqual([0, 1, 2, 4, 5]);
    stepLevel(forest, collapsed, -1, true);
    expect(shown(collapsed)).toEqual([0, 1, 4]);
    stepLevel(forest, collapsed, -1, true);
    stepLevel(forest, collapsed, -1, true);
    expect(shown(collapsed)).toEqual([0]);
    stepLevel(forest, collapsed, -1, false);
    expect(shown(collapsed)).toEqual([0, 1, 4]);
  });

  test("ancestors open", () => {
    const collapsed = new Uint8Array(forest.nodes).fill(1);
    expect(expandAncestors(forest, collapsed, 3)).toBe(true);
    expect(shown(collapsed)).toEqual([0, 1, 2, 3, 4]);
    expect(expandAncestors(forest, collapsed, 3)).toBe(false);
  });
});
