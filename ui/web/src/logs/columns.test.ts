import { describe, expect, it } from "vitest";
import { moved, parseColumns, resized, toggled, writeColumns } from "./columns";

const texts = ["http.route", "user~240", "a,b~c~99"];

describe("columns of the address", () => {
  it("come back as they were written", () => {
    const columns = parseColumns(texts);
    expect(columns).toEqual([
      { key: "http.route", width: 160 },
      { key: "user", width: 240 },
      { key: "a,b~c", width: 99 },
    ]);
    expect(writeColumns(columns)).toEqual(texts);
  });

  it("keep a key that ends like a width", () => {
    const columns = toggled([], "odd~120");
    expect(parseColumns(writeColumns(columns))).toEqual(columns);
  });

  it("leave out what is there twice, widths that make no sense and more than there may be", () => {
    expect(parseColumns(["a", "a~200", "b~10", "c~9999", "~200"])).toEqual([
      { key: "a", width: 160 },
      { key: "b", width: 56 },
      { key: "c", width: 900 },
    ]);
    expect(parseColumns(Array.from({ length: 40 }, (_, i) => `k${i}`))).toHaveLength(16);
    expect(writeColumns([])).toBeUndefined();
  });

  it("are added, taken away, moved and resized", () => {
    const columns = parseColumns(["a", "b", "c"]);
    const keys = (list: { key: string }[]) => list.map((each) => each.key).join("");
    expect(keys(toggled(columns, "b"))).toBe("ac");
    expect(keys(toggled(columns, "d"))).toBe("abcd");
    expect(keys(moved(columns, "a", 1))).toBe("bac");
    expect(keys(moved(columns, "c", 5))).toBe("abc");
    expect(keys(moved(columns, "c", -9))).toBe("cab");
    expect(keys(moved(columns, "x", 1))).toBe("abc");
    expect(resized(columns, "b", 300.4)[1]).toEqual({ key: "b", width: 300 });
    expect(resized(columns, "b", -5)[1]).toEqual({ key: "b", width: 56 });
  });
});
