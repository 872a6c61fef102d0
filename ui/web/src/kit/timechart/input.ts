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
  zone: string;
  theme: string;
  syncKey: string | null;
  formatY(value: number): string;
  formatX(value: number): string;
}

/** Colours for series; further ones take them again, dashed. */
export const SLOTS = 12;

export function colorToken(series: ChartSeries, index: number): string {
  return series.color ?? `svc-${index % SLOTS}`;
}
