/**
 * The flame graph on a canvas: lanes of boxes, each lane leaping over what is narrower than a pixel,
 * so that a frame costs lanes × width whatever the number of spans.
 */
import { formatDuration, formatPercent, plural, visible } from "../kit/format";
import { slotHatched } from "../kit/services";
import { AXIS_HEIGHT, drawAxis } from "./axis";
import { FrameScheduler, SizedCanvas } from "./canvas";
import { type Flame, firstBeyond } from "./flame";
import { onThemeChange, type Palette, readPalette, slotColour } from "./palette";
import { follow } from "./pointer";
import { panBy, type View, within, zoomBy } from "./scale";
import { timeAt, xOf } from "./scene";
import { type Skeleton, STATUS_ERROR } from "./skeleton";
import { TooltipBox } from "./tooltip";

export const LANE_HEIGHT = 20;
const TEXT_PX_MIN = 28;
const DRAG_PX_MIN = 4;

export interface FlameShowing {
  readonly chart: Flame;
  readonly skeleton: Skeleton;
  readonly slots: readonly number[];
  readonly selected: number;
}

export interface FlameEvents {
  readonly onOpen: (row: number) => void;
}

interface Hit {
  readonly box: number;
  readonly lane: number;
}

export class FlameChart {
  private readonly canvas: SizedCanvas;
  private readonly tooltip: TooltipBox;
  private readonly frames = new FrameScheduler(() => this.draw());
  private readonly stop = new AbortController();
  private readonly stops: (() => void)[];
  private palette: Palette = readPalette();
  private showing: FlameShowing | null = null;
  private view: View = { from: 0, to: 1 };
  private top = 0;
  private hovered = -1;
  private cursor: number | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly events: FlameEvents,
    classes: { canvas: string; tooltip: string },
  ) {
    this.canvas = new SizedCanvas(classes.canvas);
    host.append(this.canvas.element);
    this.tooltip = new TooltipBox(host, classes.tooltip);
    const observer = new ResizeObserver(() => this.frames.request());
    observer.observe(host);
    this.stops = [
      () => observer.disconnect(),
      onThemeChange(() => {
        this.palette = readPalette();
        this.frames.request();
      }),
    ];
    const { signal } = this.stop;
    host.addEventListener("wheel", (event) => this.onWheel(event), { signal, passive: false });
    host.addEventListener("pointerdown", (event) => this.press(event), { signal });
    host.addEventListener("pointermove", (event) => this.onMove(event), { signal });
    host.addEventListener("pointerleave", () => this.hover(-1, null), { signal });
    host.addEventListener("dblclick", () => this.reset(), { signal });
  }

  show(showing: FlameShowing): void {
    const other = this.showing?.chart !== showing.chart;
    this.showing = showing;
    if (other) this.reset();
    this.frames.request();
  }

  reset(): void {
    if (!this.showing) return;
    this.view = this.bounds();
    this.top = 0;
    this.frames.request();
  }

  zoom(factor: number): void {
    this.setView(zoomBy(this.view, this.bounds(), factor, (this.view.from + this.view.to) / 2));
  }

  destroy(): void {
    this.stop.abort();
    this.frames.cancel();
    for (const stop of this.stops) stop();
    this.tooltip.destroy();
    this.canvas.element.remove();
  }

  private bounds(): View {
    const { from = 0, to = 1 } = this.showing?.chart ?? {};
    return { from, to: Math.max(to, from + 1) };
  }

  private setView(view: View): void {
    this.view = within(view, this.bounds());
    this.frames.request();
  }

  private lanes(): number {
    return (this.showing?.chart.laneFrom.length ?? 1) - 1;
  }

  private scroll(delta: number): void {
    const room = this.lanes() * LANE_HEIGHT + AXIS_HEIGHT - this.host.clientHeight;
    this.top = Math.min(Math.max(0, this.top + delta), Math.max(0, room));
    this.frames.request();
  }

  private onWheel(event: WheelEvent): void {
    event.preventDefault();
    const box = this.host.getBoundingClientRect();
    const pixels = event.deltaMode === 1 ? 24 : 1;
    const at = timeAt(this.view, box.width, event.clientX - box.left);
    const width = this.view.to - this.view.from;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey) {
      this.setView(zoomBy(this.view, this.bounds(), 1.0025 ** (event.deltaY * pixels), at));
    } else if (Math.abs(sideways) > (event.shiftKey ? 0 : Math.abs(event.deltaY))) {
      this.setView(panBy(this.view, this.bounds(), ((sideways * pixels) / box.width) * width));
    } else this.scroll(event.deltaY * pixels);
  }

  /** A click opens the span and zooms to its box; dragging moves the view. */
  private press(down: PointerEvent): void {
    if (down.button !== 0) return;
    const { view, top } = this;
    const width = this.host.clientWidth;
    let moved = false;
    follow(
      down,
      (event) => {
        const dx = event.clientX - down.clientX;
        const dy = event.clientY - down.clientY;
        if (!moved && Math.hypot(dx, dy) < DRAG_PX_MIN) return;
        moved = true;
        this.setView(panBy(view, this.bounds(), (-dx / width) * (view.to - view.from)));
        this.top = top;
        this.scroll(-dy);
      },
      () => {
        const hit = moved ? null : this.hit(down);
        if (!hit || !this.showing) return;
        const { chart } = this.showing;
        this.setView({ from: chart.left[hit.box]!, to: chart.right[hit.box]! });
        if (chart.mode === "time") this.events.onOpen(chart.row[hit.box]!);
      },
    );
  }

  private hit(event: PointerEvent): Hit | null {
    const { showing } = this;
    if (!showing) return null;
    const box = this.host.getBoundingClientRect();
    const lane = Math.floor((event.clientY - box.top - AXIS_HEIGHT + this.top) / LANE_HEIGHT);
    if (event.clientY - box.top < AXIS_HEIGHT || lane < 0 || lane >= this.lanes()) return null;
    const time = timeAt(this.view, box.width, event.clientX - box.left);
    const found = firstBeyond(showing.chart, lane, time);
    const inside = found < showing.chart.laneFrom[lane + 1]! && showing.chart.left[found]! <= time;
    return inside ? { box: found, lane } : null;
  }

  private onMove(event: PointerEvent): void {
    const hit = event.buttons === 0 ? this.hit(event) : null;
    const box = this.host.getBoundingClientRect();
    this.hover(hit?.box ?? -1, timeAt(this.view, box.width, event.clientX - box.left));
    if (hit && this.showing) {
      this.tooltip.show(hit.box, event, () => this.describe(hit.box));
    } else this.tooltip.hideSoon();
  }

  private hover(box: number, cursor: number | null): void {
    if (cursor === null) this.tooltip.hideSoon();
    this.hovered = box;
    this.cursor = cursor;
    this.frames.request();
  }

  private describe(box: number): string[] {
    if (!this.showing) return [];
    const { chart, skeleton } = this.showing;
    const row = chart.row[box]!;
    const service = skeleton.services[skeleton.service[row]!] ?? "";
    const share = (chart.right[box]! - chart.left[box]!) / Math.max(1, chart.to - chart.from);
    const times =
      chart.mode === "time"
        ? `${formatDuration(chart.total[box])} · self ${formatDuration(chart.self[box])}`
        : `${plural(chart.count[box]!, "span")} · total ${formatDuration(chart.total[box])} · self ${formatDuration(chart.self[box])}`;
    return [
      `${visible(service)}  ${visible(skeleton.names[skeleton.name[row]!] ?? "")}`,
      times,
      `${formatPercent(share)} of the ${chart.mode === "time" ? "time" : "self time"}`,
    ];
  }

  private draw(): void {
    const { showing, palette, canvas, view } = this;
    if (!showing) return;
    canvas.resize(this.host.clientWidth, this.host.clientHeight);
    const { context: ctx, width, height } = canvas;
    ctx.clearRect(0, 0, width, height);
    const first = Math.max(0, Math.floor(this.top / LANE_HEIGHT));
    const last = Math.min(this.lanes(), Math.ceil((this.top + height) / LANE_HEIGHT));
    ctx.font = `12px ${palette.font}`;
    ctx.textBaseline = "middle";
    for (let lane = first; lane < last; lane++) this.drawLane(ctx, showing, lane, width);
    ctx.fillStyle = palette.surface;
    ctx.fillRect(0, 0, width, AXIS_HEIGHT);
    ctx.fillStyle = palette.border;
    ctx.fillRect(0, AXIS_HEIGHT - 1, width, 1);
    drawAxis(ctx, { palette, width, view, cursor: this.cursor, marked: null });
  }

  private drawLane(
    ctx: CanvasRenderingContext2D,
    showing: FlameShowing,
    lane: number,
    width: number,
  ): void {
    const { chart } = showing;
    const { view } = this;
    const y = AXIS_HEIGHT + lane * LANE_HEIGHT - this.top;
    const end = chart.laneFrom[lane + 1]!;
    const pixel = (view.to - view.from) / width;
    let box = firstBeyond(chart, lane, view.from);
    while (box < end && chart.left[box]! < view.to) {
      const left = Math.max(-2, xOf(view, width, chart.left[box]!));
      const right = Math.min(width + 2, xOf(view, width, chart.right[box]!));
      this.drawBox(ctx, showing, box, left, Math.max(0.7, right - left - 0.7), y);
      // What ends within this pixel cannot be seen.
      const next = firstBeyond(
        chart,
        lane,
        Math.max(chart.right[box]!, view.from + (Math.max(0, left) + 1) * pixel),
      );
      box = Math.max(box + 1, Math.min(next, end));
    }
  }

  private drawBox(
    ctx: CanvasRenderingContext2D,
    { chart, skeleton, slots, selected }: FlameShowing,
    box: number,
    left: number,
    width: number,
    y: number,
  ): void {
    const { palette } = this;
    const row = chart.row[box]!;
    const slot = slots[skeleton.service[row]!] ?? 0;
    ctx.globalAlpha = box === this.hovered ? 1 : 0.82;
    ctx.fillStyle = slotColour(palette, slot);
    ctx.fillRect(left, y, width, LANE_HEIGHT - 1);
    ctx.globalAlpha = 1;
    if (width > 3 && slotHatched(slot)) {
      ctx.fillStyle = palette.surface;
      for (let x = left + 4; x < left + width; x += 8) ctx.fillRect(x, y + LANE_HEIGHT - 4, 4, 3);
    }
    if (skeleton.status[row] === STATUS_ERROR && chart.mode === "time") {
      ctx.fillStyle = palette.error;
      ctx.fillRect(left, y, 2, LANE_HEIGHT - 1);
    }
    if (row === selected && chart.mode === "time") {
      ctx.strokeStyle = palette.text;
      ctx.lineWidth = 2;
      ctx.strokeRect(left + 1, y + 1, Math.max(1, width - 2), LANE_HEIGHT - 3);
      ctx.lineWidth = 1;
    }
    if (width < TEXT_PX_MIN) return;
    this.drawName(
      ctx,
      visible(skeleton.names[skeleton.name[row]!] ?? ""),
      chart.count[box]!,
      left,
      width,
      y,
    );
  }

  /** On a plate of the surface's colour, since service colours are of any lightness. */
  private drawName(
    ctx: CanvasRenderingContext2D,
    name: string,
    count: number,
    left: number,
    width: number,
    y: number,
  ): void {
    const { palette } = this;
    const from = Math.max(2, left + 4);
    const room = left + width - from - 4;
    const text = fitted(ctx, count > 1 ? `${name} ×${count}` : name, room - 8);
    if (text === "") return;
    ctx.fillStyle = palette.surface;
    ctx.globalAlpha = 0.88;
    ctx.beginPath();
    ctx.roundRect(from, y + 2, ctx.measureText(text).width + 8, LANE_HEIGHT - 5, 2);
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.fillStyle = palette.text;
    ctx.fillText(text, from + 4, y + LANE_HEIGHT / 2);
  }
}

/** As much of the text as fits, with an ellipsis; nothing when that is less than three letters. */
function fitted(ctx: CanvasRenderingContext2D, text: string, room: number): string {
  const short = text.slice(0, 200);
  if (ctx.measureText(short).width <= room) return short;
  const letters = Math.floor((room / Math.max(1, ctx.measureText(short).width)) * short.length) - 1;
  return letters < 3 ? "" : `${short.slice(0, letters)}…`;
}
