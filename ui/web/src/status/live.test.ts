import { expect, test } from "vitest";
import { ratesOf, recentRate, type Sample, sourceRates, WINDOW_SECONDS, withSample } from "./live";

const zero = { spans: 0, logs: 0, metrics: 0, requests: 0, rejected: 0, duplicates: 0, bytes: 0 };
const sample = (second: number, spans: number, requests = spans): Sample => ({
  at: second * 1000 + 100,
  totals: { ...zero, spans, requests },
});

test("rates are the growth of each second, and silence is zero", () => {
  const samples = [sample(100, 10), sample(101, 15), sample(104, 40)];
  expect(ratesOf(samples, "spans", 105_000).slice(-6)).toEqual([null, 5, 0, 0, 25, 0]);
});

test("before the first sample nothing is known", () => {
  expect(ratesOf([], "spans", 1e6).every((rate) => rate === null)).toBe(true);
});

test("a server that started anew begins anew", () => {
  expect(withSample([sample(1, 50)], sample(2, 3))).toEqual([sample(2, 3)]);
});

test("old samples are dropped", () => {
  const kept = withSample([sample(1, 1), sample(500, 2)], sample(501, 3));
  expect(kept).toEqual([sample(500, 2), sample(501, 3)]);
  expect(WINDOW_SECONDS).toBeGreaterThan(0);
});

test("recentRate is a mean of what is known", () => {
  expect(recentRate([null, 2, 4])).toBe(3);
  expect(recentRate([null])).toBeNull();
});

test("sources have rates between two messages", () => {
  const source = { service: "a", signal: "spans", records: 10, requests: 1, last: "1" };
  const before = { time: "0", sources: [source], totals: zero };
  const after = { ...before, sources: [source, { ...source, service: "b", records: 6 }] };
  expect(sourceRates(before, after, 2).map(({ service, rate }) => [service, rate])).toEqual([
    ["b", 3],
    ["a", 0],
  ]);
  expect(sourceRates(null, after, 0)[0]?.rate).toBeNull();
});
