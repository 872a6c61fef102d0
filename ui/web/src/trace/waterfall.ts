/**
 * The waterfall: names as pooled DOM rows, bars on a canvas, one scroller, one frame scheduler.
 * Draws what it is given (`show`) and reports what the reader does (`WaterfallEvents`); it keeps only
 * what is no one else's concern: scroll offset, active row, cursor.
 */
import { AXIS_HEIGHT, drawAxis } from "./axis";
import { drawBars } from "./bars";
import { FrameScheduler, SizedCanvas } from "./canvas";
import { ROW_HEIGHT, type ScrollMap, scrollMap, topForRow } from "./geometry";
import { type Command, listCommand } from "./keys";
import { NameRows } from "./namerows";
import { onThemeChange, type Palette, readPalette } from "./palette";
import { attachPointer } from "./pointer";
import { ROW_EXPANDED, ROW_HAS_CHILDREN } from "./rows";
import { panBy, type View, zoomBy } from "./scale";
import { durationOf, type Scene, startOf } from "./scene";
import { TooltipBox } from "./tooltip";
import styles from "./Waterfall.module.css";

export interface WaterfallEvents {
  /** The row was chosen by click or Enter. */
  readonly onOpen: (node: number) => void;
  /** The keyboard moved to the row. */
  readonly onMove: (node: number) => void;
  readonly onToggle: (node: number) => void;
  readonly onView: (view: View) => void;
  readonly onCursor: (time: number | null) => void;
}

export interface Showing {
  readonly scene: Scene;
  /** Node whose span is open, or -1. */
  readonly selected: number;
  readonly nameWidth: number;
  /** The view that `f` and zooming out end at. */
  readonly bounds: View;
}

let instances = 0;

export class Waterfall {
  private readonly scroller = document.createElement("div");
  private readonly content = document.createElement("div");
  private readonly stage = document.createElement("div");
  private readonly grid = document.createElement("div");
  private readonly bars = new SizedCanvas(styles.bars ?? "");
  private readonly axis = new SizedCanvas(styles.axis ?? "");
  private readonly names: NameRows;
  private readonly tooltip: TooltipBox;
  private readonly frames = new FrameScheduler(() => this.draw());
  private readonly stops: (() => void)[] = [];
  private palette: Palette;
  private showing: Showing | null = null;
  private map: ScrollMap = scrollMap(0, 0);
  private top = 0;
  private viewport = 0;
  private active = 0;
  private cursor: number | null = null;
  private marked: View | null = null;
  /** A node to bring into view as soon as it has a row, or -1. */
  private wanted = -1;
  private nameWidth = -1;

  constructor(
    private readonly host: HTMLElement,
    axisHost: HTMLElement,
    readonly events: WaterfallEvents,
  ) {
    this.scroller.className = styles.scroller ?? "";
    this.content.className = styles.content ?? "";
    this.stage.className = styles.stage ?? "";
    this.grid.className = styles.rows ?? "";
    this.grid.tabIndex = 0;
    this.grid.setAttribute("role", "treegrid");
    this.grid.setAttribute("aria-label", "Spans of the trace");
    this.names = new NameRows(this.grid, `waterfall-${instances++}`);
    this.stage.append(this.bars.element, this.grid);
    this.content.append(this.stage);
    this.scroller.append(this.content);
    host.append(this.scroller);
    axisHost.append(this.axis.element);
    this.tooltip = new TooltipBox(host, styles.tooltip ?? "");
    this.palette = readPalette();
    this.listen(axisHost);
  }

  show(showing: Showing): void {
    const before = this.showing;
    const activeNode = before?.scene.rows.node[this.active] ?? -1;
    this.showing = showing;
    const { rows } = showing.scene;
    this.grid.setAttribute("aria-rowcount", String(rows.node.length));
    if (before?.scene.rows !== rows) {
      this.active = this.nearestRow(activeNode);
      this.measure();
      if (this.wanted >= 0) this.reveal(this.wanted);
    }
    this.frames.request();
  }

  /** Brings the node's row into view and gives it the keyboard, once it has a row. */
  reveal(node: number): void {
    const index = this.showing?.scene.rows.node.indexOf(node) ?? -1;
    this.wanted = index < 0 ? node : -1;
    if (index < 0) return;
    this.active = index;
    this.scrollTo(topForRow(index, this.top, this.viewport, this.map.topMax, true));
  }

  focus(): void {
    this.grid.focus({ preventScroll: true });
  }

  /** The node with the keyboard; one that was asked for has it before its row is there. */
  get activeNode(): number {
    return this.wanted >= 0 ? this.wanted : (this.showing?.scene.rows.node[this.active] ?? -1);
  }

  /** Says whether the command was one of the list's. */
  run(command: Command): boolean {
    const showing = this.showing;
    if (!showing) return false;
    const page = Math.max(1, Math.floor(this.viewport / ROW_HEIGHT) - 1);
    const last = showing.scene.rows.node.length - 1;
    const steps: Partial<Record<Command, number>> = {
      down: this.active + 1,
      up: this.active - 1,
      "page-down": this.active + page,
      "page-up": this.active - page,
      first: 0,
      last,
    };
    const step = steps[command];
    if (step !== undefined) this.moveTo(Math.min(Math.max(0, step), last));
    else if (command === "open" && this.activeNode >= 0) this.events.onOpen(this.activeNode);
    else if (command === "collapse" || command === "expand")
      this.openOrClose(showing.scene, command === "expand");
    else return this.zoom(showing, command);
    return true;
  }

  destroy(): void {
    this.frames.cancel();
    for (const stop of this.stops) stop();
    this.tooltip.destroy();
    this.scroller.remove();
    this.axis.element.remove();
  }

  private listen(axisHost: HTMLElement): void {
    const observer = new ResizeObserver(() => this.measure());
    observer.observe(this.host);
    observer.observe(axisHost);
    const onScroll = () => {
      const scrolled = this.scroller.scrollTop * this.map.scale;
      // With scaled rows the wheel sets `top` more finely than the scrollbar can say.
      if (Math.abs(scrolled - this.top) >= this.map.scale)
        this.top = Math.min(scrolled, this.map.topMax);
      this.tooltip.hide();
      this.frames.request();
    };
    const onKey = (event: KeyboardEvent) => {
      const command = listCommand(event);
      if (command && this.run(command)) event.preventDefault();
      else if (event.key === "Escape" && this.tooltip.hide()) event.stopPropagation();
    };
    this.scroller.addEventListener("scroll", onScroll, { passive: true });
    this.grid.addEventListener("keydown", onKey);
    this.stops.push(
      () => observer.disconnect(),
      onThemeChange(() => {
        this.palette = readPalette();
        this.frames.request();
      }),
      attachPointer({
        scroller: this.scroller,
        stage: this.stage,
        axis: axisHost,
        tooltip: this.tooltip,
        events: this.events,
        showing: () => this.showing,
        rowAt: (y) => Math.floor((this.top + y) / ROW_HEIGHT),
        activate: (index) => {
          this.active = index;
          this.wanted = -1;
          this.frames.request();
        },
        scrollBy: (delta) => {
          if (this.map.scale === 1) return false;
          this.scrollTo(Math.min(Math.max(0, this.top + delta), this.map.topMax));
          return true;
        },
        hover: (cursor, marked) => {
          this.cursor = cursor;
          this.marked = marked;
          this.events.onCursor(cursor);
          this.frames.request();
        },
      }),
    );
  }

  private measure(): void {
    this.viewport = this.scroller.clientHeight;
    this.map = scrollMap(this.showing?.scene.rows.node.length ?? 0, this.viewport);
    this.content.style.height = `${this.map.contentHeight}px`;
    this.stage.style.height = `${this.viewport}px`;
    this.top = Math.min(this.top, this.map.topMax);
    this.frames.request();
  }

  private scrollTo(top: number): void {
    this.top = top;
    this.scroller.scrollTop = top / this.map.scale;
    this.frames.request();
  }

  private moveTo(index: number): void {
    this.active = index;
    this.wanted = -1;
    this.scrollTo(topForRow(index, this.top, this.viewport, this.map.topMax, false));
    if (this.activeNode >= 0) this.events.onMove(this.activeNode);
  }

  private openOrClose(scene: Scene, expand: boolean): void {
    const state = scene.rows.state[this.active] ?? 0;
    const open = (state & ROW_EXPANDED) !== 0;
    if ((state & ROW_HAS_CHILDREN) !== 0 && open !== expand) this.events.onToggle(this.activeNode);
    else if (expand && open) this.moveTo(this.active + 1);
    else if (!expand) {
      const level = scene.rows.depth[this.active] ?? 0;
      let index = this.active - 1;
      while (index >= 0 && scene.rows.depth[index]! >= level) index--;
      if (index >= 0) this.moveTo(index);
    }
  }

  private zoom({ scene, bounds }: Showing, command: Command): boolean {
    const { view } = scene;
    const width = view.to - view.from;
    const middle = this.cursor ?? (view.from + view.to) / 2;
    if (command === "zoom-in") this.events.onView(zoomBy(view, bounds, 0.5, middle));
    else if (command === "zoom-out") this.events.onView(zoomBy(view, bounds, 2, middle));
    else if (command === "pan-left") this.events.onView(panBy(view, bounds, -width / 4));
    else if (command === "pan-right") this.events.onView(panBy(view, bounds, width / 4));
    else if (command === "fit") this.events.onView(this.fitted(scene, bounds));
    else return false;
    return true;
  }

  /** The active span with a margin; everything when that is what is shown already. */
  private fitted(scene: Scene, bounds: View): View {
    const node = this.activeNode;
    const duration = durationOf(scene, node);
    if (node < 0 || !(duration > 0)) return bounds;
    const from = startOf(scene, node);
    const wanted = zoomBy({ from, to: from + duration }, bounds, 1.1, from + duration / 2);
    const same =
      Math.abs(wanted.from - scene.view.from) < 1 && Math.abs(wanted.to - scene.view.to) < 1;
    return same ? bounds : wanted;
  }

  /** Index of the node's row, or that of its nearest ancestor with a row. */
  private nearestRow(node: number): number {
    const scene = this.showing?.scene;
    if (!scene) return 0;
    for (let at = node; at >= 0; at = scene.forest.parent[at] ?? -1) {
      const index = scene.rows.node.indexOf(at);
      if (index >= 0) return index;
    }
    return Math.min(this.active, Math.max(0, scene.rows.node.length - 1));
  }

  private draw(): void {
    const { showing, palette } = this;
    if (!showing) return;
    const { scene, nameWidth } = showing;
    const width = Math.max(1, this.scroller.clientWidth - nameWidth);
    this.bars.resize(width, this.viewport);
    this.axis.resize(width, AXIS_HEIGHT);
    const selected = showing.selected >= 0 ? scene.rows.node.indexOf(showing.selected) : -1;
    const { top, active } = this;
    if (this.nameWidth !== nameWidth) {
      this.nameWidth = nameWidth;
      this.bars.element.style.left = `${nameWidth}px`;
      this.grid.style.setProperty("--name-width", `${nameWidth}px`);
    }
    this.names.draw(scene, { top, height: this.viewport, nameWidth, palette, active, selected });
    const id = this.names.idOf(active);
    if (id) this.grid.setAttribute("aria-activedescendant", id);
    else this.grid.removeAttribute("aria-activedescendant");
    drawBars(this.bars.context, scene, {
      palette,
      width,
      height: this.viewport,
      top,
      cursor: this.cursor,
    });
    drawAxis(this.axis.context, {
      palette,
      width,
      view: scene.view,
      cursor: this.cursor,
      marked: this.marked,
    });
  }
}
