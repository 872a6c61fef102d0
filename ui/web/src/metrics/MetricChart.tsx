/** The chart that suits the type: lines, or a heatmap of buckets with a line over it. */
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import type { MetricSeriesAnswer, Range } from "../api/types";
import { useSetContext, useTimeRange } from "../app/context";
import { absolute } from "../app/range";
import { formatTime } from "../kit/format";
import { type ChartCells, type ChartDot, type ChartSeries, TimeChart } from "../kit/TimeChart";
import { heatOf, placeOf, valueAt } from "./heat";
import { isRate, type Labels, seriesName, sharedKeys, unitOf } from "./series";
import { axisText, withUnit } from "./unit";

type Props = {
  answer: MetricSeriesAnswer;
  log: boolean;
  /** Places of series that are not drawn. */
  hidden: ReadonlySet<number>;
  range: Range;
  stale: boolean;
};

const HEIGHT = 280;

export function MetricChart({ answer, log, hidden, range, stale }: Props) {
  const { zone } = useTimeRange();
  const setContext = useSetContext();
  const navigate = useNavigate();
  const drawn = useMemo(() => toChart(answer, hidden), [answer, hidden]);
  const domain = useMemo<[number, number]>(() => [ms(range.from), ms(range.to)], [range]);
  const formatX = useMemo(() => (at: number) => formatTime(nanos(at), zone), [zone]);
  return (
    <TimeChart
      label={answer.name}
      x={drawn.x}
      series={drawn.series}
      cells={drawn.cells}
      dots={drawn.dots}
      kind="line"
      log={log && drawn.cells === null}
      height={HEIGHT}
      zone={zone}
      domain={domain}
      syncKey="metrics"
      dimmed={stale}
      formatX={formatX}
      formatY={drawn.formatY}
      formatAxis={drawn.formatAxis}
      onRange={(from, to) => setContext(absolute({ from: nanos(from), to: nanos(to) }))}
      onDot={(index) => {
        const dot = answer.exemplars[index];
        if (dot === undefined) return;
        navigate({
          to: "/traces/$id",
          params: { id: dot.trace_id },
          search: (dot.span_id === null ? {} : { span: dot.span_id }) as never,
        });
      }}
    />
  );
}

function nanos(at: number): bigint {
  return BigInt(Math.round(at * 1000)) * 1000n;
}

function ms(time: string): number {
  return Number(BigInt(time) / 1000n) / 1000;
}

interface Drawn {
  x: number[];
  series: ChartSeries[];
  cells: ChartCells | null;
  dots: ChartDot[];
  formatY(value: number): string;
  formatAxis(value: number): string;
}

function toChart(answer: MetricSeriesAnswer, hidden: ReadonlySet<number>): Drawn {
  const start = ms(answer.start);
  const x = Array.from({ length: answer.count }, (_, index) => start + (index * answer.step) / 1e6);
  const unit = unitOf(answer.agg, answer.unit);
  const format = (value: number) => withUnit(value, unit, isRate(answer.agg));
  const formatAxis = (value: number) => axisText(value, unit, isRate(answer.agg));
  const shared = sharedKeys(answer.series.map(({ labels }) => labels));
  const named = (labels: Labels) =>
    answer.series.length === 1 && Object.keys(labels).length === 0
      ? answer.agg
      : seriesName(labels, shared);
  const heat = heatOf(answer);
  if (heat === null) {
    const series = answer.series.map(({ labels, values }, index) => ({
      name: named(labels),
      values,
      hidden: hidden.has(index),
    }));
    return {
      x,
      series,
      cells: null,
      dots: dotsOf(answer, (value) => value),
      formatY: format,
      formatAxis,
    };
  }
  const { edges, counts, rows } = heat;
  const series = answer.series.map(({ labels, values }, index) => ({
    name: named(labels),
    values: values.map((value) => (value === null ? null : placeOf(edges, value))),
    hidden: hidden.has(index),
    color: index === 0 ? "text" : `svc-${index % 12}`,
  }));
  const edge = (row: number) => withUnit(edges[row] ?? 0, unit);
  const rowName = (row: number) => {
    if (heat.openLow && row === 0) return `≤ ${edge(1)}`;
    return heat.openHigh && row === rows - 1 ? `> ${edge(row)}` : `${edge(row)} – ${edge(row + 1)}`;
  };
  const cells = { rows, counts, rowName };
  const formatY = (place: number) => withUnit(valueAt(edges, place), unit);
  return {
    x,
    series,
    cells,
    dots: dotsOf(answer, (value) => placeOf(edges, value)),
    formatY,
    formatAxis: formatY,
  };
}

/** Exemplars are single measurements: they only fit where single measurements are drawn. */
function dotsOf(answer: MetricSeriesAnswer, place: (value: number) => number): ChartDot[] {
  if (answer.type !== "gauge" && !/^(p\d+|max)$/.test(answer.agg)) return [];
  return answer.exemplars.flatMap(({ time, value }, index) =>
    value === null ? [] : [{ x: ms(time), y: place(value), index }],
  );
}
