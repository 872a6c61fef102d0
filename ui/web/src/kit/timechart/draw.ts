/** What uPlot does not draw by itself: cells below the lines, marks above them. */
import type uPlot from "uplot";
import { heatShade } from "../heat";
import { tokenColour } from "../theme";
import type { ChartDot, PlotInput } from "./input";

/** The heatmap, one rectangle for each cell with a count. */
export function drawCells(plot: uPlot, { cells, x }: PlotInput): void {
  if (cells === null || x.length === 0) return;
  const { ctx, bbox } = plot;
  const most = cells.counts.reduce((max, count) => Math.max(max, count), 0);
  const step = (x[1] ?? 1) - (x[0] ?? 0);
  const rowHeight = bbox.height / cells.rows;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const [column, at] of x.entries()) {
    const left = Math.round(plot.valToPos(at, "x", true));
    const right = Math.round(plot.valToPos(at + step, "x", true));
    for (let row = 0; row < cells.rows; row += 1) {
      const shade = heatShade(cells.counts[row * x.length + column] ?? 0, most);
      if (shade < 0) continue;
      ctx.fillStyle = tokenColour(`heat-${shade}`);
      const top = Math.round(bbox.top + bbox.height - (row + 1) * rowHeight);
      const bottom = Math.round(bbox.top + bbox.height - row * rowHeight);
      ctx.fillRect(left, top, Math.max(1, right - left - 1), Math.max(1, bottom - top - 1));
    }
  }
  ctx.restore();
}

/** Marks of single values, such as exemplars. */
export function drawDots(plot: uPlot, dots: readonly ChartDot[]): void {
  const { ctx } = plot;
  const ratio = devicePixelRatio || 1;
  ctx.save();
  ctx.fillStyle = tokenColour("text");
  ctx.strokeStyle = tokenColour("surface");
  ctx.lineWidth = 1.5 * ratio;
  for (const dot of dots) {
    const [x, y] = [plot.valToPos(dot.x, "x", true), plot.valToPos(dot.y, "y", true)];
    const { left, top, width, height } = plot.bbox;
    if (!(x >= left && x <= left + width && y >= top && y <= top + height)) continue;
    diamond(ctx, x, y, 4.5 * ratio);
  }
  ctx.restore();
}

function diamond(ctx: CanvasRenderingContext2D, x: number, y: number, size: number) {
  ctx.beginPath();
  ctx.moveTo(x, y - size);
  ctx.lineTo(x + size, y);
  ctx.lineTo(x, y + size);
  ctx.lineTo(x - size, y);
  ctx.closePath();
  ctx.fill();
  ctx.stroke();
}
