import type { Column } from "../api/types";
import type { Value } from "./stream";

/** What a column's values are, for alignment, order, colour and charts. */
export type Kind = "number" | "time" | "id" | "boolean" | "text" | "nested";

export function kindOf(type: string): Kind {
  if (/^(u?int\d+|float\d+|decimal)$/.test(type)) return "number";
  if (type === "timestamp" || type === "date") return "time";
  if (type === "binary") return "id";
  if (type === "boolean") return "boolean";
  if (type === "json" || type === "struct" || /^(list|map)/.test(type)) return "nested";
  return "text";
}

/** The exact text of a value: what is shown and copied. NULL is the empty string. */
export function valueText(value: Value | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "boolean") return String(value);
  return JSON.stringify(value);
}

/** A number to draw; NaN, the infinities and what is no number have no place on a chart. */
export function chartNumber(value: Value | undefined): number | null {
  if (typeof value !== "number" && typeof value !== "string") return null;
  if (value === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

type Compare = (a: Value, b: Value) => number;

function sign(a: number | bigint | string, b: number | bigint | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const INTEGER = /^-?\d+$/;

/** NaN is greater than every number, as in the server's ORDER BY. */
function compareNumbers(a: Value, b: Value): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [x, y] = [String(a), String(b)];
  if (INTEGER.test(x) && INTEGER.test(y)) return sign(BigInt(x), BigInt(y));
  const [m, n] = [Number(x), Number(y)];
  if (Number.isNaN(m) || Number.isNaN(n)) return Number(Number.isNaN(m)) - Number(Number.isNaN(n));
  return sign(m, n);
}

/** RFC 3339 in UTC orders as text once the zone is gone. */
function compareTimes(a: Value, b: Value): number {
  return sign(valueText(a).replace(/Z$/, ""), valueText(b).replace(/Z$/, ""));
}

function comparison(kind: Kind): Compare {
  if (kind === "number") return compareNumbers;
  if (kind === "time") return compareTimes;
  return (a, b) => sign(valueText(a), valueText(b));
}

export interface Sort {
  column: number;
  descending: boolean;
}

/** The order in which to show `rows`; equal rows keep theirs, NULL comes last either way. */
export function sortedOrder(rows: Value[][], columns: Column[], sort: Sort | null): Int32Array {
  const order = Int32Array.from(rows, (_, index) => index);
  const column = sort === null ? undefined : columns[sort.column];
  if (sort === null || column === undefined) return order;
  const compare = comparison(kindOf(column.type));
  const turn = sort.descending ? -1 : 1;
  return order.sort((i, j) => {
    const a = rows[i]?.[sort.column] ?? null;
    const b = rows[j]?.[sort.column] ?? null;
    if (a === null || b === null) return Number(a === null) - Number(b === null) || i - j;
    return turn * compare(a, b) || i - j;
  });
}

/** The next state of the sort when the head of `column` is pressed: up, down, as it came. */
export function nextSort(sort: Sort | null, column: number): Sort | null {
  if (sort?.column !== column) return { column, descending: false };
  return sort.descending ? null : { column, descending: true };
}

const SAMPLE_ROWS = 200;
const CHARACTERS_MIN = 6;
const CHARACTERS_MAX = 48;

/** Widths of columns in characters, from their names and the first rows. */
export function columnWidths(columns: Column[], rows: Value[][]): number[] {
  const sample = rows.slice(0, SAMPLE_ROWS);
  return columns.map((column, index) => {
    // Type names are smaller than names.
    const head = column.name.length + Math.ceil(column.type.length * 0.8) + 2;
    const longest = sample.reduce(
      (most, row) => Math.max(most, valueText(row[index]).length),
      head,
    );
    return Math.min(CHARACTERS_MAX, Math.max(CHARACTERS_MIN, longest));
  });
}

const TRACE_ID = /^[0-9a-f]{32}$/;
const SPAN_ID = /^[0-9a-f]{16}$/;

/** The trace (and span) that the cell's id belongs to, when it can be told. */
export function linkOf(
  columns: Column[],
  row: Value[],
  cell: number,
): { trace: string; span?: string } | null {
  const text = valueText(row[cell]);
  const name = columns[cell]?.name ?? "";
  if (TRACE_ID.test(text) && /trace/i.test(name)) return { trace: text };
  if (!SPAN_ID.test(text) || !/span/i.test(name)) return null;
  const wanted = name.replace(/(parent_)?span_id/i, "trace_id");
  const beside = columns.findIndex(
    (column) => column.name === wanted || column.name === "trace_id",
  );
  const trace = beside < 0 ? "" : valueText(row[beside]);
  return TRACE_ID.test(trace) ? { trace, span: text } : null;
}
