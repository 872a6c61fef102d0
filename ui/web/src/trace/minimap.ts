/**
 * The minimap: the whole trace in one strip, with the part that is shown. The picture comes from the
 * worker; the range is chosen by dragging, by two clicks, or by the arrow keys on its two handles.
 */
import { formatDuration } from "../kit/format";
import { FrameScheduler, SizedCanvas } from "./canvas";
import styles from "./Minimap.module.css";
import type { OverviewStyle } from "./overview";
import { onThemeChange, type Palette, pixelOf, readPalette } from "./palette";
import { follow } from "./pointer";
import { panBy, VIEW_NS_MIN, type View, within } from "./scale";
import { timeAt, xOf } from "./scene";

export interface MinimapEvents {
  readonly onView: (view: View) => void;
  /** Paints the overview of `bounds`. */
  readonly paint: (style: OverviewStyle, bounds: View) => Promise<Uint8ClampedArray<ArrayBuffer>>;
}

export interface MinimapShowing {
  readonly bounds: View;
  readonly view: View;
  readonly slots: readonly number[];
  /** Times of the open span, or null. */
  readonly selected: View | null;
  /** Changes whenever another picture is to be painted. */
  readonly picture: unknown;
}

const HEIGHT = 52;
const ERROR_STRIP = 3;
const LANE_MAX = 6;
const CLICK_PX_MAX = 3;
const HANDLE_PX = 8;
/** Share of the bounds that an arrow key moves a handle. */
const KEY_STEP = 0.01;

export class Minimap {
  private readonly canvas = new SizedCanvas(styles.canvas ?? "");
  private readonly handles: readonly [HTMLElement, HTMLElement];
  private readonly frames = new FrameScheduler(() => this.draw());
  private readonly stops: (() => void)[] = [];
  private palette: Palette;
  private showing: MinimapShowing | null = null;
  private picture: ImageBitmap | null = null;
  private asked = 0;
  private firstClick: number | null = null;
  private cursor: number | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly events: MinimapEvents,
  ) {
    this.palette = readPalette();
    this.handles = [this.createHandle("from", "Shown from"), this.createHandle("to", "Shown to")];
    host.append(this.canvas.element, ...this.handles);
    const observer = new ResizeObserver(() => this.repaint());
    observer.observe(host);
    const onDown = (event: PointerEvent) => this.press(event);
    const onDouble = () => this.showing && this.events.onView(this.showing.bounds);
    host.addEventListener("pointerdown", onDown);
    host.addEventListener("dblclick", onDouble);
    this.stops.push(
      () => observer.disconnect(),
      () => host.removeEventListener("pointerdown", onDown),
      () => host.removeEventListener("dblclick", onDouble),
      onThemeChange(() => {
        this.palette = readPalette();
        this.repaint();
      }),
    );
  }

  show(showing: MinimapShowing): void {
    const before = this.showing;
    this.showing = showing;
    if (!before || before.picture !== showing.picture || before.slots !== showing.slots)
      this.repaint();
    else this.frames.request();
  }

  /** The time under the pointer elsewhere on the page. */
  setCursor(time: number | null): void {
    this.cursor = time;
    this.frames.request();
  }

  destroy(): void {
    this.asked = -1;
    this.frames.cancel();
    for (const stop of this.stops) stop();
    this.canvas.element.remove();
    for (const handle of this.handles) handle.remove();
  }

  private createHandle(edge: "from" | "to", label: string): HTMLElement {
    const handle = document.createElement("div");
    handle.className = styles.handle ?? "";
    handle.tabIndex = 0;
    handle.setAttribute("role", "slider");
    handle.setAttribute("aria-label", label);
    handle.addEventListener("keydown", (event) => this.onHandleKey(edge, event));
    return handle;
  }

  private onHandleKey(edge: "from" | "to", event: KeyboardEvent): void {
    const showing = this.showing;
    if (!showing) return;
    const { bounds, view } = showing;
    const step = (bounds.to - bounds.from) * KEY_STEP * (event.shiftKey ? 10 : 1);
    const moves: Record<string, number> = {
      ArrowLeft: -step,
      ArrowDown: -step,
      ArrowRight: step,
      ArrowUp: step,
    };
    const ends: Record<string, number> = { Home: bounds.from, End: bounds.to };
    const wanted =
      moves[event.key] !== undefined ? view[edge] + moves[event.key]! : ends[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    const at = Math.min(Math.max(bounds.from, wanted), bounds.to);
    if (edge === "from")
      this.events.onView({ from: Math.min(at, view.to - VIEW_NS_MIN), to: view.to });
    else this.events.onView({ from: view.from, to: Math.max(at, view.from + VIEW_NS_MIN) });
  }

  private press(down: PointerEvent): void {
    const showing = this.showing;
    if (!showing || down.button !== 0) return;
    const { bounds, view } = showing;
    const box = this.host.getBoundingClientRect();
    const at = (event: PointerEvent) =>
      Math.min(
        Math.max(bounds.from, timeAt(bounds, box.width, event.clientX - box.left)),
        bounds.to,
      );
    const first = at(down);
    const near = (time: number) =>
      Math.abs(xOf(bounds, box.width, time) - (down.clientX - box.left)) <= HANDLE_PX;
    const zoomed = view.from > bounds.from || view.to < bounds.to;
    const edge = zoomed && near(view.from) ? view.to : zoomed && near(view.to) ? view.from : null;
    const moves = edge === null && zoomed && first > view.from && first < view.to;
    let moved = false;
    follow(
      down,
      (event) => {
        if (Math.abs(event.clientX - down.clientX) > CLICK_PX_MAX) moved = true;
        if (!moved) return;
        this.firstClick = null;
        if (moves) this.events.onView(panBy(view, bounds, at(event) - first));
        else this.choose(edge ?? first, at(event));
      },
      () => {
        if (!moved) this.click(first);
      },
    );
  }

  /** The first click sets one edge, the second the other. */
  private click(time: number): void {
    if (this.firstClick === null) this.firstClick = time;
    else {
      this.choose(this.firstClick, time);
      this.firstClick = null;
    }
    this.frames.request();
  }

  private choose(one: number, other: number): void {
    if (!this.showing || one === other) return;
    this.events.onView(
      within({ from: Math.min(one, other), to: Math.max(one, other) }, this.showing.bounds),
    );
  }

  private repaint(): void {
    const showing = this.showing;
    const width = this.host.clientWidth;
    if (!showing || width === 0) return;
    this.canvas.resize(width, HEIGHT);
    const { width: across, height: down } = this.canvas.element;
    const asked = ++this.asked;
    const slots = this.palette.slots.map(pixelOf);
    const style = {
      width: across,
      height: down,
      colours: Uint32Array.from(showing.slots, (slot) => slots[slot % slots.length] ?? 0),
      error: pixelOf(this.palette.error),
      errorStrip: Math.round(ERROR_STRIP * devicePixelRatio),
      laneMax: Math.round(LANE_MAX * devicePixelRatio),
    };
    this.frames.request();
    void this.events
      .paint(style, showing.bounds)
      .then((pixels) => createImageBitmap(new ImageData(pixels, across, down)))
      .then((picture) => {
        if (asked !== this.asked) return;
        this.picture = picture;
        this.frames.request();
      });
  }

  private draw(): void {
    const { showing, palette, canvas } = this;
    if (!showing) return;
    const { context, width, height } = canvas;
    const { bounds, view } = showing;
    const x = (time: number) => xOf(bounds, width, time);
    context.clearRect(0, 0, width, height);
    if (this.picture) context.drawImage(this.picture, 0, 0, width, height);
    const left = x(view.from);
    const right = x(view.to);
    context.fillStyle = palette.surface;
    context.globalAlpha = 0.7;
    context.fillRect(0, 0, left, height);
    context.fillRect(right, 0, width - right, height);
    context.globalAlpha = 1;
    if (showing.selected) {
      context.fillStyle = palette.text;
      context.fillRect(
        x(showing.selected.from),
        0,
        Math.max(2, x(showing.selected.to) - x(showing.selected.from)),
        2,
      );
    }
    context.fillStyle = palette.accent;
    if (left > 0) context.fillRect(left - 1, 0, 2, height);
    if (right < width) context.fillRect(right - 1, 0, 2, height);
    if (this.firstClick !== null) context.fillRect(x(this.firstClick), 0, 1, height);
    context.fillStyle = palette.muted;
    if (this.cursor !== null) context.fillRect(Math.round(x(this.cursor)), 0, 1, height);
    this.placeHandle(this.handles[0], left, view.from, bounds);
    this.placeHandle(this.handles[1], right, view.to, bounds);
  }

  private placeHandle(handle: HTMLElement, x: number, time: number, bounds: View): void {
    handle.style.transform = `translateX(${Math.min(Math.max(0, x - 12), this.canvas.width - 24)}px)`;
    handle.setAttribute("aria-valuemin", "0");
    handle.setAttribute("aria-valuemax", String(Math.round(bounds.to - bounds.from)));
    handle.setAttribute("aria-valuenow", String(Math.round(time - bounds.from)));
    handle.setAttribute("aria-valuetext", formatDuration(time - bounds.from));
  }
}
