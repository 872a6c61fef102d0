/**
 * The name column: about sixty pooled elements, whatever the length of the list. Real text, so it can
 * be selected, found by assistive technology and tested. Only what changed is written to the DOM.
 */
import { formatDuration, visible } from "../kit/format";
import { slotHatched } from "../kit/services";
import { type Indent, indentFor, ROW_HEIGHT } from "./geometry";
import { type Palette, slotColour } from "./palette";
import { ROW_CONTEXT, ROW_EXPANDED, ROW_HAS_CHILDREN } from "./rows";
import { durationOf, errorsBelow, representative, type Scene, startOf } from "./scene";
import { STATUS_ERROR } from "./skeleton";
import { isFold, siblingPlace } from "./tree";
import styles from "./Waterfall.module.css";

/** Rows that the list scrolls until rows are placed anew; keeps offsets exact in 32-bit floats. */
const ANCHOR_ROWS_MAX = 10_000;
/** Share of the name column that indents may take. */
const INDENT_SHARE = 0.45;

interface RowElement {
  readonly row: HTMLDivElement;
  readonly guides: HTMLSpanElement;
  readonly twisty: HTMLSpanElement;
  readonly tick: HTMLSpanElement;
  readonly service: HTMLElement;
  readonly name: HTMLElement;
  readonly count: HTMLSpanElement;
  readonly error: HTMLSpanElement;
  readonly facts: HTMLDivElement;
  index: number;
  /** What was last written for it: nothing else is asked of the DOM. */
  y: number;
  levels: number;
  step: number;
}

export interface NameFrame {
  readonly top: number;
  readonly height: number;
  readonly nameWidth: number;
  readonly palette: Palette;
  /** Index of the row with the keyboard, and of the row whose span is open. */
  readonly active: number;
  readonly selected: number;
}

export class NameRows {
  private readonly pool: RowElement[] = [];
  private readonly group = document.createElement("div");
  /** Rows stand relative to this one, so that scrolling moves one element and numbers stay small. */
  private anchor = 0;

  constructor(
    host: HTMLElement,
    private readonly idPrefix: string,
  ) {
    this.group.setAttribute("role", "rowgroup");
    host.append(this.group);
  }

  /** The id of the element that shows the row, for aria-activedescendant. */
  idOf(index: number): string | null {
    return this.pool.find((element) => element.index === index)?.row.id ?? null;
  }

  /** Shows the rows in view, and the active one wherever it is. */
  draw(scene: Scene, frame: NameFrame): void {
    const first = Math.max(0, Math.floor(frame.top / ROW_HEIGHT));
    const last = Math.min(
      scene.rows.node.length,
      Math.ceil((frame.top + frame.height) / ROW_HEIGHT),
    );
    let low = Number.POSITIVE_INFINITY;
    let high = 0;
    for (let index = first; index < last; index++) {
      low = Math.min(low, scene.rows.depth[index]!);
      high = Math.max(high, scene.rows.depth[index]!);
    }
    const indent = indentFor(low, high, frame.nameWidth * INDENT_SHARE);
    if (Math.abs(first - this.anchor) > ANCHOR_ROWS_MAX) this.anchor = first;
    this.group.style.transform = `translateY(${this.anchor * ROW_HEIGHT - frame.top}px)`;
    const size = Math.max(this.pool.length, last - first);
    while (this.pool.length < size) this.pool.push(this.create(this.pool.length));
    for (const element of this.pool) element.index = -1;
    for (let index = first; index < last; index++) {
      const element = this.pool[index % size]!;
      element.index = index;
      place(element, (index - this.anchor) * ROW_HEIGHT);
      write(element, scene, frame, index, indent);
    }
    for (const element of this.pool) set(element.row, "hidden", element.index < 0);
  }

  private create(number: number): RowElement {
    const row = make("div", styles.row, this.group);
    row.id = `${this.idPrefix}-${number}`;
    row.setAttribute("role", "row");
    const cell = make("div", styles.name, row);
    cell.setAttribute("role", "gridcell");
    const guides = make("span", styles.guides, cell);
    const twisty = make("span", styles.twisty, cell);
    twisty.dataset.part = "twisty";
    twisty.setAttribute("aria-hidden", "true");
    const tick = make("span", styles.tick, cell);
    const service = make("bdi", styles.service, cell);
    const name = make("bdi", styles.operation, cell);
    const count = make("span", styles.count, cell);
    const error = make("span", styles.error, cell);
    const facts = make("div", styles.facts, row);
    facts.setAttribute("role", "gridcell");
    return {
      row,
      guides,
      twisty,
      tick,
      service,
      name,
      count,
      error,
      facts,
      index: -1,
      y: -1,
      levels: -1,
      step: -1,
    };
  }
}

function place(element: RowElement, y: number): void {
  if (element.y === y) return;
  element.y = y;
  element.row.style.transform = `translateY(${y}px)`;
}

function write(
  element: RowElement,
  scene: Scene,
  frame: NameFrame,
  index: number,
  indent: Indent,
): void {
  const { forest, skeleton, summaries, rows } = scene;
  const node = rows.node[index]!;
  const depth = rows.depth[index]!;
  const state = rows.state[index]!;
  const shown = representative(scene, node);
  const summary = node - forest.spans;
  set(element.row, "className", rowClass(scene, frame, index, node, state));
  attribute(element.row, "aria-level", String(depth + 1));
  attribute(element.row, "aria-rowindex", String(index + 1));
  attribute(element.row, "aria-selected", String(index === frame.selected));
  attribute(
    element.row,
    "aria-expanded",
    (state & ROW_HAS_CHILDREN) === 0 ? null : String((state & ROW_EXPANDED) !== 0),
  );
  const siblings = scene.filtered ? null : siblingPlace(forest, node);
  attribute(element.row, "aria-posinset", siblings && String(siblings.place));
  attribute(element.row, "aria-setsize", siblings && String(siblings.of));
  const levels = Math.max(0, depth - indent.base);
  if (element.levels !== levels || element.step !== indent.step) {
    element.levels = levels;
    element.step = indent.step;
    element.guides.style.width = `${levels * indent.step}px`;
    element.guides.style.backgroundSize = `${indent.step}px 100%`;
  }
  text(
    element.twisty,
    (state & ROW_HAS_CHILDREN) === 0 ? "" : (state & ROW_EXPANDED) !== 0 ? "▾" : "▸",
  );

  const slot = shown >= 0 ? (scene.slots[skeleton.service[shown]!] ?? 0) : -1;
  element.tick.style.color = slot >= 0 ? slotColour(frame.palette, slot) : "";
  set(
    element.tick,
    "className",
    slotHatched(slot) ? `${styles.tick} ${styles.hatched}` : (styles.tick ?? ""),
  );
  set(element.tick, "hidden", slot < 0);
  text(
    element.service,
    shown >= 0 ? visible(skeleton.services[skeleton.service[shown]!] ?? "") : "",
  );
  text(
    element.name,
    shown >= 0 ? visible(skeleton.names[skeleton.name[shown]!] ?? "") : markerName(scene, node),
  );
  text(element.count, summary >= 0 ? `×${summaries.count[summary]}` : "");

  const own = summary < 0 && skeleton.status[node] === STATUS_ERROR;
  const hidden = (state & ROW_EXPANDED) === 0 && node < forest.nodes ? errorsBelow(scene, node) : 0;
  text(element.error, own ? "⬢" : hidden > 0 ? `⬡ ${hidden}` : "");
  set(element.error, "title", own ? "error" : hidden > 0 ? `${hidden} with an error below` : "");
  text(element.facts, facts(scene, node, own, hidden));
}

function rowClass(
  scene: Scene,
  frame: NameFrame,
  index: number,
  node: number,
  state: number,
): string {
  let name = styles.row ?? "";
  if (index === frame.active) name += ` ${styles.active}`;
  if (index === frame.selected) name += ` ${styles.selected}`;
  if ((state & ROW_CONTEXT) !== 0) name += ` ${styles.context}`;
  if (scene.matched?.[representative(scene, node)] === 1) name += ` ${styles.matched}`;
  return name;
}

function markerName(scene: Scene, node: number): string {
  const kind = scene.forest.markers[node - scene.forest.spans];
  return kind === "cycle" ? "Cycle of parents, cut here" : "Missing parent";
}

/** What the bar shows, in words. */
function facts(scene: Scene, node: number, error: boolean, errorsInside: number): string {
  const duration = durationOf(scene, node);
  const starts = `starts after ${formatDuration(startOf(scene, node))}`;
  const lasts = Number.isNaN(duration) ? "has no end" : `lasts ${formatDuration(duration)}`;
  const many = isFold(scene.forest, node) ? ", several equal spans" : "";
  return `${starts}, ${lasts}${many}${error ? ", error" : ""}${errorsInside > 0 ? `, ${errorsInside} errors inside` : ""}`;
}

function make<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  className: string | undefined,
  into: HTMLElement,
): HTMLElementTagNameMap[T] {
  const element = document.createElement(tag);
  element.className = className ?? "";
  into.append(element);
  return element;
}

function text(element: HTMLElement, value: string): void {
  if (element.textContent !== value) element.textContent = value;
}

function set<E extends HTMLElement, K extends "className" | "hidden" | "title">(
  element: E,
  key: K,
  value: E[K],
): void {
  if (element[key] !== value) element[key] = value;
}

function attribute(element: HTMLElement, name: string, value: string | null): void {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}
