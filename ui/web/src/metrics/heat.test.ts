import { expect, test } from "vitest";
import { closedEdges, cropped, placeOf, valueAt } from "./heat";

const edges = [0, 5, 10, 25];

test("a value lies between the edges of its bucket", () => {
  expect([0, 2.5, 5, 17.5, 25, 99, -1].map((value) => placeOf(edges, value))).toEqual([
    0, 0.5, 1, 2.5, 3, 3, 0,
  ]);
});

test("valueAt undoes placeOf", () => {
  for (const value of [0, 1, 5, 7.25, 24.9])
    expect(valueAt(edges, placeOf(edges, value))).toBeCloseTo(value);
});

test("empty buckets at both ends are left out, but one", () => {
  const counts = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
  expect(cropped([0, 1, 2, 3, 4, 5], counts, 2)).toEqual({
    edges: [1, 2, 3, 4],
    counts: [0, 0, 1, 0, 0, 0],
    rows: 3,
  });
  expect(cropped([0, 1, 2], [0, 0], 1).rows).toBe(2);
});

test("open ends get a place", () => {
  expect(closedEdges([null, 5, 10, null])).toEqual([0, 5, 10, 20]);
  expect(closedEdges([null, -5, 5, null])).toEqual([-15, -5, 5, 15]);
  expect(closedEdges([1, 2])).toEqual([1, 2]);
});
