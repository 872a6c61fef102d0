import { describe, expect, test } from "vitest";
import { randomSpans, skeletonOf } from "./fixtures";
import { buildForest, childSpans, type Forest, parentSpan } from "./tree";

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);

/** Every node exactly once, parents before children, subtrees contiguous. */
function checkInvariants(forest: Forest) {
  expect([...forest.order].sort((a, b) => a - b)).toEqual(
    Array.from({ length: forest.nodes }, (_, node) => node),
  );
  for (let place = 0; place < forest.nodes; place++) {
    const node = forest.order[place]!;
    expect(forest.position[node]).toBe(place);
    const above = forest.parent[node]!;
    if (above < 0) {
      expect(forest.depth[node]).toBe(0);
      continue;
    }
    const from = forest.position[above]!;
    expect(place).toBeGreaterThan(from);
    expect(place + forest.size[node]!).toBeLessThanOrEqual(from + forest.size[above]!);
    expect(forest.depth[node]).toBe(forest.depth[above]! + 1);
  }
}

/** The plain way: follow parents, say where one ends. */
function oracleRoot(parents: Int32Array, row: number): "root" | "orphan" | "cycle" {
  const seen = new Set<number>();
  for (let at = row; ; at = parents[at]!) {
    if (seen.has(at)) return "cycle";
    seen.add(at);
    if (parents[at] === -1) return "root";
    if (parents[at] === -2) return "orphan";
  }
}

describe("buildForest", () => {
  test.each(SEEDS)(
    "random forest %i keeps its invariants and agrees with following parents",
    (seed) => {
      const skeleton = skeletonOf(randomSpans(seed, 1 + (seed % 60)));
      for (const foldFrom of [0, 2, 5]) {
        const forest = buildForest(skeleton, { foldFrom });
        checkInvariants(forest);
        for (let row = 0; row < skeleton.count; row++) {
          let top = row;
          while (forest.parent[top]! >= 0) top = forest.parent[top]!;
          const kind = top < forest.spans ? "root" : forest.markers[top - forest.spans];
          const want = oracleRoot(skeleton.parent, row);
          if (want === "orphan") expect(kind).toBe("missing-parent");
          else if (want === "cycle") expect(kind).toBe("cycle");
          else expect(["root", "fold"]).toContain(kind);
          const above = parentSpan(forest, row);
          if (above >= 0) expect(above).toBe(skeleton.parent[row]);
        }
      }
    },
  );

  test.each(SEEDS.slice(0, 50))(
    "random forest %i folds exactly the siblings that repeat",
    (seed) => {
      const skeleton = skeletonOf(randomSpans(seed, 80));
      const plain = buildForest(skeleton, { foldFrom: 0 });
      const forest = buildForest(skeleton, { foldFrom: 3 });
      for (let node = -1; node < plain.nodes; node++) {
        const siblings = [];
        for (let row = 0; row < plain.spans; row++)
          if (plain.parent[row] === node) siblings.push(row);
        for (const row of siblings) {
          const equal = siblings.filter(
            (other) =>
              skeleton.service[other] === skeleton.service[row] &&
              skeleton.name[other] === skeleton.name[row],
          );
          const above = forest.parent[row]!;
          const folded = forest.markers[above - forest.spans] === "fold";
          expect(folded).toBe(equal.length >= 3);
          if (folded) expect(childSpans(forest, above, [])).toEqual(equal);
        }
      }
    },
  );

  test("siblings come by start, a fold where its first span is", () => {
    const skeleton = skeletonOf([
      { name: "root" },
      { parent: 0, name: "a" },
      { parent: 0, name: "select" },
      { parent: 0, name: "b" },
      { parent: 0, name: "select" },
    ]);
    const forest = buildForest(skeleton, { foldFrom: 2 });
    expect([...forest.order]).toEqual([0, 1, 5, 2, 4, 3]);
  });

  test("a span that is its own parent, and a parent beyond the trace", () => {
    const forest = buildForest(skeletonOf([{ parent: 0 }, { parent: 99 }]), { foldFrom: 5 });
    expect(forest.cycles).toBe(1);
    expect(forest.roots).toBe(1);
    checkInvariants(forest);
  });

  test("no spans", () => {
    const forest = buildForest(skeletonOf([]), { foldFrom: 5 });
    expect(forest.nodes).toBe(0);
  });

  test("a chain of 200 000 levels needs no recursion", () => {
    const count = 200_000;
    const parent = Int32Array.from({ length: count }, (_, row) => row - 1);
    const zeros = new Int32Array(count);
    const forest = buildForest(
      { count, parent, service: zeros, name: zeros, names: ["x"] },
      { foldFrom: 5 },
    );
    expect(forest.depth[count - 1]).toBe(count - 1);
    expect(forest.size[0]).toBe(count);
  });
});
