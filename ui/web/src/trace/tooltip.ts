/** Says what the bar under the pointer is. Can be hovered, goes away with Esc (WCAG 1.4.13). */
import { formatDuration, visible } from "../kit/format";
import { durationOf, representative, type Scene, startOf } from "./scene";
import {
  FLAG_EVENTS,
  FLAG_EXCEPTION,
  FLAG_LINKS,
  FLAG_LOGS,
  KINDS,
  STATUS_ERROR,
} from "./skeleton";
import styles from "./Waterfall.module.css";

const SHOW_AFTER_MS = 120;
const HIDE_AFTER_MS = 200;

export class Tooltip {
  private readonly element = document.createElement("div");
  private timer = 0;
  private node = -1;

  constructor(private readonly host: HTMLElement) {
    this.element.className = styles.tooltip ?? "";
    this.element.setAttribute("role", "tooltip");
    this.element.hidden = true;
    this.element.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.element.addEventListener("pointerleave", () => this.hideSoon());
    host.append(this.element);
  }

  show(scene: Scene, node: number, pointer: PointerEvent): void {
    if (node === this.node) {
      if (!this.element.hidden) clearTimeout(this.timer);
      return;
    }
    this.node = node;
    clearTimeout(this.timer);
    const { clientX, clientY } = pointer;
    this.timer = window.setTimeout(
      () => this.place(scene, node, clientX, clientY),
      this.element.hidden ? SHOW_AFTER_MS : 0,
    );
  }

  /** Says whether it was shown. */
  hide(): boolean {
    clearTimeout(this.timer);
    const shown = !this.element.hidden;
    this.element.hidden = true;
    this.node = -1;
    return shown;
  }

  hideSoon(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.hide(), HIDE_AFTER_MS);
  }

  destroy(): void {
    clearTimeout(this.timer);
    this.element.remove();
  }

  private place(scene: Scene, node: number, clientX: number, clientY: number): void {
    const lines = describe(scene, node);
    this.element.replaceChildren(
      ...lines.map((line, i) => {
        const element = document.createElement(i === 0 ? "strong" : "div");
        element.textContent = line;
        return element;
      }),
    );
    this.element.hidden = false;
    const box = this.host.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.element;
    const x = Math.min(clientX - box.left + 12, box.width - offsetWidth - 8);
    const below = clientY - box.top + 16;
    const y = below + offsetHeight < box.height ? below : clientY - box.top - offsetHeight - 12;
    this.element.style.transform = `translate(${Math.max(0, Math.round(x))}px, ${Math.max(0, Math.round(y))}px)`;
  }
}

/** The lines of the tooltip; the first is the title. */
export function describe(scene: Scene, node: number): string[] {
  const { skeleton, forest, summaries } = scene;
  const row = representative(scene, node);
  const title =
    row < 0
      ? "Spans whose parents are not whole"
      : visible(
          `${skeleton.services[skeleton.service[row]!]}  ${skeleton.names[skeleton.name[row]!]}`,
        );
  const duration = durationOf(scene, node);
  const begins = `starts after ${formatDuration(startOf(scene, node))}`;
  if (node >= forest.spans) {
    const at = node - forest.spans;
    const failed = summaries.errors[at]! > 0 ? ` · ${summaries.errors[at]} with an error` : "";
    return [
      title,
      `${summaries.count[at]} spans${failed}`,
      `sum ${formatDuration(summaries.sum[at]!)} · longest ${formatDuration(summaries.max[at]!)}`,
      begins,
    ];
  }
  const self = skeleton.self[node]!;
  const lines = [
    title,
    `${Number.isNaN(duration) ? "has no end" : formatDuration(duration)} · self ${formatDuration(self)}`,
    begins,
  ];
  const flags = skeleton.flags[node]!;
  const holds = [
    skeleton.status[node] === STATUS_ERROR ? "⬢ error" : "",
    KINDS[skeleton.kind[node]!] ?? "",
    (flags & FLAG_EXCEPTION) !== 0 ? "◆ exception" : (flags & FLAG_EVENTS) !== 0 ? "◇ events" : "",
    (flags & FLAG_LOGS) !== 0 ? "≡ logs" : "",
    (flags & FLAG_LINKS) !== 0 ? "↗ links" : "",
  ];
  return [...lines, holds.filter((word) => word !== "").join(" · ")];
}
