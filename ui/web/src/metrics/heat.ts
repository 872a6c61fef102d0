/** Buckets of a histogram as rows of equal height, and values as places between them. */
import type { MetricSeriesAnswer } from "../api/types";

/** A heatmap as it is drawn. */
export interface Heat {
  edges: number[];
  counts: number[];
  rows: number;
  /** The first row has no lower end, the last no upper one. */
  openLow: boolean;
  openHigh: boolean;
}

const OF_VALUES = /^(p\d+|avg|min|max|auto)$/;

/** The buckets of an answer whose lines have the unit of its buckets. */
export function heatOf({ heatmap, agg, count }: MetricSeriesAnswer): Heat | null {
  if (heatmap === null || heatmap.edges.length < 2 || !OF_VALUES.test(agg)) return null;
  const edges = closedEdges(heatmap.edges);
  const kept = cropped(edges, heatmap.counts, count);
  return {
    ...kept,
    openLow: heatmap.edges[0] === null && kept.edges[0] === edges[0],
    openHigh: heatmap.edges.at(-1) === null && kept.edges.at(-1) === edges.at(-1),
  };
}

/** Open ends get a place to be drawn at: as wide as the row beside them, or from zero. */
export function closedEdges(edges: (number | null)[]): number[] {
  const known = edges.map((edge) => edge ?? 0);
  const last = edges.length - 1;
  if (edges[0] === null) {
    const [next = 0, after = next] = known.slice(1);
    known[0] = next > 0 ? 0 : next - Math.max(after - next, 1);
  }
  if (edges[last] === null) {
    const [before = 0, previous = 0] = [known[last - 1], known[last - 2]];
    known[last] = before + Math.max(before - previous, Math.abs(before) || 1);
  }
  return known;
}

/** Row and fraction at which `value` lies: 0 is the lower end of the first bucket. */
export function placeOf(edges: number[], value: number): number {
  const rows = edges.length - 1;
  if (rows < 1) return 0;
  let row = 0;
  while (row < rows - 1 && value >= (edges[row + 1] ?? Number.POSITIVE_INFINITY)) row += 1;
  const [low, high] = [edges[row] ?? 0, edges[row + 1] ?? 0];
  const part = high > low ? (value - low) / (high - low) : 0;
  return row + Math.max(0, Math.min(1, part));
}

/** The value at `place`: the inverse of `placeOf`. */
export function valueAt(edges: number[], place: number): number {
  const rows = edges.length - 1;
  const row = Math.max(0, Math.min(rows - 1, Math.floor(place)));
  const [low, high] = [edges[row] ?? 0, edges[row + 1] ?? 0];
  return low + (high - low) * Math.max(0, Math.min(1, place - row));
}

/** The rows from the first to the last that ever counted something, with one more on each side. */
export function cropped(edges: number[], counts: number[], columns: number) {
  const rows = edges.length - 1;
  const used = Array.from({ length: rows }, (_, row) =>
    counts.slice(row * columns, (row + 1) * columns).some((count) => count > 0),
  );
  const first = Math.max(0, used.indexOf(true) - 1);
  const last = Math.min(rows - 1, used.lastIndexOf(true) + 1);
  if (!used.includes(true)) return { edges, counts, rows };
  return {
    edges: edges.slice(first, last + 2),
    counts: counts.slice(first * columns, (last + 1) * columns),
    rows: last - first + 1,
  };
}
