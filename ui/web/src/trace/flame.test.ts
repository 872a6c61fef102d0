import { describe, expect, test } from "vitest";
import { randomSpans, skeletonOf } from "./fixtures";
import { type Flame, firstBeyond, flame } from "./flame";
import { buildForest, parentSpan } from "./tree";

function chartOf(spans: Parameters<typeof skeletonOf>[0], mode: "time" | "merged", root = -1) {
  const skeleton = skeletonOf(spans);
  const forest = buildForest(skeleton, { foldFrom: 3 });
  return {
    chart: flame({ forest, skeleton, start: skeleton.start, root }, mode),
    forest,
    skeleton,
  };
}

function expectNoOverlap(chart: Flame) {
  for (let lane = 0; lane + 1 < chart.laneFrom.length; lane++) {
    for (let i = chart.laneFrom[lane]! + 1; i < chart.laneFrom[lane + 1]!; i++) {
      expect(chart.left[i]).toBeGreaterThanOrEqual(chart.right[i - 1]!);
    }
  }
}

describe("flame", () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))(
    "random trace %i: no box over another, children below",
    (seed) => {
      for (const mode of ["time", "merged"] as const) {
        const { chart, forest, skeleton } = chartOf(randomSpans(seed, 50), mode);
        expectNoOverlap(chart);
        expect(chart.count.reduce((sum, count) => sum + count, 0)).toBe(skeleton.count);
        if (mode === "merged") continue;
        const lane = new Map<number, number>();
        for (let i = 0; i + 1 < chart.laneFrom.length; i++) {
          for (let box = chart.laneFrom[i]!; box < chart.laneFrom[i + 1]!; box++)
            lane.set(chart.row[box]!, i);
        }
        for (const [row, at] of lane) {
          const above = parentSpan(forest, row);
          if (above >= 0) expect(at).toBeGreaterThan(lane.get(above)!);
        }
      }
    },
  );

  test("equal paths merge, widest first, as wide as their self time", () => {
    const { chart } = chartOf(
      [
        { name: "root", duration: 10 },
        { parent: 0, name: "b", duration: 2 },
        { parent: 0, name: "a", duration: 3 },
        { parent: 0, name: "a", duration: 4 },
      ],
      "merged",
    );
    expect([...chart.count]).toEqual([1, 2, 1]);
    expect([...chart.left]).toEqual([0, 0, 7]);
    expect([...chart.right]).toEqual([19, 7, 9]);
    expect([...chart.row]).toEqual([0, 3, 1]);
  });

  test("a subtree alone", () => {
    const { chart } = chartOf(
      [{ name: "r" }, { parent: 0, start: 5, duration: 3 }, { parent: 1, start: 6, duration: 1 }],
      "time",
      1,
    );
    expect([...chart.row]).toEqual([1, 2]);
    expect([chart.from, chart.to]).toEqual([5, 8]);
  });

  test("the first box beyond a time", () => {
    const { chart } = chartOf(
      [0, 10, 20].map((start) => ({ start, duration: 5 })),
      "time",
    );
    expect([-1, 4, 5, 14, 99].map((time) => firstBeyond(chart, 0, time))).toEqual([0, 0, 1, 1, 3]);
  });
});
