/** Draws the bars of the rows in view: canvas only, no state of its own. */
import { formatDuration } from "../kit/format";
import { slotHatched } from "../kit/services";
import { segmentsOf } from "./critical";
import { ROW_HEIGHT } from "./geometry";
import { slotColour } from "./palette";
import { ROW_CONTEXT } from "./rows";
import { ticks } from "./scale";
import { durationOf, type Frame, representative, type Scene, startOf, xOf } from "./scene";
import {
  FLAG_EVENTS,
  FLAG_EXCEPTION,
  FLAG_LINKS,
  FLAG_LOGS,
  known,
  STATUS_ERROR,
} from "./skeleton";
import { isFold } from "./tree";

const BAR_HEIGHT = 10;
const BAR_TOP = (ROW_HEIGHT - BAR_HEIGHT) / 2;
const LABEL_GAP = 6;
/** px between two ticks of the axis, at least. */
export const TICK_SPACE = 96;

export function drawBars(ctx: CanvasRenderingContext2D, scene: Scene, frame: Frame): void {
  ctx.clearRect(0, 0, frame.width, frame.height);
  drawGrid(ctx, scene, frame);
  ctx.font = `12px ${frame.palette.font}`;
  ctx.textBaseline = "middle";
  const first = Math.max(0, Math.floor(frame.top / ROW_HEIGHT));
  const last = Math.min(scene.rows.node.length, Math.ceil((frame.top + frame.height) / ROW_HEIGHT));
  for (let index = first; index < last; index++) drawRow(ctx, scene, frame, index);
  ctx.globalAlpha = 1;
  if (frame.cursor !== null) {
    ctx.globalAlpha = 0.5;
    ctx.fillStyle = frame.palette.muted;
    ctx.fillRect(Math.round(xOf(scene.view, frame.width, frame.cursor)), 0, 1, frame.height);
    ctx.globalAlpha = 1;
  }
}

function drawGrid(
  ctx: CanvasRenderingContext2D,
  { view }: Scene,
  { width, height, palette }: Frame,
): void {
  ctx.fillStyle = palette.border;
  for (const at of ticks(view, width / TICK_SPACE).at) {
    ctx.fillRect(Math.round(xOf(view, width, at)), 0, 1, height);
  }
}

function drawRow(ctx: CanvasRenderingContext2D, scene: Scene, frame: Frame, index: number): void {
  const node = scene.rows.node[index]!;
  const y = index * ROW_HEIGHT - frame.top + BAR_TOP;
  const duration = durationOf(scene, node);
  const left = xOf(scene.view, frame.width, startOf(scene, node));
  const right = xOf(scene.view, frame.width, startOf(scene, node) + known(duration));
  ctx.globalAlpha = (scene.rows.state[index]! & ROW_CONTEXT) !== 0 ? 0.35 : 1;
  if (right < 0 || left > frame.width) {
    drawOutside(ctx, frame, y, right < 0);
    return;
  }
  const row = representative(scene, node);
  if (row < 0) drawMarker(ctx, frame, y, left, right);
  else if (node !== row) drawFold(ctx, scene, frame, node, y);
  else drawSpan(ctx, scene, frame, row, y, left, right);
  if (scene.showPath) drawPath(ctx, scene, frame, node, y);
  if (scene.marks?.row === node) drawMarks(ctx, scene, frame, y);
  drawLabel(ctx, frame, label(scene, node, duration), y, left, Math.max(right, left + 2));
}

/** The bar lies beyond the edge: an arrow says on which side. */
function drawOutside(
  ctx: CanvasRenderingContext2D,
  { palette, width }: Frame,
  y: number,
  before: boolean,
): void {
  const x = before ? 4 : width - 4;
  const tip = before ? x - 3 : x + 3;
  ctx.strokeStyle = palette.muted;
  ctx.beginPath();
  ctx.moveTo(x, y + 2);
  ctx.lineTo(tip, y + BAR_HEIGHT / 2);
  ctx.lineTo(x, y + BAR_HEIGHT - 2);
  ctx.stroke();
}

function drawMarker(
  ctx: CanvasRenderingContext2D,
  { palette }: Frame,
  y: number,
  left: number,
  right: number,
): void {
  ctx.strokeStyle = palette.muted;
  ctx.setLineDash([2, 3]);
  ctx.beginPath();
  ctx.moveTo(left, y + BAR_HEIGHT / 2);
  ctx.lineTo(right, y + BAR_HEIGHT / 2);
  ctx.stroke();
  ctx.setLineDash([]);
}

function drawSpan(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  frame: Frame,
  row: number,
  y: number,
  left: number,
  right: number,
): void {
  const slot = scene.slots[scene.skeleton.service[row]!] ?? 0;
  const from = Math.max(-4, left);
  const width = Math.max(2, Math.min(frame.width + 4, right) - from);
  ctx.fillStyle = slotColour(frame.palette, slot);
  ctx.beginPath();
  ctx.roundRect(from, y, width, BAR_HEIGHT, width > 4 ? 2 : 0);
  ctx.fill();
  if (slotHatched(slot)) hatch(ctx, frame, from, y, width);
  if (Number.isNaN(scene.skeleton.duration[row]!)) drawOpenEnd(ctx, frame, left + 2, y);
  if (scene.skeleton.status[row] !== STATUS_ERROR || left < -2) return;
  ctx.fillStyle = frame.palette.surface;
  ctx.fillRect(left - 3, y - 3, 1, BAR_HEIGHT + 6);
  ctx.fillRect(left, y - 3, 1, BAR_HEIGHT + 6);
  ctx.fillStyle = frame.palette.error;
  ctx.fillRect(left - 2, y - 3, 2, BAR_HEIGHT + 6);
}

function hatch(
  ctx: CanvasRenderingContext2D,
  frame: Frame,
  left: number,
  y: number,
  width: number,
): void {
  ctx.save();
  ctx.clip();
  ctx.strokeStyle = frame.palette.surface;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  for (let x = left - BAR_HEIGHT; x < left + width; x += 6) {
    ctx.moveTo(x, y + BAR_HEIGHT);
    ctx.lineTo(x + BAR_HEIGHT, y);
  }
  ctx.stroke();
  ctx.restore();
}

/** A span that never said when it ended. */
function drawOpenEnd(
  ctx: CanvasRenderingContext2D,
  { palette }: Frame,
  left: number,
  y: number,
): void {
  ctx.fillStyle = palette.muted;
  for (let i = 0; i < 4; i++) ctx.fillRect(left + 3 + i * 5, y + BAR_HEIGHT / 2 - 1, 3, 2);
}

/** A tick per span; of those that share a pixel the first is drawn. */
function drawFold(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  frame: Frame,
  fold: number,
  y: number,
): void {
  const { forest, start, skeleton, view } = scene;
  const from = forest.childFrom[fold]!;
  const to = forest.childFrom[fold + 1]!;
  const first = forest.child[from]!;
  const slot = scene.slots[skeleton.service[first]!] ?? 0;
  const left = Math.max(0, xOf(view, frame.width, startOf(scene, fold)));
  const right = Math.min(
    frame.width,
    xOf(view, frame.width, startOf(scene, fold) + durationOf(scene, fold)),
  );
  ctx.fillStyle = slotColour(frame.palette, slot);
  ctx.fillRect(left, y + BAR_HEIGHT / 2 - 0.5, right - left, 1);
  let drawnTo = -1;
  for (let i = from; i < to; i++) {
    const row = forest.child[i]!;
    const x = xOf(view, frame.width, start[row]!);
    if (x > frame.width) break;
    const width = Math.max(
      1,
      (known(skeleton.duration[row]!) / (view.to - view.from)) * frame.width - 1,
    );
    if (x + width < 0 || x + width <= drawnTo) continue;
    const begin = Math.max(x, drawnTo, -4);
    ctx.fillRect(begin, y, Math.max(1, Math.min(x + width, frame.width + 4) - begin), BAR_HEIGHT);
    drawnTo = Math.floor(x + width) + 1;
  }
  if (scene.summaries.errors[fold - forest.spans] === 0) return;
  ctx.fillStyle = frame.palette.error;
  for (let i = from, edge = -2; i < to; i++) {
    const row = forest.child[i]!;
    if (skeleton.status[row] !== STATUS_ERROR) continue;
    const x = Math.round(xOf(view, frame.width, start[row]!));
    if (x <= edge + 1 || x > frame.width) continue;
    ctx.fillRect(x, y - 3, 2, BAR_HEIGHT + 6);
    edge = x;
  }
}

/** The critical path: a line below the bar, with an outline of opposite luminance. */
function drawPath(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  frame: Frame,
  node: number,
  y: number,
): void {
  if (!scene.path) return;
  const [first, last] = segmentsOf(scene.path, node);
  const bottom = y + BAR_HEIGHT + 1;
  for (const grow of [1, 0]) {
    ctx.fillStyle = grow === 1 ? frame.palette.surface : frame.palette.text;
    for (let i = first; i < last; i++) {
      const from = Math.max(0, xOf(scene.view, frame.width, scene.path.from[i]!));
      const to = Math.min(frame.width, xOf(scene.view, frame.width, scene.path.to[i]!));
      if (to > from)
        ctx.fillRect(from - grow, bottom - grow, Math.max(1, to - from) + 2 * grow, 2 + 2 * grow);
    }
  }
}

/** Events of the selected span, and how long its operation usually takes. */
function drawMarks(ctx: CanvasRenderingContext2D, scene: Scene, frame: Frame, y: number): void {
  const { marks, view } = scene;
  if (!marks) return;
  const start = scene.start[marks.row]!;
  if (marks.usual) {
    ctx.fillStyle = frame.palette.text;
    for (const usual of [marks.usual.p50, marks.usual.p95]) {
      const x = Math.round(xOf(view, frame.width, start + usual));
      for (let dy = -4; dy < BAR_HEIGHT + 4; dy += 4) ctx.fillRect(x, y + dy, 1, 2);
    }
  }
  for (const event of marks.events) {
    const x = xOf(view, frame.width, event);
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x + 5, y + 5);
    ctx.lineTo(x, y + 10);
    ctx.lineTo(x - 5, y + 5);
    ctx.closePath();
    ctx.fillStyle = frame.palette.text;
    ctx.fill();
    ctx.strokeStyle = frame.palette.surface;
    ctx.stroke();
  }
}

function label(scene: Scene, node: number, duration: number): string {
  const { forest, summaries, skeleton } = scene;
  if (node >= forest.spans) {
    const at = node - forest.spans;
    if (!isFold(forest, node)) return "";
    return `Σ ${formatDuration(summaries.sum[at]!)} · max ${formatDuration(summaries.max[at]!)}`;
  }
  const flags = skeleton.flags[node]!;
  const signs =
    ((flags & FLAG_EXCEPTION) !== 0 ? " ◆" : (flags & FLAG_EVENTS) !== 0 ? " ◇" : "") +
    ((flags & FLAG_LOGS) !== 0 ? " ≡" : "") +
    ((flags & FLAG_LINKS) !== 0 ? " ↗" : "");
  return (Number.isNaN(duration) ? "no end" : formatDuration(duration)) + signs;
}

/** Right of the bar, else left of it, else inside on a plate of the surface's colour. */
function drawLabel(
  ctx: CanvasRenderingContext2D,
  frame: Frame,
  text: string,
  y: number,
  left: number,
  right: number,
): void {
  if (text === "") return;
  const middle = y + BAR_HEIGHT / 2 + 0.5;
  const room = ctx.measureText(text).width;
  ctx.fillStyle = frame.palette.muted;
  if (right + LABEL_GAP + room < frame.width) {
    ctx.fillText(text, Math.max(0, right) + LABEL_GAP, middle);
    return;
  }
  if (left - LABEL_GAP - room > 0) {
    ctx.fillText(text, left - LABEL_GAP - room, middle);
    return;
  }
  const x = Math.min(frame.width, right) - 4 - room;
  ctx.fillStyle = frame.palette.surface;
  ctx.beginPath();
  ctx.roundRect(x - 6, y - 2, room + 12, BAR_HEIGHT + 4, 3);
  ctx.fill();
  ctx.fillStyle = frame.palette.muted;
  ctx.fillText(text, x, middle);
}
