/** What is under the pointer, said in a box. It can be hovered and goes with Esc (WCAG 1.4.13). */
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

const SHOW_AFTER_MS = 120;
const HIDE_AFTER_MS = 200;

export class TooltipBox {
  private readonly element = document.createElement("div");
  private timer = 0;
  private key = -1;

  constructor(
    private readonly host: HTMLElement,
    className: string,
  ) {
    this.element.className = className;
    this.element.setAttribute("role", "tooltip");
    this.element.hidden = true;
    this.element.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.element.addEventListener("pointerleave", () => this.hideSoon());
    host.append(this.element);
  }

  /** `key` names what is described; as long as it is the same the box stays where it is. */
  show(key: number, pointer: PointerEvent, describe: () => string[]): void {
    if (key === this.key) {
      if (!this.element.hidden) clearTimeout(this.timer);
      return;
    }
    this.key = key;
    clearTimeout(this.timer);
    const { clientX, clientY } = pointer;
    const wait = this.element.hidden ? SHOW_AFTER_MS : 0;
    this.timer = window.setTimeout(() => this.place(describe(), clientX, clientY), wait);
  }

  /** Says whether it was shown. */
  hide(): boolean {
    clearTimeout(this.timer);
    const shown = !this.element.hidden;
    this.element.hidden = true;
    this.key = -1;
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

  private place(lines: readonly string[], clientX: number, clientY: number): void {
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
    const above = clientY - box.top - offsetHeight - 12;
    const y = below + offsetHeight < box.height ? below : above;
    this.element.style.transform = `translate(${Math.max(0, Math.round(x))}px, ${Math.max(0, Math.round(y))}px)`;
  }
}

/** The lines about a row of the waterfall; the first is the title. */
export function describeRow(scene: Scene, node: number): string[] {
  const { skeleton, forest, summaries } = scene;
  const row = representative(scene, node);
  if (row < 0) return describeMarker(scene, node);
  const service = visible(skeleton.services[skeleton.service[row]!] ?? "");
  const title = `${service}  ${visible(skeleton.names[skeleton.name[row]!] ?? "")}`;
  const begins = `starts after ${formatDuration(startOf(scene, node))}`;
  if (node >= forest.spans) {
    const at = node - forest.spans;
    const failed = summaries.errors[at]! > 0 ? ` · ${summaries.errors[at]} with an error` : "";
    return [
      title,
      `${summaries.count[at]} spans${failed}`,
      `sum ${formatDuration(summaries.sum[at])} · longest ${formatDuration(summaries.max[at])}`,
      begins,
    ];
  }
  const duration = durationOf(scene, node);
  const lasts = Number.isNaN(duration) ? "has no end" : formatDuration(duration);
  const self = formatDuration(skeleton.self[node]);
  return [title, `${lasts} · self ${self}`, begins, signs(scene, node)];
}

function describeMarker({ forest, summaries }: Scene, node: number): string[] {
  const spans = `${summaries.count[node - forest.spans]} spans`;
  return forest.markers[node - forest.spans] === "cycle"
    ? ["Cycle of parents", `${spans} that are their own ancestors`]
    : ["Missing parent", `${spans} whose parents are not part of what was received`];
}

function signs({ skeleton }: Scene, row: number): string {
  const flags = skeleton.flags[row]!;
  const words = [
    skeleton.status[row] === STATUS_ERROR ? "⬢ error" : "",
    KINDS[skeleton.kind[row]!] ?? "",
    (flags & FLAG_EXCEPTION) !== 0 ? "◆ exception" : (flags & FLAG_EVENTS) !== 0 ? "◇ events" : "",
    (flags & FLAG_LOGS) !== 0 ? "≡ logs" : "",
    (flags & FLAG_LINKS) !== 0 ? "↗ links" : "",
  ];
  return words.filter((word) => word !== "").join(" · ");
}
