import { describe, expect, test } from "vitest";
import {
  chartNumber,
  columnWidths,
  kindOf,
  linkOf,
  nextSort,
  sortedOrder,
  valueText,
} from "./result";
import type { Value } from "./stream";

function sortedBy(type: string, values: Value[], descending = false): Value[] {
  const rows = values.map((value) => [value]);
  const order = sortedOrder(rows, [{ name: "a", type }], { column: 0, descending });
  return Array.from(order, (index) => values[index] ?? null);
}

describe("sortedOrder", () => {
  test("integers beyond 2^53 order exactly", () => {
    const values = ["9223372036854775807", 3, "9223372036854775806", -1];
    expect(sortedBy("int64", values)).toEqual([
      -1,
      3,
      "9223372036854775806",
      "9223372036854775807",
    ]);
  });
  test("NaN is greatest, NULL last either way", () => {
    const values = [null, "NaN", 1, "-Infinity", "Infinity"];
    expect(sortedBy("float64", values)).toEqual(["-Infinity", 1, "Infinity", "NaN", null]);
    expect(sortedBy("float64", values, true)).toEqual(["NaN", "Infinity", 1, "-Infinity", null]);
  });
  test("times order to the nanosecond", () => {
    const [a, b] = ["2026-11-23T06:58:58.206463323Z", "2026-11-23T06:58:58.206463324Z"];
    expect(sortedBy("timestamp", [b, a])).toEqual([a, b]);
    expect(sortedBy("timestamp", ["2026-11-23T06:58:58.5Z", "2026-11-23T06:58:58Z"])).toEqual([
      "2026-11-23T06:58:58Z",
      "2026-11-23T06:58:58.5Z",
    ]);
  });
  test("equal rows keep their order", () => {
    const rows = [[1], [0], [1], [0]];
    const order = sortedOrder(rows, [{ name: "a", type: "int64" }], {
      column: 0,
      descending: true,
    });
    expect([...order]).toEqual([0, 2, 1, 3]);
  });
  test("no sort keeps what came", () => {
    expect([...sortedOrder([[2], [1]], [{ name: "a", type: "int64" }], null)]).toEqual([0, 1]);
  });
});

test("a head pressed three times returns to the order of the answer", () => {
  const up = nextSort(null, 1);
  expect(up).toEqual({ column: 1, descending: false });
  const down = nextSort(up, 1);
  expect(down).toEqual({ column: 1, descending: true });
  expect(nextSort(down, 1)).toBeNull();
});

test("valueText is exact", () => {
  expect([null, -0, 1e300, true, "x", [1, null], { a: "b" }].map(valueText)).toEqual([
    "",
    "-0",
    "1e+300",
    "true",
    "x",
    "[1,null]",
    '{"a":"b"}',
  ]);
});

test("chartNumber takes what can be drawn", () => {
  expect([1, "9223372036854775807", "NaN", "Infinity", null, "", "x"].map(chartNumber)).toEqual([
    1,
    2 ** 63,
    null,
    null,
    null,
    null,
    null,
  ]);
});

test("kindOf knows the server's type names", () => {
  const kinds = {
    int64: "number",
    "list<int64>": "nested",
    binary: "id",
    "duration(ns)": "text",
    timestamp: "time",
  };
  for (const [type, kind] of Object.entries(kinds)) expect(kindOf(type)).toBe(kind);
});

test("columnWidths are bounded", () => {
  const [narrow, wide] = columnWidths(
    [
      { name: "a", type: "int8" },
      { name: "b", type: "text" },
    ],
    [[1, "x".repeat(1_000_000)]],
  );
  expect(narrow).toBeLessThan(10);
  expect(wide).toBe(48);
});

describe("linkOf", () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const span = "00f067aa0ba902b7";
  const columns = [
    { name: "trace_id", type: "binary" },
    { name: "parent_span_id", type: "binary" },
  ];
  test("a trace id links to its trace, a span id to its place in it", () => {
    expect(linkOf(columns, [trace, span], 0)).toEqual({ trace });
    expect(linkOf(columns, [trace, span], 1)).toEqual({ trace, span });
  });
  test("a linked span belongs to the linked trace", () => {
    const linked = [
      { name: "linked_trace_id", type: "binary" },
      { name: "linked_span_id", type: "binary" },
    ];
    expect(linkOf(linked, [trace, span], 1)).toEqual({ trace, span });
  });
  test("other hex is no link", () => {
    expect(linkOf([{ name: "digest", type: "text" }], [trace], 0)).toBeNull();
    expect(linkOf([{ name: "span_id", type: "binary" }], [span], 0)).toBeNull();
  });
});
