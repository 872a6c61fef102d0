/**
 * uPlot with our theme: lines, areas, bars or points over one shared time axis. No React here.
 */
import uPlot from "uplot";
import { timeTicks } from "../axis";
import { tokenColour } from "../theme";
import { drawCells, drawDots } from "./draw";
import { bridged } from "./gaps";
import { type ChartDot, type ChartSeries, colorToken, type PlotInput, SLOTS } from "./input";
import { yScale } from "./scale";

export interface PlotHandlers {
  /** The place in `x` under the cursor and where that is, in CSS pixels of the plot. */
  onCursor(at: { index: number; left: number; width: number; y: number } | null): void;
  onRange(from: number, to: number): void;
  onDot(index: number): void;
}

const DOT_REACH = 8;
const AXIS_WIDTH = 60;
const AXIS_HEIGHT = 22;

/** Values that no line reaches: there is a gap on both sides. */
function lonely(values: readonly (number | null | undefined)[]): number[] {
  const gap = (index: number) => index < 0 || index >= values.length || values[index] === null;
  const known = (index: number) => typeof values[index] === "number";
  return [...values.keys()].filter((index) => known(index) && gap(index - 1) && gap(index + 1));
}

export class TimePlot {
  readonly #host: HTMLElement;
  readonly #handlers: PlotHandlers;
  #input: PlotInput;
  #plot: uPlot | null = null;
  #shape = "";
  readonly #sizes: ResizeObserver;

  constructor(host: HTMLElement, input: PlotInput, handlers: PlotHandlers) {
    this.#host = host;
    this.#handlers = handlers;
    this.#input = input;
    this.#sizes = new ResizeObserver(() => this.#fit());
    this.#sizes.observe(host);
    this.#build();
  }

  destroy() {
    this.#sizes.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  update(input: PlotInput) {
    this.#input = input;
    if (shapeOf(input) === this.#shape && this.#plot !== null) {
      const plot = this.#plot;
      plot.batch(() => {
        plot.setData(dataOf(input));
        this.#rescale();
      });
    } else this.#build();
  }

  /** Puts the cursor at place `index` of x, as the arrow keys do. */
  moveTo(index: number) {
    const plot = this.#plot;
    const at = this.#input.x[index];
    if (plot === null || at === undefined) return;
    plot.setCursor({ left: plot.valToPos(at, "x"), top: plot.over.clientHeight / 2 });
  }

  #build() {
    this.#plot?.destroy();
    this.#shape = shapeOf(this.#input);
    if (this.#host.clientWidth === 0) {
      this.#plot = null;
      return;
    }
    this.#plot = new uPlot(this.#options(), dataOf(this.#input), this.#host);
    this.#rescale();
    this.#plot.over.addEventListener("click", (event) => this.#click(event));
  }

  #fit() {
    if (this.#plot === null) return this.#build();
    this.#plot.setSize({ width: this.#host.clientWidth, height: this.#host.clientHeight });
  }

  #rescale() {
    const { x, domain } = this.#input;
    const [min, max] = domain ?? [x[0] ?? 0, x.at(-1) ?? 1];
    const pad = max > min ? 0 : 1;
    this.#plot?.setScale("x", { min: min - pad, max: max + pad });
  }

  #options(): uPlot.Options {
    const input = this.#input;
    const style = getComputedStyle(this.#host);
    const axisText = input.formatAxis ?? input.formatY;
    const font = `11px ${style.fontFamily}`;
    const axis: uPlot.Axis = {
      stroke: tokenColour("text-2"),
      font,
      grid: { stroke: tokenColour("border-soft"), width: 1 },
      ticks: { show: false },
      gap: 6,
    };
    const sync = input.syncKey === null ? {} : { sync: { key: input.syncKey } };
    return {
      width: this.#host.clientWidth,
      height: this.#host.clientHeight,
      ms: 1,
      legend: { show: false },
      padding: [8, 28, 0, 0],
      scales: {
        x: { time: false },
        y: yScale(input),
      },
      axes: [
        { ...axis, size: AXIS_HEIGHT, ...this.#xTicks() },
        {
          ...axis,
          size: AXIS_WIDTH,
          values: (_, splits) => splits.map((v) => (v === null ? "" : axisText(v))),
        },
      ],
      series: [{}, ...input.series.map((series, index) => this.#series(series, index))],
      cursor: {
        y: false,
        points: { size: 7 },
        drag: { x: true, y: false, setScale: false, dist: 4 },
        ...sync,
      },
      hooks: {
        drawClear: [(plot) => drawCells(plot, this.#input)],
        draw: [(plot) => drawDots(plot, this.#input.dots)],
        setCursor: [(plot) => this.#cursor(plot)],
        setSelect: [(plot) => this.#selected(plot)],
      },
    };
  }

  #xTicks(): Pick<uPlot.Axis, "splits" | "values"> {
    const { xTime, zone, formatX } = this.#input;
    if (!xTime) return { values: (_, splits) => splits.map(formatX) };
    let labels = new Map<number, string>();
    return {
      splits: (plot, _, min, max) => {
        const room = Math.max(2, Math.floor((plot.over.clientWidth || 300) / 90));
        const start = BigInt(Math.round(min * 1e3)) * 1000n;
        const ticks = timeTicks(start, (max - min) * 1e6, room, zone);
        labels = new Map(ticks.map((tick) => [min + tick.at / 1e6, tick.label]));
        return [...labels.keys()];
      },
      values: (_, splits) => splits.map((at) => labels.get(at) ?? ""),
    };
  }

  #series(series: ChartSeries, index: number): uPlot.Series {
    const { kind } = this.#input;
    const stroke = tokenColour(colorToken(series, index));
    const only = kind === "points";
    const shape: uPlot.Series = {
      label: series.name,
      stroke,
      show: series.hidden !== true,
      width: 1.5,
    };
    if (index >= SLOTS) shape.dash = [5, 3];
    if (kind === "area") shape.fill = `color-mix(in oklab, ${stroke} 14%, transparent)`;
    if (kind === "bars") {
      const bars = uPlot.paths.bars?.({ size: [0.86, 40], align: 1 });
      return {
        ...shape,
        fill: stroke,
        width: 0,
        points: { show: false },
        ...(bars ? { paths: bars } : {}),
      };
    }
    if (only)
      return {
        ...shape,
        paths: () => null,
        points: { show: true, size: 5, fill: stroke, width: 0 },
      };
    return {
      ...shape,
      points: {
        show: true,
        size: 4,
        fill: stroke,
        width: 0,
        filter: (plot, at) => lonely((plot.data[at] ?? []) as (number | null | undefined)[]),
      },
    };
  }

  #cursor(plot: uPlot) {
    const { idx, left = -1, top = 0 } = plot.cursor;
    if (idx === null || idx === undefined || left < 0) return this.#handlers.onCursor(null);
    this.#handlers.onCursor({
      index: idx,
      left,
      width: plot.over.clientWidth,
      y: plot.posToVal(top, "y"),
    });
  }

  #selected(plot: uPlot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#handlers.onRange(from, to);
  }

  #click(event: MouseEvent) {
    const plot = this.#plot;
    if (plot === null) return;
    const distance = (dot: ChartDot) =>
      Math.hypot(
        plot.valToPos(dot.x, "x") - event.offsetX,
        plot.valToPos(dot.y, "y") - event.offsetY,
      );
    const near = this.#input.dots.filter((dot) => distance(dot) <= DOT_REACH);
    const [nearest] = near.sort((a, b) => distance(a) - distance(b));
    if (nearest !== undefined) this.#handlers.onDot(nearest.index);
  }
}

function dataOf(input: PlotInput): uPlot.AlignedData {
  const lines = input.kind === "line" || input.kind === "area";
  return [input.x, ...input.series.map(({ values }) => (lines ? bridged(values) : values))];
}

/** What cannot change without building the chart anew. */
function shapeOf(input: PlotInput): string {
  const { kind, log, zone, xTime, series, syncKey, theme, cells } = input;
  const each = series.map((one, index) => [one.name, colorToken(one, index), one.hidden === true]);
  return JSON.stringify([theme, cells?.rows, kind, log, zone, xTime, syncKey, each]);
}
