/** The scale of the values. */
import uPlot from "uplot";
import type { ChartKind, PlotInput } from "./input";

export function yScale({ log, kind, cells }: PlotInput): uPlot.Scale {
  if (cells !== null) return { range: [0, cells.rows] };
  if (log) return { distr: 3 };
  return { range: (_, low, high) => yRange(kind, low, high) };
}

/** Amounts stand on zero; points keep to what they span. */
function yRange(kind: ChartKind, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  if (kind === "points" && low !== high)
    return uPlot.rangeNum(low, high, 0.08, true) as [number, number];
  const [bottom, top] = [Math.min(0, low), Math.max(0, high)];
  if (bottom === top) return [0, 1];
  return [bottom === 0 ? 0 : bottom * 1.08, top === 0 ? 0 : top * 1.08];
}
