import { describe, expect, test } from "vitest";
import { chartsFor, timeMs, toBars, toLines } from "./chart";

const minute = { name: "minute", type: "timestamp" };
const service = { name: "service_name", type: "text" };
const count = { name: "count(*)", type: "int64" };
const p95 = { name: "p95", type: "float64" };

describe("chartsFor", () => {
  test("a time and numbers are lines", () => {
    expect(chartsFor([minute, count, p95])[0]).toEqual({
      kind: "line",
      x: 0,
      y: [1, 2],
      split: null,
    });
  });
  test("a name beside them splits the lines", () => {
    expect(chartsFor([minute, service, count])[0]).toEqual({
      kind: "line",
      x: 0,
      y: [2],
      split: 1,
    });
  });
  test("a name and a number are bars", () => {
    expect(chartsFor([service, count])[0]).toEqual({ kind: "bar", x: 0, y: [1], split: null });
  });
  test("two numbers are a scatter", () => {
    expect(chartsFor([count, p95])[0]).toEqual({ kind: "scatter", x: 0, y: [1], split: null });
  });
  test("text alone cannot be drawn", () => expect(chartsFor([service])).toEqual([]));
});

test("toLines aligns series on one ascending x with gaps", () => {
  const rows = [
    ["2026-11-23T07:01:00.000000000Z", "b", 3],
    ["2026-11-23T07:00:00.000000000Z", "a", 1],
    ["2026-11-23T07:01:00.000000000Z", "a", "NaN"],
  ];
  const lines = toLines([minute, service, count], rows, { kind: "line", x: 0, y: [2], split: 1 });
  const start = Date.parse("2026-11-23T07:00:00Z");
  expect(lines.x).toEqual([start, start + 60_000]);
  expect(lines.series).toEqual([
    { name: "b", values: [null, 3] },
    { name: "a", values: [1, null] },
  ]);
});

test("toLines names what it leaves out", () => {
  const rows = Array.from({ length: 30 }, (_, index) => [
    "2026-11-23T07:00:00Z",
    `s${index}`,
    index,
  ]);
  const lines = toLines([minute, service, count], rows, { kind: "line", x: 0, y: [2], split: 1 });
  expect([lines.series.length, lines.more]).toEqual([24, 6]);
});

test("toBars keeps the order and the exact text", () => {
  const { bars, more } = toBars(
    [
      ["a", "9223372036854775807"],
      [null, null],
    ],
    { kind: "bar", x: 0, y: [1], split: null },
  );
  expect(bars).toEqual([
    { name: "a", value: 2 ** 63, exact: "9223372036854775807" },
    { name: "(null)", value: null, exact: "NULL" },
  ]);
  expect(more).toBe(0);
});

test("timeMs reads times and dates", () => {
  expect(timeMs("1970-01-01T00:00:01.500000000Z")).toBe(1500);
  expect(timeMs("1970-01-02")).toBe(86_400_000);
  expect(timeMs("x")).toBeNull();
});
