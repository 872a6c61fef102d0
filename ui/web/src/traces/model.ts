/** What the trace search shows and asks, worked out without a browser. */
import { withoutBounds, withTerm } from "../kit/filterterms";
import type { Cut } from "./heat";

export type Lens = "traces" | "spans";

/** Whole traces and single spans have durations of their own; each lens filters by the right one. */
export function durationKey(lens: Lens): string {
  return lens === "traces" ? "trace.duration" : "duration";
}

/** The filter text with the durations of a cut in place of those it had. */
export function withDurations(q: string, lens: Lens, cut: Pick<Cut, "min" | "max">): string {
  const key = durationKey(lens);
  let text = withoutBounds(q, key);
  if (cut.min !== null) text = withTerm(text, `${key}>=${durationTerm(cut.min)}`);
  if (cut.max !== null) text = withTerm(text, `${key}<${durationTerm(cut.max)}`);
  return text;
}

const UNITS: [string, number][] = [
  ["s", 1e9],
  ["ms", 1e6],
  ["us", 1e3],
];

/** A duration as filter text: exact to the nanosecond, in the largest unit it fills. */
export function durationTerm(ns: number): string {
  const whole = Math.round(ns);
  for (const [unit, size] of UNITS) {
    if (whole >= size) {
      const rest = String(whole % size).padStart(String(size).length - 1, "0");
      const fraction = rest.replace(/0+$/, "");
      return `${Math.floor(whole / size)}${fraction && `.${fraction}`}${unit}`;
    }
  }
  return `${whole}ns`;
}

const READ_UNITS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  min: 60e9,
  h: 3600e9,
};

/** "250 ms", "1.5s" or "800" (ms) as ns; null when empty, undefined when it is no duration. */
export function readDuration(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  const match = /^(\d+(?:[.,]\d+)?)\s*([a-zµμ]*)$/i.exec(trimmed);
  const unit = READ_UNITS[(match?.[2] || "ms").toLowerCase()];
  if (!match || unit === undefined) return undefined;
  return Math.round(Number((match[1] ?? "").replace(",", ".")) * unit);
}

/** Share of the longest in view, so that bars compare at a glance; never invisible. */
export function barShare(duration: number, longest: number): number {
  if (!(longest > 0)) return 0;
  return Math.max(0.004, Math.min(1, duration / longest));
}

type ServiceCount = { name: string | null; spans: number };

/** The services of a trace with the most spans first, and how many more there are. */
export function topServices(services: ServiceCount[], most: number) {
  const named = services.map(({ name, spans }) => ({ name: name ?? "", spans }));
  const sorted = named.sort((a, b) => b.spans - a.spans || a.name.localeCompare(b.name));
  return { shown: sorted.slice(0, most), more: Math.max(0, sorted.length - most) };
}

/** A pasted trace id: 32 hex digits, also as a UUID or in a `traceparent`. */
export function pastedTraceId(text: string): string | null {
  const trimmed = text.trim().toLowerCase();
  const parent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(trimmed);
  const id =
    parent?.[1] ?? trimmed.replace(/^(trace|trace_id|traceid)[:=]\s*/, "").replace(/-/g, "");
  return /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id) ? id : null;
}
