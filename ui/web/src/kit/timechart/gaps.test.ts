import { expect, test } from "vitest";
import { bridged } from "./gaps";

test("a line crosses the places between usual intervals", () => {
  expect(bridged([1, null, 2, null, 3])).toEqual([1, undefined, 2, undefined, 3]);
});

test("a silence much longer than usual stays a gap", () => {
  const values = [1, 2, 3, null, null, null, null, 4, 5, null];
  expect(bridged(values)).toEqual(values);
});

test("nothing known, nothing crossed", () => expect(bridged([null, null])).toEqual([null, null]));
