import { describe, expect, test } from "vitest";
import type { Service } from "../api/types";
import {
  bars,
  changeText,
  deltasOf,
  durationText,
  narrowed,
  pointsText,
  ratioText,
  sorted,
  worse,
} from "./model";

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

const service = (name: string, more: Partial<Service> = {}): Service => ({
  name,
  slot: 0,
  requests: 100,
  errors: 1,
  rate: 1,
  p50: 1e6,
  p95: 5e6,
  p99: 9e6,
  spark: [],
  spark_errors: [],
  spark_p95: [],
  version: null,
  spans: 100,
  logs: 0,
  previous: { requests: 50, errors: 0, p50: 1e6, p95: 1e6, p99: 2e6 },
  ...more,
});

test("changes against the period before", () => {
  expect(deltasOf(service("a"))).toEqual({ rate: 2, p95: 5, errors: 0.01 });
  expect(deltasOf(service("a", { previous: null }))).toEqual({
    rate: null,
    p95: null,
    errors: null,
  });
  expect(worse(service("a"))).toBeGreaterThan(worse(service("b", { p95: 1e6 })));
  expect(worse(service("new", { previous: null }))).toBe(0);
  expect(["", "+31 %", "−12 %", "6.1×"]).toEqual([1.04, 1.31, 0.88, 6.1].map(ratioText).map(plain));
  expect([pointsText(0.021), pointsText(-0.003), pointsText(0.0001)]).toEqual(["+2.1", "−0.3", ""]);
});

describe("sorting", () => {
  const rows = [
    service("b", { p95: null, version: "2.10" }),
    service("c", { p95: 1, version: "2.9" }),
    service("A", { p95: 7 }),
  ];
  const names = (by: Parameters<typeof sorted>[1], direction: "asc" | "desc") =>
    sorted(rows, by, direction).map((row) => row.name);
  test("what is not known comes last, both ways", () => {
    expect(names("p95", "desc")).toEqual(["A", "c", "b"]);
    expect(names("p95", "asc")).toEqual(["c", "A", "b"]);
    expect(names("version", "asc")).toEqual(["c", "b", "A"]);
  });
  test("names and ties", () => {
    expect(names("name", "asc")).toEqual(["A", "b", "c"]);
    expect(names("rate", "desc")).toEqual(["A", "b", "c"]);
  });
});

test("changes in words", () => {
  const change = { service: "a", operation: "GET", score: 1 };
  const p95 = changeText({ ...change, metric: "p95", before: 310e6, after: 1.9e9 });
  expect(plain(`${p95.before} → ${p95.after}`)).toBe("310 ms → 1.90 s");
  const rate = changeText({ ...change, metric: "rate", before: null, after: 12 });
  expect(`${rate.before} → ${rate.after}`).toBe("none → 12/s");
});

test("filters that cells stand for", () => {
  expect(narrowed(undefined, "service:a")).toBe("service:a");
  expect(narrowed("service:b env:prod (x OR y)", "service:a", "status:error")).toBe(
    "env:prod (x OR y) service:a status:error",
  );
  expect([1_999_999_999, 250e6, 380_400, 7].map(durationText)).toEqual([
    "1.99s",
    "250ms",
    "380us",
    "7ns",
  ]);
});

test("bars", () => {
  expect(bars([0, 2, 1], [0, 1, 0], 30, 10)).toEqual({
    all: "M10.00 10v-10.00h8.00V10zM20.00 10v-5.00h8.00V10z",
    errors: "M10.00 10v-5.00h8.00V10z",
  });
});
