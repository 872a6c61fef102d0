import { expect, test } from "vitest";
import type { Arrived } from "../api/types";
import { Arrivals } from "./arrivals";
import { sampleTrace } from "./sample";
import { LANGUAGES } from "./snippets";

const arrived = (counts: Record<string, number>): Arrived => ({
  time: "1000000000000000000",
  sources: Object.entries(counts).map(([service, records]) => ({
    service,
    signal: "traces",
    records,
    requests: 1,
    last: "1000000000000000000",
  })),
  totals: { spans: 0, logs: 0, metrics: 0, requests: 0, rejected: 0, duplicates: 0, bytes: 0 },
});

const arrival = (service: string, records: number) => ({ service, signal: "traces", records });

test("only what came after the page was opened counts", () => {
  const arrivals = new Arrivals(false);
  expect(arrivals.read(arrived({ old: 500 }))).toEqual([]);
  expect(arrivals.read(arrived({ old: 520, fresh: 3 }))).toEqual([
    arrival("old", 20),
    arrival("fresh", 3),
  ]);
  expect(arrivals.read(arrived({ old: 520, fresh: 4 }))).toEqual([
    arrival("old", 20),
    arrival("fresh", 4),
  ]);
});

test("all of it counts where the store was empty", () => {
  expect(new Arrivals(true).read(arrived({ a: 22 }))).toEqual([arrival("a", 22)]);
});

test("a server that starts anew counts from nothing", () => {
  const arrivals = new Arrivals(false);
  arrivals.read(arrived({ a: 500 }));
  expect(arrivals.read(arrived({ a: 7 }))).toEqual([arrival("a", 7)]);
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
