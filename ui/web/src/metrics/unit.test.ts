import { expect, test } from "vitest";
import { axisText, shortNumber, withUnit } from "./unit";

test.each([
  [0, "0"],
  [1, "1"],
  [999.6, "1000"],
  [1234, "1.23 k"],
  [999_999, "1 M"],
  [0.01234, "0.0123"],
  [1e-9, "1.0e-9"],
  [-2_500_000, "-2.5 M"],
  [Number.NaN, "NaN"],
])("shortNumber(%d) is %s", (value, text) => expect(shortNumber(value)).toBe(text));

test.each([
  [1536, "By", false, "1.5 KiB"],
  [1536, "By", true, "1.5 KiB/s"],
  [0.25, "s", false, "250 ms"],
  [12, "ms", false, "12 ms"],
  [0.5, "s", true, "0.5 s/s"],
  [3, "{request}", true, "3 request/s"],
  [42, "1", false, "42"],
  [42, "", true, "42/s"],
  [97.5, "%", false, "97.5 %"],
  [0, "By", false, "0 B"],
])("%d %s (rate %s) reads %s", (value, unit, rate, text) =>
  expect(withUnit(value, unit, rate)).toBe(text),
);

test("nothing measured is a dash", () => expect(withUnit(null, "s")).toBe("–"));

test("an axis has room for short units only", () => {
  expect(axisText(5, "{connection}")).toBe("5");
  expect(axisText(0.25, "s")).toBe("250 ms");
});
