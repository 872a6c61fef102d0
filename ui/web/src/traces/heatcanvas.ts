/** Draws a duration heatmap: shaded cells, error marks, axes, the box being drawn and the one kept. */
import { durationTicks, timeTicks } from "../kit/axis";
import type { Box } from "../kit/gridbrush";
import { GridCanvas, type Plot } from "../kit/gridcanvas";
import { type Heat, levelOf, shadeOf } from "./heat";

const GUTTER = { left: 56, right: 8, top: 8, bottom: 20 };
/** Least distance between labels in CSS pixels. */
const TICK = { x: 96, y: 26 };
/** From this cell width on, cells stand apart by a pixel. */
const GAP_FROM = 5;

export class HeatCanvas extends GridCanvas {
  #heat: Heat | null = null;
  #most = 0;
  #zone = "UTC";
  #box: Box | null = null;

  show(heat: Heat | null, zone: string, box: Box | null) {
    if (heat !== this.#heat) {
      this.#heat = heat;
      this.#most = heat ? heat.counts.reduce((a, b) => Math.max(a, b), 0) : 0;
      this.brush.resize(heat?.columns ?? 0, heat?.rows ?? 0);
    }
    this.#zone = zone;
    this.#box = box;
    this.redraw();
  }

  protected plot(): Plot {
    return {
      left: GUTTER.left,
      top: GUTTER.top,
      width: Math.max(1, this.width - GUTTER.left - GUTTER.right),
      height: Math.max(1, this.height - GUTTER.top - GUTTER.bottom),
    };
  }

  protected paint() {
    const heat = this.#heat;
    if (!heat || heat.columns === 0) return;
    this.#axes(heat);
    this.#cells(heat);
    this.#errors(heat);
    const { draft, cursor } = this.brush;
    if (this.#box) this.strokeBox(this.#box, true);
    if (draft) this.strokeBox(draft, false);
    else if (cursor) {
      const { column, row } = cursor;
      this.strokeBox({ left: column, right: column, bottom: row, top: row }, true);
    }
  }

  #axes(heat: Heat) {
    const { context } = this;
    const plot = this.plot();
    context.font = this.font();
    context.textBaseline = "middle";
    context.textAlign = "right";
    const low = heat.edges[0] ?? 1;
    const high = heat.edges[heat.rows] ?? 1;
    for (const tick of durationTicks(low, high, Math.floor(plot.height / TICK.y))) {
      const y = plot.top + plot.height * (1 - levelOf(heat, tick.at) / heat.rows);
      this.#grid(plot.left, y, plot.left + plot.width, y);
      context.fillStyle = this.color("--text-2");
      context.fillText(tick.label, plot.left - 8, Math.min(Math.max(y, 7), plot.top + plot.height));
    }
    context.textBaseline = "alphabetic";
    context.textAlign = "center";
    const width = heat.columns * heat.step;
    const most = Math.floor(plot.width / TICK.x);
    for (const tick of timeTicks(heat.start, width, most, this.#zone)) {
      const x = plot.left + (plot.width * tick.at) / width;
      this.#grid(x, plot.top, x, plot.top + plot.height);
      context.fillStyle = this.color("--text-2");
      const half = context.measureText(tick.label).width / 2;
      context.fillText(tick.label, Math.min(x, this.width - half - 1), this.height - 5);
    }
  }

  #grid(x0: number, y0: number, x1: number, y1: number) {
    const { context } = this;
    context.strokeStyle = this.color("--border-soft");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
    context.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
    context.stroke();
  }

  #cells(heat: Heat) {
    const { context } = this;
    this.#eachCell(heat, heat.counts, (at, x, y, width, height) => {
      context.fillStyle = this.color(`--heat-${shadeOf(heat.counts[at] ?? 0, this.#most)}`);
      context.fillRect(x, y, width, height);
    });
  }

  /** A bar at the foot of the cell, as wide as the share of errors, at least 3 px. */
  #errors(heat: Heat) {
    const { context } = this;
    context.fillStyle = this.color("--error");
    this.#eachCell(heat, heat.errors, (at, x, y, width, height) => {
      const share = (heat.errors[at] ?? 0) / Math.max(1, heat.counts[at] ?? 1);
      context.fillRect(x, y + height - 2, Math.max(Math.min(3, width), width * share), 2);
    });
  }

  #eachCell(
    heat: Heat,
    filled: number[],
    draw: (at: number, x: number, y: number, width: number, height: number) => void,
  ) {
    const plot = this.plot();
    const width = plot.width / heat.columns;
    const height = plot.height / heat.rows;
    const gap = width >= GAP_FROM ? 1 : 0;
    for (let row = 0; row < heat.rows; row++) {
      const y = Math.round(plot.top + plot.height - (row + 1) * height);
      const below = Math.round(plot.top + plot.height - row * height);
      for (let column = 0; column < heat.columns; column++) {
        const at = row * heat.columns + column;
        if (!filled[at]) continue;
        const x = Math.round(plot.left + column * width);
        const next = Math.round(plot.left + (column + 1) * width);
        draw(at, x, y, Math.max(1, next - x - gap), Math.max(1, below - y - gap));
      }
    }
  }
}
