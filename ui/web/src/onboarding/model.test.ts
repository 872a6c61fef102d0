import { expect, test } from "vitest";
import type { Arrived } from "../api/types";
import { Arrivals } from "./arrivals";
import { sampleTrace } from "./sample";
import { LANGUAGES } from "./snippets";

const arrived = (seconds: number, counts: Record<string, [number, number]>): Arrived => ({
  time: `${seconds}000000000`,
  sources: Object.entries(counts).map(([service, [records, last]]) => ({
    service,
    signal: "traces",
    records,
    requests: 1,
    last: `${last}000000000`,
  })),
  totals: { spans: 0, logs: 0, metrics: 0, requests: 0, rejected: 0, duplicates: 0, bytes: 0 },
});

test("only what came after the page was opened counts", () => {
  const arrivals = new Arrivals();
  expect(arrivals.read(arrived(1000, { old: [500, 100] }), 1000)).toEqual([]);
  expect(arrivals.read(arrived(1001, { old: [520, 1001], fresh: [3, 1001] }), 2000)).toEqual([
    { service: "old", signal: "traces", records: 20 },
    { service: "fresh", signal: "traces", records: 3 },
  ]);
  expect(arrivals.read(arrived(1002, { old: [520, 1001], fresh: [4, 1002] }), 3000)).toEqual([
    { service: "old", signal: "traces", records: 20 },
    { service: "fresh", signal: "traces", records: 4 },
  ]);
});

test("what came just before the first message is not lost", () => {
  expect(new Arrivals().read(arrived(1000, { a: [22, 999] }), 1500)).toEqual([
    { service: "a", signal: "traces", records: 22 },
  ]);
});

test("the sample is one trace that hangs together", () => {
  let next = 0;
  const { traceId, body } = sampleTrace((bytes) => {
    next += 1;
    return new Uint8Array(bytes).fill(next);
  }, 1_000_000);
  const spans = (
    body as {
      resourceSpans: {
        scopeSpans: { spans: Record<string, string>[] }[];
      }[];
    }
  ).resourceSpans.flatMap((resource) => resource.scopeSpans.flatMap((scope) => scope.spans));
  const ids = new Set(spans.map((span) => span["spanId"]));
  expect(ids.size).toBe(spans.length);
  expect(spans.every((span) => span["traceId"] === traceId)).toBe(true);
  expect(spans.filter((span) => span["parentSpanId"] === "")).toHaveLength(1);
  expect(spans.every((s) => s["parentSpanId"] === "" || ids.has(s["parentSpanId"] ?? ""))).toBe(
    true,
  );
  expect(spans[0]?.["endTimeUnixNano"]).toBe("1000000000000");
});

test("every snippet names this server, and a token where one is wanted", () => {
  for (const { name, snippets } of LANGUAGES) {
    const text = snippets("http://here:4319", true)
      .map((snippet) => snippet.text)
      .join("\n");
    expect(text, name).toContain("http://here:4319");
    expect(text, name).toContain("YOUR_TOKEN");
  }
});
