import { describe, expect, it } from "vitest";
import { GridBrush } from "./gridbrush";

const cell = (column: number, row = 0) => ({ column, row });

describe("GridBrush", () => {
  it("makes a box by dragging, in any direction", () => {
    const brush = new GridBrush(10, 5);
    brush.down(cell(7, 4));
    brush.move(cell(3, 1));
    expect(brush.draft).toEqual({ left: 3, right: 7, bottom: 1, top: 4 });
    expect(brush.up()).toEqual({ left: 3, right: 7, bottom: 1, top: 4 });
    expect(brush.draft).toBeNull();
  });

  it("makes a box by two clicks, also on the same cell", () => {
    const brush = new GridBrush(10, 5);
    brush.down(cell(2, 2));
    expect(brush.up()).toBeNull();
    brush.move(cell(4, 3));
    expect(brush.draft).toEqual({ left: 2, right: 4, bottom: 2, top: 3 });
    brush.move(null);
    expect(brush.draft).not.toBeNull();
    brush.down(cell(5, 3));
    expect(brush.up()).toEqual({ left: 2, right: 5, bottom: 2, top: 3 });
    brush.down(cell(1, 1));
    brush.up();
    brush.down(cell(1, 1));
    expect(brush.up()).toEqual({ left: 1, right: 1, bottom: 1, top: 1 });
  });

  it("makes a box by keys, and stays within the grid", () => {
    const brush = new GridBrush(10, 5);
    brush.step(-1, 0);
    expect(brush.cursor).toEqual(cell(9, 0));
    expect(brush.mark()).toBeNull();
    brush.step(-3, 99);
    expect(brush.mark()).toEqual({ left: 6, right: 9, bottom: 0, top: 4 });
  });

  it("gives up when cancelled or when the grid changes", () => {
    const brush = new GridBrush(10, 5);
    brush.down(cell(2));
    brush.up();
    brush.cancel();
    expect(brush.draft).toBeNull();
    expect(brush.up()).toBeNull();
    brush.mark();
    brush.resize(20, 5);
    expect(brush.draft).toBeNull();
    expect(brush.cursor).toBeNull();
  });
});
