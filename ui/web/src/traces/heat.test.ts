import { describe, expect, it } from "vitest";
import {
  boxOfCut,
  cutOf,
  cutText,
  filledCells,
  type Heat,
  levelOf,
  parseCut,
  shadeOf,
  sumsOf,
} from "./heat";

const heat: Heat = {
  start: 1_795_398_754_000_000_000n,
  step: 1e9,
  columns: 4,
  rows: 3,
  edges: [1e6, 1e7, 1e8, 1e9],
  counts: [5, 0, 0, 1, 0, 2, 3, 0, 0, 0, 0, 7],
  errors: [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 7],
};
const all = { left: 0, right: 3, bottom: 0, top: 2 };

describe("boxes of a heatmap", () => {
  it("count exactly what their cells hold", () => {
    expect(sumsOf(heat, all)).toEqual({ count: 18, errors: 8 });
    expect(sumsOf(heat, { left: 1, right: 2, bottom: 1, top: 1 })).toEqual({ count: 5, errors: 1 });
  });

  it("mean a time range and durations, open at the extremes", () => {
    expect(cutOf(heat, { left: 1, right: 2, bottom: 1, top: 1 })).toEqual({
      from: heat.start + 1_000_000_000n,
      to: heat.start + 3_000_000_000n,
      min: 1e7,
      max: 1e8,
    });
    expect(cutOf(heat, all)).toMatchObject({ min: null, max: null });
  });

  it("come back from their meaning", () => {
    for (const box of [all, { left: 1, right: 2, bottom: 1, top: 1 }, { ...all, bottom: 2 }]) {
      expect(boxOfCut(heat, cutOf(heat, box))).toEqual(box);
    }
    const cut = { ...cutOf(heat, all), min: 2e7, max: 3e7 };
    expect(boxOfCut(heat, cut)).toEqual({ left: 0, right: 3, bottom: 1, top: 1 });
    expect(boxOfCut(heat, { ...cut, from: 1n, to: 2n })).toBeNull();
  });

  it("stand in the URL as text, and junk there is no box", () => {
    const cut = cutOf(heat, { left: 1, right: 2, bottom: 1, top: 2 });
    expect(cutText(cut)).toBe("1795398755000000000-1795398757000000000~10000000-");
    expect(parseCut(cutText(cut))).toEqual(cut);
    expect(parseCut("1-2~3")).toBeNull();
    expect(parseCut(undefined)).toBeNull();
  });
});

describe("places and shades", () => {
  it("are logarithmic", () => {
    expect(levelOf(heat, 1e6)).toBe(0);
    expect(levelOf(heat, 1e9)).toBeCloseTo(3);
    expect(levelOf(heat, Math.sqrt(1e7 * 1e8))).toBeCloseTo(1.5);
    expect([1, 2, 10, 60, 100].map((count) => shadeOf(count, 100))).toEqual([0, 0, 3, 5, 5]);
    expect(shadeOf(1, 1)).toBe(5);
  });

  it("list only cells that hold something, newest and slowest first", () => {
    const { cells, more } = filledCells(heat, 3);
    expect(cells.map((cell) => [cell.column, cell.row, cell.count])).toEqual([
      [3, 2, 7],
      [3, 0, 1],
      [2, 1, 3],
    ]);
    expect(more).toBe(2);
  });
});
