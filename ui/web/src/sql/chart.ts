import type { Column } from "../api/types";
import { chartNumber, kindOf, valueText } from "./result";
import type { Value } from "./stream";

export type ChartKind = "line" | "bar" | "scatter";

/** Which columns a chart draws; all are indexes into the columns of the answer. */
export interface ChartSpec {
  kind: ChartKind;
  x: number;
  y: number[];
  /** The column whose values become one series each. */
  split: number | null;
}

const SERIES_MAX = 24;
const BARS_MAX = 60;

function ofKind(columns: Column[], ...kinds: string[]): number[] {
  return columns.flatMap((column, index) => (kinds.includes(kindOf(column.type)) ? [index] : []));
}

/** What can be drawn of these columns, the likeliest first: that is how the first is chosen. */
export function chartsFor(columns: Column[]): ChartSpec[] {
  const times = ofKind(columns, "time");
  const numbers = ofKind(columns, "number");
  const names = ofKind(columns, "text", "boolean", "id");
  const [time, name, first, second] = [times[0], names[0], numbers[0], numbers[1]];
  const found: ChartSpec[] = [];
  if (time !== undefined && first !== undefined) {
    const split = name ?? null;
    found.push({ kind: "line", x: time, y: split === null ? numbers : [first], split });
  }
  if (name !== undefined && first !== undefined) {
    found.push({ kind: "bar", x: name, y: [first], split: null });
  } else if (time !== undefined && first !== undefined) {
    found.push({ kind: "bar", x: time, y: [first], split: null });
  }
  if (first !== undefined && second !== undefined) {
    found.push({ kind: "scatter", x: first, y: [second], split: name ?? null });
  }
  return found;
}

export interface Series {
  name: string;
  values: (number | null)[];
}

/** Series over one shared, ascending x. */
export interface Lines {
  x: number[];
  series: Series[];
  /** Series that were left out. */
  more: number;
}

const NANOS_PER_MS = 1e6;

/** Milliseconds since 1970, with the nanoseconds as far as a double carries them. */
export function timeMs(text: string): number | null {
  const match = /^(.*T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z?$/.exec(text);
  if (match === null) {
    const day = Date.parse(`${text}T00:00:00Z`);
    return Number.isNaN(day) ? null : day;
  }
  const whole = Date.parse(`${match[1]}Z`);
  const nanos = Number((match[2] ?? "").padEnd(9, "0"));
  return Number.isNaN(whole) ? null : whole + nanos / NANOS_PER_MS;
}

function xOf(columns: Column[], spec: ChartSpec, row: Value[]): number | null {
  const value = row[spec.x];
  return kindOf(columns[spec.x]?.type ?? "") === "time"
    ? timeMs(valueText(value))
    : chartNumber(value);
}

/** The rows as series; where two rows of one series share an x, the last counts. */
export function toLines(columns: Column[], rows: Value[][], spec: ChartSpec): Lines {
  const xs = new Set<number>();
  const bySeries = new Map<string, Map<number, number | null>>();
  for (const row of rows) {
    const x = xOf(columns, spec, row);
    if (x === null) continue;
    xs.add(x);
    for (const column of spec.y) {
      const label = columns[column]?.name ?? "";
      const part = spec.split === null ? label : valueText(row[spec.split]) || "(null)";
      const name = spec.split !== null && spec.y.length > 1 ? `${part} ${label}` : part;
      const points = bySeries.get(name) ?? new Map<number, number | null>();
      points.set(x, chartNumber(row[column]));
      bySeries.set(name, points);
    }
  }
  const x = Float64Array.from(xs).sort();
  const shown = [...bySeries].slice(0, SERIES_MAX);
  const series = shown.map(([name, points]) => ({
    name,
    values: Array.from(x, (at) => points.get(at) ?? null),
  }));
  return { x: Array.from(x), series, more: bySeries.size - shown.length };
}

export interface Bar {
  name: string;
  value: number | null;
  exact: string;
}

/** One bar a row, in the order of the answer; `more` rows were left out. */
export function toBars(rows: Value[][], spec: ChartSpec): { bars: Bar[]; more: number } {
  const [column] = spec.y;
  if (column === undefined) return { bars: [], more: 0 };
  const bars = rows.slice(0, BARS_MAX).map((row) => ({
    name: valueText(row[spec.x]) || "(null)",
    value: chartNumber(row[column]),
    exact: valueText(row[column]) || "NULL",
  }));
  return { bars, more: Math.max(0, rows.length - BARS_MAX) };
}
