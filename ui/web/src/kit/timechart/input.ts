/** What a chart draws; apart from plot.ts, so that uPlot is loaded only when a chart is drawn. */

export type ChartKind = "line" | "area" | "bars" | "points";

export interface ChartSeries {
  name: string;
  /** One value for each place of `x`; null is a gap. */
  values: (number | null)[];
  /** A colour token such as `svc-3`; by default the slot of its place. */
  color?: string;
  hidden?: boolean;
}

/** A single thing on the chart that can be opened, such as an exemplar. */
export interface ChartDot {
  /** Milliseconds since 1970. */
  x: number;
  y: number;
  /** Position in the caller's list. */
  index: number;
}

/** Cells below the lines: rows of equal height, of which row 0 is the lowest. */
export interface ChartCells {
  rows: number;
  /** By row; as many columns as there are places in `x`. */
  counts: number[];
  /** What the row counts: `10 – 25 ms`. */
  rowName(row: number): string;
}

export interface PlotInput {
  /** Ascending; milliseconds since 1970 when `xTime`, any number otherwise. */
  x: number[];
  xTime: boolean;
  series: ChartSeries[];
  kind: ChartKind;
  log: boolean;
  /** Ends of the x axis; those of the data when absent. */
  domain: [number, number] | null;
  dots: ChartDot[];
  /** With cells, y counts rows; `formatY` says what a place between them means. */
  cells: ChartCells | null;
  zone: string;
  theme: string;
  syncKey: string | null;
  formatY(value: number): string;
  formatX(value: number): string;
  /** Shorter than `formatY`, for the axis. */
  formatAxis: ((value: number) => string) | null;
}

/** Colours for series; further ones take them again, dashed. */
export const SLOTS = 12;

export function colorToken(series: ChartSeries, index: number): string {
  return series.color ?? `svc-${index % SLOTS}`;
}
