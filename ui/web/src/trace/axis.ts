/** Draws the time axis above the bars: ticks, the time under the cursor, a range being dragged. */
import { TICK_SPACE } from "./bars";
import type { Palette } from "./palette";
import { tickLabel, ticks, type View } from "./scale";
import { xOf } from "./scene";

export const AXIS_HEIGHT = 28;

export interface AxisFrame {
  readonly palette: Palette;
  readonly width: number;
  readonly view: View;
  /** Time under the cursor, or null. */
  readonly cursor: number | null;
  /** Range that the pointer has marked so far, or null. */
  readonly marked: View | null;
}

export function drawAxis(
  ctx: CanvasRenderingContext2D,
  { palette, width, view, cursor, marked }: AxisFrame,
): void {
  ctx.clearRect(0, 0, width, AXIS_HEIGHT);
  ctx.font = `11px ${palette.font}`;
  ctx.textBaseline = "middle";
  const { step, at } = ticks(view, width / TICK_SPACE);
  for (const time of at) {
    const x = Math.round(xOf(view, width, time));
    ctx.fillStyle = palette.border;
    ctx.fillRect(x, AXIS_HEIGHT - 8, 1, 8);
    const text = tickLabel(time, step);
    const room = ctx.measureText(text).width;
    if (x + 4 + room > width) continue;
    ctx.fillStyle = palette.muted;
    ctx.fillText(text, x + 4, AXIS_HEIGHT / 2);
  }
  if (marked) {
    const left = xOf(view, width, marked.from);
    const right = xOf(view, width, marked.to);
    ctx.globalAlpha = 0.2;
    ctx.fillStyle = palette.accent;
    ctx.fillRect(left, 0, right - left, AXIS_HEIGHT);
    ctx.globalAlpha = 1;
    plate(
      ctx,
      palette,
      width,
      (left + right) / 2,
      tickLabel(marked.to - marked.from, (view.to - view.from) / width),
    );
  } else if (cursor !== null) {
    plate(
      ctx,
      palette,
      width,
      xOf(view, width, cursor),
      tickLabel(cursor, (view.to - view.from) / width),
    );
  }
}

function plate(
  ctx: CanvasRenderingContext2D,
  palette: Palette,
  width: number,
  centre: number,
  text: string,
): void {
  const room = ctx.measureText(text).width + 12;
  const left = Math.min(Math.max(0, centre - room / 2), width - room);
  ctx.fillStyle = palette.text;
  ctx.beginPath();
  ctx.roundRect(left, 5, room, AXIS_HEIGHT - 10, 3);
  ctx.fill();
  ctx.fillStyle = palette.surface;
  ctx.fillText(text, left + 6, AXIS_HEIGHT / 2 + 0.5);
}
