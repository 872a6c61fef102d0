/** Buckets of a histogram as rows of equal height, and values as places between them. */

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
