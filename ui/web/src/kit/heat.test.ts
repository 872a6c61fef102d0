import { expect, test } from "vitest";
import { heatShade } from "./heat";

test("none has no shade, the most has the last", () => {
  expect([0, 1, 1000, 1e6].map((count) => heatShade(count, 1e6))).toEqual([-1, 0, 3, 5]);
  expect(heatShade(1, 1)).toBe(5);
});
