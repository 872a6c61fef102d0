/** Draws a small chart without axes: lines over each other, or a heatmap with a line. */
import type { MetricSeriesAnswer } from "../api/types";
import { HEAT_SHADES, heatShade } from "../kit/heat";
import { SERVICE_COLOURS } from "../kit/services";
import { tokenColour } from "../kit/theme";
import { bridged } from "../kit/timechart/gaps";
import { type Heat, heatOf, placeOf } from "./heat";

const PAD = 3;

export function drawSpark(canvas: HTMLCanvasElement, answer: MetricSeriesAnswer): void {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (context === null || width === 0) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const box = { width, height };
  const heat = heatOf(answer);
  if (heat !== null) drawHeat(context, box, answer, heat);
  else
    drawLines(
      context,
      box,
      answer.series.map(({ values }) => values),
      answer.count,
    );
}

type Box = { width: number; height: number };

function drawHeat(
  context: CanvasRenderingContext2D,
  { width, height }: Box,
  { count, series }: MetricSeriesAnswer,
  { edges, counts, rows }: Heat,
) {
  const most = counts.reduce((max, value) => Math.max(max, value), 0);
  const shades = Array.from({ length: HEAT_SHADES }, (_, shade) => tokenColour(`heat-${shade}`));
  const cell = { width: width / count, height: height / rows };
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < count; column += 1) {
      const shade = heatShade(counts[row * count + column] ?? 0, most);
      if (shade < 0) continue;
      context.fillStyle = shades[shade] ?? "";
      const [left, top] = [column * cell.width, height - (row + 1) * cell.height];
      context.fillRect(left, top, cell.width + 0.5, cell.height + 0.5);
    }
  }
  const line = (series[0]?.values ?? []).map((value) =>
    value === null ? null : placeOf(edges, value),
  );
  stroke(
    context,
    line,
    count,
    (place) => height - (place / rows) * height,
    width,
    tokenColour("text"),
  );
}

function drawLines(
  context: CanvasRenderingContext2D,
  { width, height }: Box,
  lines: (number | null)[][],
  count: number,
) {
  const known = lines.flat().filter((value) => value !== null);
  if (known.length === 0) return;
  const low = Math.min(...known);
  const high = Math.max(...known);
  const flat = high === low;
  const y = (value: number) =>
    flat ? height / 2 : height - PAD - ((value - low) / (high - low)) * (height - 2 * PAD);
  for (const [index, values] of lines.entries()) {
    stroke(context, values, count, y, width, tokenColour(`svc-${index % SERVICE_COLOURS}`));
  }
}

function stroke(
  context: CanvasRenderingContext2D,
  values: (number | null)[],
  count: number,
  y: (value: number) => number,
  width: number,
  colour: string,
) {
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineWidth = 1.25;
  context.beginPath();
  let open = false;
  const bridges = bridged(values);
  for (const [index, value] of bridges.entries()) {
    if (value === undefined) continue;
    if (value === null) {
      open = false;
      continue;
    }
    const x = ((index + 0.5) / count) * width;
    if (open) context.lineTo(x, y(value));
    else context.moveTo(x, y(value));
    const alone = !open && (bridges[index + 1] === null || index + 1 === bridges.length);
    if (alone) context.fillRect(x - 1, y(value) - 1, 2, 2);
    open = true;
  }
  context.stroke();
}
