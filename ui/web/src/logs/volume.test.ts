import { describe, expect, it } from "vitest";
import { columnSum, highest, makeVolume, niceTop, rangeOf } from "./volume";

const volume = makeVolume(1_000n, 10, 3, [
  { level: "info", counts: [5, 0, 2] },
  { level: "error", counts: [1, 0, 3] },
  { level: "debug", counts: [0, 0, 0] },
]);

describe("volume", () => {
  it("stacks the worst level first and drops levels without records", () => {
    expect(volume.series.map((each) => [each.level, each.total])).toEqual([
      ["error", 4],
      ["info", 7],
    ]);
    expect(columnSum(volume, 0)).toBe(6);
    expect(highest(volume)).toBe(6);
  });

  it("turns buckets into a range", () => {
    expect(rangeOf(volume, { left: 1, right: 2, bottom: 0, top: 0 })).toEqual({
      from: 1_010n,
      to: 1_030n,
    });
  });

  it("ends its axis at a round number", () => {
    expect([0, 1, 3, 12, 50, 51, 999].map(niceTop)).toEqual([1, 1, 5, 20, 50, 100, 1000]);
  });
});
