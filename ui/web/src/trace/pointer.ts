/** The mouse on the waterfall: choose, toggle, hover, zoom with ctrl + wheel, pan, mark on the axis. */
import { panBy, type View, within, zoomBy } from "./scale";
import { timeAt } from "./scene";
import { describeRow, type TooltipBox } from "./tooltip";
import type { Showing, WaterfallEvents } from "./waterfall";

export interface PointerTarget {
  readonly scroller: HTMLElement;
  readonly stage: HTMLElement;
  readonly axis: HTMLElement;
  readonly tooltip: TooltipBox;
  readonly events: WaterfallEvents;
  readonly showing: () => Showing | null;
  readonly rowAt: (y: number) => number;
  readonly activate: (index: number) => void;
  /** Scrolls the list itself when the browser's scrolling is too coarse; says whether it did. */
  readonly scrollBy: (delta: number) => boolean;
  readonly hover: (cursor: number | null, marked: View | null) => void;
}

const DRAG_PX_MIN = 4;
/** Zoom per wheel notch of 100 px. */
const WHEEL_ZOOM = 1.0025;

/** Returns how to stop. */
export function attachPointer(target: PointerTarget): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const on = <K extends keyof HTMLElementEventMap>(
    element: HTMLElement,
    type: K,
    listener: (event: HTMLElementEventMap[K]) => void,
  ) => element.addEventListener(type, listener, { signal, passive: type !== "wheel" });

  on(target.scroller, "wheel", (event) => onWheel(target, event));
  on(target.axis, "wheel", (event) => onWheel(target, event));
  on(target.stage, "click", (event) => onClick(target, event));
  on(target.stage, "dblclick", (event) => onDoubleClick(target, event));
  on(target.stage, "pointerdown", (event) => pan(target, event));
  on(target.axis, "pointerdown", (event) => mark(target, event));
  on(target.axis, "dblclick", () => {
    const showing = target.showing();
    if (showing) target.events.onView(showing.bounds);
  });
  for (const element of [target.stage, target.axis]) {
    on(element, "pointermove", (event) => onMove(target, event));
    on(element, "pointerleave", () => {
      target.hover(null, null);
      target.tooltip.hideSoon();
    });
  }
  return () => stop.abort();
}

/** Where the pointer is on the time axis; null over the names. */
function place(target: PointerTarget, event: MouseEvent): { time: number; width: number } | null {
  const showing = target.showing();
  if (!showing) return null;
  const box = target.stage.getBoundingClientRect();
  const width = box.width - showing.nameWidth;
  const x = event.clientX - box.left - showing.nameWidth;
  return x < 0 ? null : { time: timeAt(showing.scene.view, width, x), width };
}

function onWheel(target: PointerTarget, event: WheelEvent): void {
  const showing = target.showing();
  const at = place(target, event);
  if (!showing) return;
  const { view } = showing.scene;
  const pixels = event.deltaMode === 1 ? 24 : 1;
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (at && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    target.events.onView(
      zoomBy(view, showing.bounds, WHEEL_ZOOM ** (event.deltaY * pixels), at.time),
    );
  } else if (at && Math.abs(sideways) > (event.shiftKey ? 0 : Math.abs(event.deltaY))) {
    event.preventDefault();
    target.events.onView(
      panBy(view, showing.bounds, ((sideways * pixels) / at.width) * (view.to - view.from)),
    );
  } else if (target.scrollBy(event.deltaY * pixels)) {
    event.preventDefault();
  }
}

function rowOf(target: PointerTarget, event: MouseEvent): { index: number; node: number } | null {
  const box = target.stage.getBoundingClientRect();
  const index = target.rowAt(event.clientY - box.top);
  const node = target.showing()?.scene.rows.node[index];
  return node === undefined ? null : { index, node };
}

function onClick(target: PointerTarget, event: MouseEvent): void {
  const row = rowOf(target, event);
  if (!row || event.defaultPrevented || !(getSelection()?.isCollapsed ?? true)) return;
  target.activate(row.index);
  const part = event.target instanceof HTMLElement ? event.target.dataset.part : undefined;
  if (part === "twisty") target.events.onToggle(row.node);
  else target.events.onOpen(row.node);
}

function onDoubleClick(target: PointerTarget, event: MouseEvent): void {
  const row = rowOf(target, event);
  if (row && place(target, event) === null) target.events.onToggle(row.node);
}

function onMove(target: PointerTarget, event: PointerEvent): void {
  const at = place(target, event);
  if (event.buttons === 0) target.hover(at?.time ?? null, null);
  const row = target.stage.contains(event.target as Node) ? rowOf(target, event) : null;
  const showing = target.showing();
  if (row && showing && at && event.buttons === 0)
    target.tooltip.show(row.node, event, () => describeRow(showing.scene, row.node));
  else target.tooltip.hideSoon();
}

/** Dragging the bars moves the view. */
function pan(target: PointerTarget, down: PointerEvent): void {
  const showing = target.showing();
  const at = place(target, down);
  if (!showing || !at || down.button !== 0) return;
  const { view } = showing.scene;
  let moved = false;
  follow(down, (event) => {
    const dx = event.clientX - down.clientX;
    if (!moved && Math.abs(dx) < DRAG_PX_MIN) return;
    if (!moved) swallowClick(target.stage);
    moved = true;
    target.events.onView(panBy(view, showing.bounds, (-dx / at.width) * (view.to - view.from)));
  });
}

/** Dragging the axis marks a range and zooms to it. */
function mark(target: PointerTarget, down: PointerEvent): void {
  const showing = target.showing();
  const first = place(target, down);
  if (!showing || !first || down.button !== 0) return;
  let marked: View | null = null;
  follow(
    down,
    (event) => {
      const at = place(target, event);
      if (!at || Math.abs(event.clientX - down.clientX) < DRAG_PX_MIN) return;
      marked = { from: Math.min(first.time, at.time), to: Math.max(first.time, at.time) };
      target.hover(at.time, marked);
    },
    () => {
      target.hover(null, null);
      if (marked) target.events.onView(within(marked, showing.bounds));
    },
  );
}

/** Follows one press of the pointer until it is let go, wherever it moves. */
export function follow(
  down: PointerEvent,
  move: (event: PointerEvent) => void,
  end?: () => void,
): void {
  const stop = new AbortController();
  const { signal } = stop;
  const finish = () => {
    stop.abort();
    end?.();
  };
  window.addEventListener(
    "pointermove",
    (event) => event.pointerId === down.pointerId && move(event),
    { signal },
  );
  window.addEventListener("pointerup", finish, { signal });
  window.addEventListener("pointercancel", finish, { signal });
}

/** The click that ends a drag is none. */
function swallowClick(element: HTMLElement): void {
  const swallow = (event: MouseEvent) => event.preventDefault();
  element.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => element.removeEventListener("click", swallow, { capture: true }), 1000);
}
