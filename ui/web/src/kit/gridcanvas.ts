/**
 * What the heatmap and the histogram share: a canvas of cells with time from left to right, drawn
 * at most once a frame, whose cells can be pointed at and boxed by mouse, touch and keys.
 *
 * No framework. Colours are read from the page's tokens and read again when the theme changes.
 */
import { type Box, type Cell, GridBrush } from "./gridbrush";

export type Plot = { left: number; top: number; width: number; height: number };

export type GridHandlers = {
  /** The cell under pointer or cursor, with its centre in CSS pixels; null when none. */
  onHover(at: { cell: Cell; x: number; y: number } | null): void;
  /** A box was finished. */
  onBox(box: Box): void;
  /** Escape was pressed with nothing being drawn. */
  onEscape(): void;
  /** Enter was pressed with nothing being drawn. */
  onEnter(): void;
};

/** Cells moved by one press with Shift. */
const LEAP = 10;

export abstract class GridCanvas {
  protected readonly canvas: HTMLCanvasElement;
  protected readonly handlers: GridHandlers;
  protected readonly context: CanvasRenderingContext2D;
  protected readonly brush = new GridBrush(0, 0);
  protected width = 0;
  protected height = 0;
  readonly #abort = new AbortController();
  readonly #sizes: ResizeObserver;
  readonly #themes: MutationObserver;
  #colors = new Map<string, string>();
  #frame = 0;

  constructor(canvas: HTMLCanvasElement, handlers: GridHandlers) {
    this.canvas = canvas;
    this.handlers = handlers;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser has no 2D canvas");
    this.context = context;
    this.#sizes = new ResizeObserver(() => this.#fit());
    this.#sizes.observe(canvas);
    this.#themes = new MutationObserver(() => this.#recolor());
    this.#themes.observe(document.documentElement, { attributes: true });
    this.#listen();
  }

  destroy() {
    this.#abort.abort();
    this.#sizes.disconnect();
    this.#themes.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  /** Where the cells are, in CSS pixels. */
  protected abstract plot(): Plot;
  protected abstract paint(): void;

  /** Draws before the next frame. */
  redraw() {
    if (this.#frame !== 0 || this.width === 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.context.clearRect(0, 0, this.width, this.height);
      this.paint();
    });
  }

  /** The value of a colour token here and now. */
  protected color(token: string): string {
    let color = this.#colors.get(token);
    if (color === undefined) {
      this.canvas.style.color = `var(${token})`;
      color = getComputedStyle(this.canvas).color;
      this.canvas.style.color = "";
      this.#colors.set(token, color);
    }
    return color;
  }

  protected font(): string {
    const style = getComputedStyle(this.canvas);
    return `${style.fontSize} ${style.fontFamily}`;
  }

  /** The rectangle of a box of cells. */
  protected rectOf(box: Box): Plot {
    const { left, top, width, height } = this.plot();
    const cell = { width: width / this.brush.columns, height: height / this.brush.rows };
    return {
      left: left + box.left * cell.width,
      top: top + height - (box.top + 1) * cell.height,
      width: (box.right - box.left + 1) * cell.width,
      height: (box.top - box.bottom + 1) * cell.height,
    };
  }

  protected strokeBox(box: Box, solid: boolean) {
    const { context } = this;
    const rect = this.rectOf(box);
    context.save();
    context.fillStyle = this.color("--accent");
    context.globalAlpha = 0.12;
    context.fillRect(rect.left, rect.top, rect.width, rect.height);
    context.globalAlpha = 1;
    context.strokeStyle = this.color("--text");
    context.setLineDash(solid ? [] : [3, 3]);
    context.strokeRect(
      Math.round(rect.left) + 0.5,
      Math.round(rect.top) + 0.5,
      Math.max(1, Math.round(rect.width) - 1),
      Math.max(1, Math.round(rect.height) - 1),
    );
    context.restore();
  }

  #fit() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.redraw();
  }

  #recolor() {
    this.#colors = new Map();
    this.redraw();
  }

  #listen() {
    const { canvas } = this;
    const options = { signal: this.#abort.signal };
    canvas.addEventListener("pointerdown", (event) => this.#down(event), options);
    canvas.addEventListener("pointermove", (event) => this.#move(event), options);
    canvas.addEventListener("pointerup", (event) => this.#up(event), options);
    canvas.addEventListener("pointercancel", () => this.#cancel(), options);
    canvas.addEventListener("pointerleave", () => this.#leave(), options);
    canvas.addEventListener("blur", () => this.#leave(), options);
    canvas.addEventListener("keydown", (event) => this.#key(event), options);
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.#recolor(), options);
  }

  #cellAt(event: PointerEvent, held: boolean): Cell | null {
    const { columns, rows } = this.brush;
    if (columns === 0 || rows === 0) return null;
    const { left, top, width, height } = this.plot();
    const x = (event.offsetX - left) / width;
    const y = (top + height - event.offsetY) / height;
    if (!held && (x < 0 || x >= 1 || y < 0 || y >= 1)) return null;
    const inside = (part: number, count: number) =>
      Math.max(0, Math.min(count - 1, Math.floor(part * count)));
    return { column: inside(x, columns), row: inside(y, rows) };
  }

  #down(event: PointerEvent) {
    if (event.button !== 0) return;
    const cell = this.#cellAt(event, false);
    if (!cell) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.brush.down(cell);
    this.#hover();
  }

  #move(event: PointerEvent) {
    this.brush.move(this.#cellAt(event, this.brush.draft !== null));
    this.#hover();
  }

  #up(event: PointerEvent) {
    if (event.button !== 0) return;
    this.#done(this.brush.up());
  }

  #cancel() {
    this.brush.cancel();
    this.#hover();
  }

  #leave() {
    this.brush.move(null);
    this.#hover();
  }

  #key(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.brush.columns === 0) return;
    const by = event.shiftKey ? LEAP : 1;
    const { brush } = this;
    if (event.key === "ArrowLeft") brush.step(-by, 0);
    else if (event.key === "ArrowRight") brush.step(by, 0);
    else if (event.key === "ArrowUp") brush.step(0, by);
    else if (event.key === "ArrowDown") brush.step(0, -by);
    else if (event.key === "Home") brush.step(-brush.columns, 0);
    else if (event.key === "End") brush.step(brush.columns, 0);
    else if (event.key === " ") this.#done(brush.mark());
    else if (event.key === "Enter") {
      if (brush.draft) this.#done(brush.mark());
      else this.handlers.onEnter();
    } else if (event.key === "Escape") {
      if (!brush.draft) return this.handlers.onEscape();
      brush.cancel();
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.#hover();
  }

  #done(box: Box | null) {
    if (box) this.handlers.onBox(box);
    this.#hover();
  }

  #hover() {
    const { cursor } = this.brush;
    if (!cursor) this.handlers.onHover(null);
    else {
      const rect = this.rectOf({
        left: cursor.column,
        right: cursor.column,
        bottom: cursor.row,
        top: cursor.row,
      });
      const at = { x: rect.left + rect.width / 2, y: rect.top };
      this.handlers.onHover({ cell: cursor, ...at });
    }
    this.redraw();
  }
}
