import { describe, expect, it } from "vitest";
import { LINE_MAX, lineOf, visibleRange } from "./model";

describe("lineOf", () => {
  it("is one readable line", () => {
    expect(lineOf("\u001b[31mboom\u001b[0m\r\n\tat x\n")).toBe("boom ↵  at x ↵ ");
    expect(lineOf("<b>&amp;</b>")).toBe("<b>&amp;</b>");
  });

  it("is cut, whatever the length of the body", () => {
    const line = lineOf("x".repeat(1_048_576));
    expect(line.length).toBe(LINE_MAX + 1);
    expect(line.endsWith("…")).toBe(true);
  });
});

describe("visibleRange", () => {
  it("does not depend on the order", () => {
    expect(visibleRange("2", "1")).toEqual({ from: 1n, to: 2n });
    expect(visibleRange("1", "2")).toEqual({ from: 1n, to: 2n });
    expect(visibleRange(undefined, "2")).toBeNull();
  });
});
