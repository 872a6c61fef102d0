import { describe, expect, it } from "vitest";
import { gridOf, type RowLayout } from "./rowlayout";

const layout: RowLayout = {
  row: 24,
  wrap: false,
  digits: "ns",
  days: false,
  zone: "UTC",
  columns: [],
};

describe("the grid of a row", () => {
  it("has a place for each chosen column, before the body", () => {
    const columns = [
      { key: "a", width: 100 },
      { key: "b", width: 240 },
    ];
    const { template, width } = gridOf({ ...layout, columns });
    expect(template).toBe("20px 136px 52px minmax(96px, 150px) 100px 240px minmax(280px, 1fr)");
    expect(width - gridOf(layout).width).toBe(100 + 240 + 2 * 8);
  });

  it("gives days and nanoseconds their room", () => {
    const least = gridOf({ ...layout, digits: "ms" }).width;
    expect(gridOf(layout).width).toBeGreaterThan(least);
    expect(gridOf({ ...layout, days: true }).width).toBe(gridOf(layout).width + 80);
  });
});
