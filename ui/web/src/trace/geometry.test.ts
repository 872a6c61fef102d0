import { expect, test } from "vitest";
import { CONTENT_HEIGHT_MAX, indentFor, ROW_HEIGHT, scrollMap, topForRow } from "./geometry";

test("short lists scroll one to one, long ones reach their last row", () => {
  expect(scrollMap(100, 500)).toEqual({ contentHeight: 2400, topMax: 1900, scale: 1 });
  const long = scrollMap(2_000_000, 500);
  expect(long.contentHeight).toBe(CONTENT_HEIGHT_MAX);
  expect((long.contentHeight - 500) * long.scale).toBeCloseTo(2_000_000 * ROW_HEIGHT - 500);
  expect(scrollMap(3, 500).topMax).toBe(0);
});

test("a row in view does not move the list", () => {
  expect(topForRow(3, 24, 240, 9999, true)).toBe(24);
  expect(topForRow(100, 0, 240, 9999, true)).toBe(2400 - 108);
  expect(topForRow(100, 0, 240, 9999, false)).toBe(2400 + 48 - 240);
  expect(topForRow(1, 240, 240, 9999, false)).toBe(0);
});

test("indents shrink, then drop the levels that all rows share", () => {
  expect(indentFor(0, 5, 120)).toEqual({ step: 12, base: 0 });
  expect(indentFor(0, 20, 120)).toEqual({ step: 6, base: 0 });
  expect(indentFor(95, 100, 120)).toEqual({ step: 12, base: 94 });
  expect(indentFor(0, 400, 120)).toEqual({ step: 1, base: 0 });
});
