// What is really in the recorded web shop (tests/data/shop/truth.json).

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./server.ts";

type Counts = Record<string, number>;

export interface Tree {
  why: string;
  trace_id: string;
  spans: number;
  duration_ns: number;
  services: string[];
  tree: {
    depth: number;
    span_id: string;
    parent: string;
    service: string;
    name: string;
    kind: string;
    offset_ns: number;
    duration_ns: number;
    status: string;
    events: string[];
    links: number;
  }[];
}

export interface Truth {
  traces: {
    spans: number;
    distinct_traces: number;
    traces_with_error: number;
    traces_over_1s: number;
    traces_without_root: number;
    spans_by_service: Counts;
    traces_by_service: Counts;
    spans_by_kind: Counts;
    spans_by_status: Counts;
    error_spans_by_service: Counts;
    first_start_unix_nano: string;
    last_end_unix_nano: string;
  };
  trees: Tree[];
  slowest_traces: { trace_id: string; duration_ns: number; spans: number }[];
  spans_by_attribute_value: Record<string, Counts>;
  logs: {
    records: number;
    by_service: Counts;
    by_severity_text: Counts;
    severity_error_or_worse: number;
    first_time_unix_nano: string;
    last_time_unix_nano: string;
    word_hits: Record<string, { token: number; substring: number; by_service: Counts }>;
    phrases: Counts;
    trace_with_most_logs: { trace_id: string; records: number }[];
  };
  metrics: {
    data_points: number;
    points_by_type: Counts;
    metrics: number;
    series: number;
    list: { service: string; name: string; type: string; unit: string; points: number }[];
  };
}

// The file has times as numbers beyond 2^53: quote them before they are parsed.
const text = readFileSync(join(ROOT, "tests/data/shop/truth.json"), "utf8");
export const truth = JSON.parse(
  text.replace(/("[a-z_]+_unix_nano"):\s*(\d+)/g, '$1: "$2"'),
) as Truth;

/** A range that holds all of the shop, as URL parameters. */
export const SHOP_RANGE = (() => {
  const second = 1_000_000_000n;
  const from = (BigInt(truth.traces.first_start_unix_nano) / second - 60n) * second;
  const to = (BigInt(truth.traces.last_end_unix_nano) / second + 60n) * second;
  return `from=${from}&to=${to}`;
})();

/** A trace of the truth by the reason why it is there. */
export function tree(why: string): Tree {
  const found = truth.trees.find((entry) => entry.why.startsWith(why));
  if (!found) throw new Error(`no tree ${why}`);
  return found;
}
