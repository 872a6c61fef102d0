import { expect, test } from "vitest";
import {
  aggregationsFor,
  legendOf,
  parseCondition,
  seriesName,
  sharedKeys,
  toggled,
} from "./series";

test("counters offer a rate, gauges do not", () => {
  expect(aggregationsFor("sum", true)).toContain("rate");
  expect(aggregationsFor("gauge", null)).not.toContain("rate");
  expect(aggregationsFor("exponential_histogram", null)).toContain("p99");
});

test("the legend leaves gaps out", () => {
  expect(legendOf([null, 2, 4, null])).toEqual({ last: 4, avg: 3, max: 4 });
  expect(legendOf([null])).toEqual({ last: null, avg: null, max: null });
  expect(legendOf([-3, -1, -2])).toEqual({ last: -2, avg: -2, max: -1 });
});

test("a series is named by what sets it apart", () => {
  const all = [
    { service: "a", mode: "idle" },
    { service: "a", mode: "user" },
  ];
  const shared = sharedKeys(all);
  expect(all.map((labels) => seriesName(labels, shared))).toEqual(["idle", "user"]);
  expect(seriesName({}, new Set())).toBe("all series");
  expect(seriesName({ a: "1", b: "" }, new Set())).toBe("a=1, b=(empty)");
  expect(sharedKeys([{ a: "1" }])).toEqual(new Set());
});

test("a condition splits at its first equals sign", () => {
  expect(parseCondition("http.route=/a?b=c")).toEqual({ key: "http.route", value: "/a?b=c" });
  expect(parseCondition("=x")).toBeNull();
});

test("toggled", () => {
  expect(toggled(["a"], "b")).toEqual(["a", "b"]);
  expect(toggled(["a", "b"], "a")).toEqual(["b"]);
});
