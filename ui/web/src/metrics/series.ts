import type { MetricSort } from "./catalogue";

/** What one metric's chart draws and its legend says. */

export const AGGREGATIONS = [
  "auto",
  "avg",
  "sum",
  "min",
  "max",
  "rate",
  "increase",
  "p50",
  "p95",
  "p99",
  "count",
] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];

/** The aggregations that mean something for a type of metric. */
export function aggregationsFor(type: string, monotonic: boolean | null): Aggregation[] {
  switch (type) {
    case "histogram":
    case "exponential_histogram":
      return ["auto", "p50", "p95", "p99", "avg", "count", "rate", "sum"];
    case "summary":
      return ["auto", "avg", "count", "rate", "sum"];
    case "sum":
      return monotonic === true
        ? ["auto", "rate", "increase", "sum", "max"]
        : ["auto", "avg", "sum", "min", "max"];
    default:
      return ["auto", "avg", "sum", "min", "max", "count"];
  }
}

/** Whether values of this aggregation are per second. */
export function isRate(agg: string): boolean {
  return agg === "rate";
}

/** Counts have no unit of the measured thing. */
export function unitOf(agg: string, unit: string | null): string {
  return agg === "count" ? "1" : (unit ?? "");
}

export interface Legend {
  last: number | null;
  avg: number | null;
  max: number | null;
}

export function legendOf(values: (number | null)[]): Legend {
  let last: number | null = null;
  let max: number | null = null;
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (value === null) continue;
    last = value;
    max = max === null || value > max ? value : max;
    sum += value;
    count += 1;
  }
  return { last, avg: count === 0 ? null : sum / count, max };
}

/** `service.name=shop, mode=idle`, without the labels that all series share. */
export type Labels = Record<string, string | null>;

export function seriesName(labels: Labels, shared: Set<string>): string {
  const own = Object.entries(labels).filter(([key]) => !shared.has(key));
  if (own.length === 1 && own[0] !== undefined) return labelText(own[0][1]);
  return own.map(([key, value]) => `${key}=${labelText(value)}`).join(", ") || "all series";
}

function labelText(value: string | null): string {
  return value === null ? "(none)" : value === "" ? "(empty)" : value;
}

/** The keys whose value is the same in every one of several series. */
export function sharedKeys(all: Labels[]): Set<string> {
  const [first, ...rest] = all;
  if (first === undefined || rest.length === 0) return new Set();
  return new Set(
    Object.keys(first).filter((key) => rest.every((labels) => labels[key] === first[key])),
  );
}

/** `key=value` conditions; a key may hold any character but `=`. */
export type Condition = { key: string; value: string };

export function parseCondition(text: string): Condition | null {
  const at = text.indexOf("=");
  return at <= 0 ? null : { key: text.slice(0, at), value: text.slice(at + 1) };
}

/** The list with `text` taken out, or put at its end. */
export function toggled(list: string[], text: string): string[] {
  return list.includes(text) ? list.filter((other) => other !== text) : [...list, text];
}

/** `counter` for a sum that only rises: what people call it. */
export function typeName({ type, monotonic }: { type: string; monotonic: boolean | null }): string {
  if (type === "sum") return monotonic === true ? "counter" : "sum";
  return type === "exponential_histogram" ? "exp. histogram" : type;
}

const SORTS: MetricSort[] = ["name", "type", "unit", "services", "series", "points", "last"];

/** `-series` is descending by series; anything else is by name. */
export function readSort(text: string | undefined): { sort: MetricSort; descending: boolean } {
  const descending = text?.startsWith("-") ?? false;
  const sort = SORTS.find((key) => key === text?.replace(/^-/, ""));
  return sort === undefined ? { sort: "name", descending: false } : { sort, descending };
}

export function writeSort(sort: MetricSort, descending: boolean): string | undefined {
  if (sort === "name" && !descending) return undefined;
  return descending ? `-${sort}` : sort;
}
