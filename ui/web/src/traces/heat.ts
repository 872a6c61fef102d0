/** Where things are in a duration heatmap: cells, boxes, counts, and what a box means as a filter. */
import type { Box } from "../kit/gridbrush";

/** Counts by time (columns) and duration (rows, the fastest first). */
export type Heat = {
  /** Unix ns where the first column begins. */
  start: bigint;
  /** Width of a column in ns. */
  step: number;
  columns: number;
  rows: number;
  /** Durations in ns between the rows; one more than rows. */
  edges: number[];
  /** Row by row. */
  counts: number[];
  errors: number[];
};

/** What a box of cells says about traces: `[from, to)` and `[min, max)`; null where it is open. */
export type Cut = { from: bigint; to: bigint; min: number | null; max: number | null };

export type HeatSums = { count: number; errors: number };

export function sumsOf(heat: Heat, box: Box): HeatSums {
  let count = 0;
  let errors = 0;
  for (let row = box.bottom; row <= box.top; row++) {
    for (let column = box.left; column <= box.right; column++) {
      count += heat.counts[row * heat.columns + column] ?? 0;
      errors += heat.errors[row * heat.columns + column] ?? 0;
    }
  }
  return { count, errors };
}

/** The last row has no upper bound and the first no lower one: they hold the extremes themselves. */
export function cutOf(heat: Heat, box: Box): Cut {
  return {
    from: heat.start + BigInt(Math.round(box.left * heat.step)),
    to: heat.start + BigInt(Math.round((box.right + 1) * heat.step)),
    min: box.bottom === 0 ? null : Math.ceil(heat.edges[box.bottom] ?? 0),
    max: box.top >= heat.rows - 1 ? null : Math.ceil(heat.edges[box.top + 1] ?? 0),
  };
}

/** The cells that a cut touches; null when it lies outside. */
export function boxOfCut(heat: Heat, cut: Cut): Box | null {
  const column = (at: bigint) => Number(at - heat.start) / heat.step;
  const left = Math.max(0, Math.floor(column(cut.from) + 1e-6));
  const right = Math.min(heat.columns, Math.ceil(column(cut.to) - 1e-6)) - 1;
  const bottom = cut.min === null ? 0 : Math.max(0, rowOf(heat, cut.min));
  const top = cut.max === null ? heat.rows - 1 : rowBelow(heat, cut.max);
  return left > right || bottom > top ? null : { left, right, bottom, top };
}

/** The row that holds a duration: the last whose lower edge is not above it. */
function rowOf(heat: Heat, duration: number): number {
  let row = 0;
  while (row + 1 < heat.rows && Math.ceil(heat.edges[row + 1] ?? 0) <= duration) row++;
  return row;
}

/** The last row that begins below a duration. */
function rowBelow(heat: Heat, duration: number): number {
  let row = heat.rows - 1;
  while (row >= 0 && Math.ceil(heat.edges[row] ?? 0) >= duration) row--;
  return row;
}

/** Height of a duration in rows, 0 at the bottom: logarithmic within a row as between rows. */
export function levelOf(heat: Heat, duration: number): number {
  const log = (ns: number) => Math.log(Math.max(ns, 1));
  let row = 0;
  while (row + 1 < heat.rows && (heat.edges[row + 1] ?? 0) <= duration) row++;
  const low = log(heat.edges[row] ?? 1);
  const high = log(heat.edges[row + 1] ?? 1);
  return high > low ? row + (log(duration) - low) / (high - low) : row;
}

/** Steps of the colour scale, from few to many. */
export const SHADES = 6;

/** Step of a count on the colour scale, logarithmic, so that single traces are seen. */
export function shadeOf(count: number, most: number): number {
  if (most <= 1) return SHADES - 1;
  return Math.min(SHADES - 1, Math.floor((SHADES * Math.log(Math.max(1, count))) / Math.log(most)));
}

/** `from-to~min-max` in ns, an open end being empty: how a cut stands in the URL. */
export function cutText(cut: Cut): string {
  return `${cut.from}-${cut.to}~${cut.min ?? ""}-${cut.max ?? ""}`;
}

export function parseCut(text: string | undefined): Cut | null {
  const match = /^(\d{1,19})-(\d{1,19})~(\d{0,19})-(\d{0,19})$/.exec(text ?? "");
  if (!match) return null;
  const [, from = "", to = "", min = "", max = ""] = match;
  const open = (part: string) => (part === "" ? null : Number(part));
  return { from: BigInt(from), to: BigInt(to), min: open(min), max: open(max) };
}

export type HeatRow = { column: number; row: number; count: number; errors: number };

/** The cells that have traces, newest column first and slowest row first: the table twin. */
export function filledCells(heat: Heat, most: number): { cells: HeatRow[]; more: number } {
  const cells: HeatRow[] = [];
  let more = 0;
  for (let column = heat.columns - 1; column >= 0; column--) {
    for (let row = heat.rows - 1; row >= 0; row--) {
      const at = row * heat.columns + column;
      const count = heat.counts[at] ?? 0;
      if (count === 0) continue;
      if (cells.length < most) cells.push({ column, row, count, errors: heat.errors[at] ?? 0 });
      else more++;
    }
  }
  return { cells, more };
}
