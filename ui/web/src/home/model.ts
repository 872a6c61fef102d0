/** The table of services: what it shows, how it sorts, and which filter a cell stands for. */
import type { Change, Red, Service } from "../api/types";
import { partsOf } from "../kit/filter";
import { formatDuration, formatPercent, formatRate, significant } from "../kit/format";
import type { ServiceColumn } from "./search";

export type Direction = "asc" | "desc";

export const errorShare = (red: Pick<Red, "requests" | "errors">) =>
  red.requests === 0 ? 0 : red.errors / red.requests;

/** How a figure changed against the period before: after / before; null when one is not known. */
export interface Deltas {
  rate: number | null;
  p95: number | null;
  /** In percentage points, as a share. */
  errors: number | null;
}

export function deltasOf(service: Service): Deltas {
  const { previous } = service;
  if (!previous) return { rate: null, p95: null, errors: null };
  return {
    rate: previous.requests > 0 ? service.requests / previous.requests : null,
    p95: previous.p95 && service.p95 !== null ? service.p95 / previous.p95 : null,
    errors: previous.requests > 0 ? errorShare(service) - errorShare(previous) : null,
  };
}

/** How much worse a service is than before: doubled latency weighs as ten points of errors. */
export function worse(service: Service): number {
  const { p95, errors } = deltasOf(service);
  return Math.max(0, Math.log2(p95 ?? 1)) + Math.max(0, errors ?? 0) * 10;
}

const NEVER = Number.NEGATIVE_INFINITY;

function keyOf(service: Service, by: ServiceColumn): number | string {
  switch (by) {
    case "name":
      return service.name.toLowerCase();
    case "rate":
      return service.rate;
    case "errors":
      return errorShare(service);
    case "change":
      return worse(service);
    case "version":
      return service.version ?? "";
    default:
      return service[by] ?? NEVER;
  }
}

/** In the order of a column; equal ones by name, what is not known last. */
export function sorted(services: readonly Service[], by: ServiceColumn, direction: Direction) {
  const sign = direction === "asc" ? 1 : -1;
  return services.toSorted((a, b) => {
    const [left, right] = [keyOf(a, by), keyOf(b, by)];
    const missing = (key: number | string) => key === NEVER || key === "";
    if (missing(left) !== missing(right)) return missing(left) ? 1 : -1;
    if (left === right) return a.name.localeCompare(b.name);
    if (typeof left === "string" || typeof right === "string") {
      return sign * String(left).localeCompare(String(right), undefined, { numeric: true });
    }
    return sign * (left - right);
  });
}

/** The way a column sorts when it is chosen first: names up, figures down. */
export const firstDirection = (by: ServiceColumn): Direction => (by === "name" ? "asc" : "desc");

/** A ratio as people say it: `+31 %`, `−12 %`, `6.1×`; nothing for what is not worth saying. */
export function ratioText(ratio: number | null): string {
  if (ratio === null || Math.abs(ratio - 1) < 0.05) return "";
  if (ratio >= 2) return `${significant(Math.min(ratio, 9990))}×`;
  return `${ratio > 1 ? "+" : "−"}${Math.round(Math.abs(ratio - 1) * 100)}\u00a0%`;
}

/** A difference of shares in points: `+2.1`, `−0.3`. */
export function pointsText(points: number | null): string {
  if (points === null || Math.abs(points) < 0.001) return "";
  return `${points > 0 ? "+" : "−"}${Number((Math.abs(points) * 100).toPrecision(2))}`;
}

/** What a change says: `p95 310 ms → 1.9 s`. */
export function changeText(change: Change): { before: string; after: string } {
  const text = (value: number | null) => {
    if (value === null) return "none";
    if (change.metric === "p95") return formatDuration(value);
    return change.metric === "errors" ? formatPercent(value) : `${formatRate(value)}/s`;
  };
  return { before: text(change.before), after: text(change.after) };
}

/** Whether more of it is bad; a rate that fell is told without judging. */
export const isWorse = (change: Change) =>
  change.metric !== "rate" && (change.after ?? 0) > (change.before ?? 0);

/** A duration as filters have it, rounded down to three digits: `1.9s`, `250ms`. */
export function durationText(nanos: number): string {
  const units: [number, string][] = [
    [1e9, "s"],
    [1e6, "ms"],
    [1e3, "us"],
  ];
  const [size, unit] = units.find(([limit]) => nanos >= limit) ?? [1, "ns"];
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(1, nanos / size))));
  const scale = 10 ** digits;
  return `${Math.floor((nanos / size) * scale) / scale}${unit}`;
}

/** `q` with further terms; one of the same key gives way. */
export function narrowed(q: string | undefined, ...terms: string[]): string {
  const keyOf = (term: string) => /^-?([^:<>=!]+)/.exec(term)?.[1];
  const keys = new Set(terms.map(keyOf));
  const kept = partsOf(q ?? "")
    .filter((part) => !(part.keys.length === 1 && keys.has(keyOf(part.text))))
    .map((part) => part.text);
  return [...kept, ...terms].join(" ");
}

/** Bars of a sparkline as one SVG path each: requests, and the errors among them. */
export function bars(
  counts: readonly number[],
  errors: readonly number[],
  width: number,
  height: number,
): { all: string; errors: string } {
  const max = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  const bar = (count: number, at: number) => {
    const tall = count === 0 ? 0 : Math.max(1, (count / max) * height);
    const left = (at * step).toFixed(2);
    return tall === 0
      ? ""
      : `M${left} ${height}v-${tall.toFixed(2)}h${(step * 0.8).toFixed(2)}V${height}z`;
  };
  return { all: counts.map(bar).join(""), errors: errors.map(bar).join("") };
}
