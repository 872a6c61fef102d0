/** Draws the volume of logs: bars stacked by level, axes, the visible rows and the box being drawn. */
import type { Level } from "../api/types";
import { timeTicks } from "../kit/axis";
import { formatCompact } from "../kit/format";
import { GridCanvas, type Plot } from "../kit/gridcanvas";
import { highest, niceTop, type Volume } from "./volume";

const GUTTER = { left: 48, right: 8, top: 8, bottom: 22 };
const TICK = 96;

/** Time of the newest and oldest visible row, Unix ns. */
export type Visible = { from: bigint; to: bigint };

export class VolumeCanvas extends GridCanvas {
  #volume: Volume | null = null;
  #top = 1;
  #zone = "UTC";
  #visible: Visible | null = null;

  show(volume: Volume | null, zone: string) {
    if (volume !== this.#volume) {
      this.#volume = volume;
      this.#top = niceTop(volume ? highest(volume) : 0);
      this.brush.resize(volume?.count ?? 0, volume ? 1 : 0);
    }
    this.#zone = zone;
    this.redraw();
  }

  /** Marks where the rows on screen lie. */
  mark(visible: Visible | null) {
    if (visible?.from === this.#visible?.from && visible?.to === this.#visible?.to) return;
    this.#visible = visible;
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
    const volume = this.#volume;
    if (!volume || volume.count === 0) return;
    this.#axes(volume);
    this.#bars(volume);
    this.#visibleRange(volume);
    const { draft, cursor } = this.brush;
    const box =
      draft ?? (cursor && { left: cursor.column, right: cursor.column, bottom: 0, top: 0 });
    if (box) this.strokeBox(box, draft === null);
  }

  #axes(volume: Volume) {
    const { context } = this;
    const plot = this.plot();
    context.font = this.font();
    context.fillStyle = this.color("--text-2");
    context.strokeStyle = this.color("--border-soft");
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const share of this.#top >= 2 ? [0, 0.5, 1] : [0, 1]) {
      const y = Math.round(plot.top + plot.height * (1 - share)) + 0.5;
      context.beginPath();
      context.moveTo(plot.left, y);
      context.lineTo(plot.left + plot.width, y);
      context.stroke();
      context.fillText(formatCompact(this.#top * share), plot.left - 8, y);
    }
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    const width = volume.count * volume.step;
    for (const tick of timeTicks(volume.start, width, Math.floor(plot.width / TICK), this.#zone)) {
      const half = context.measureText(tick.label).width / 2;
      const x = Math.min(plot.left + (plot.width * tick.at) / width, this.width - half - 1);
      context.fillText(tick.label, x, this.height - 5);
    }
  }

  #bars(volume: Volume) {
    const { context } = this;
    const plot = this.plot();
    const width = plot.width / volume.count;
    for (let column = 0; column < volume.count; column++) {
      const x = Math.round(plot.left + column * width);
      const next = Math.round(plot.left + (column + 1) * width);
      const wide = Math.max(1, next - x - (width >= 3 ? 1 : 0));
      let sum = 0;
      for (const { level, counts } of volume.series) {
        const count = counts[column] ?? 0;
        if (count === 0) continue;
        const foot = plot.top + plot.height * (1 - sum / this.#top);
        sum += count;
        const head = plot.top + plot.height * (1 - sum / this.#top);
        context.fillStyle = this.color(levelToken(level));
        // A single error among thousands still shows as one pixel.
        context.fillRect(x, Math.min(head, foot - 1), wide, Math.max(1, foot - head));
      }
    }
  }

  #visibleRange(volume: Volume) {
    const visible = this.#visible;
    if (!visible) return;
    const { context } = this;
    const plot = this.plot();
    const width = volume.count * volume.step;
    const place = (at: bigint) =>
      plot.left + plot.width * Math.max(0, Math.min(1, Number(at - volume.start) / width));
    const x0 = place(visible.from);
    context.fillStyle = this.color("--text");
    context.fillRect(x0, plot.top + plot.height + 2, Math.max(3, place(visible.to) - x0), 2);
  }
}

/** The colour token of a level. */
export function levelToken(level: Level): string {
  return `--level-${level}`;
}
