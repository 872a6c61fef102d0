/** What the page says about a trace as a whole. Pure. */
import { SERVICE_COLOURS, slotOf } from "../kit/services";
import type { Trace } from "./session";
import { endOf, NO_PARENT, type Skeleton, STATUS_ERROR } from "./skeleton";

export interface ServiceFacts {
  readonly name: string;
  readonly spans: number;
  readonly errors: number;
  readonly slot: number;
}

/** Services by number of spans. */
export function serviceFacts(skeleton: Skeleton, slots: readonly number[]): ServiceFacts[] {
  const spans = new Int32Array(skeleton.services.length);
  const errors = new Int32Array(skeleton.services.length);
  for (let row = 0; row < skeleton.count; row++) {
    spans[skeleton.service[row]!]!++;
    if (skeleton.status[row] === STATUS_ERROR) errors[skeleton.service[row]!]!++;
  }
  return skeleton.services
    .map((name, at) => ({ name, spans: spans[at]!, errors: errors[at]!, slot: slots[at] ?? 0 }))
    .filter((facts) => facts.spans > 0)
    .sort((a, b) => b.spans - a.spans || a.name.localeCompare(b.name));
}

/** Colour slot by service index; two services of one look are told apart by hatching. */
export function traceSlots(
  services: readonly string[],
  registry: Record<string, number>,
): readonly number[] {
  const taken = new Set<number>();
  return services.map((service) => {
    const wanted = slotOf(registry, service) % (2 * SERVICE_COLOURS);
    const other = (wanted + SERVICE_COLOURS) % (2 * SERVICE_COLOURS);
    const slot = taken.has(wanted) && !taken.has(other) ? other : wanted;
    taken.add(slot);
    return slot;
  });
}

/** The span that names the trace: its first without a parent, else its first. -1 without spans. */
export function titleRow(skeleton: Skeleton): number {
  const first = skeleton.parent.indexOf(NO_PARENT);
  return first >= 0 ? first : skeleton.count - 1 < 0 ? -1 : 0;
}

export function errorCount(trace: Trace): number {
  const { errorsBefore, forest } = trace.structure;
  return errorsBefore[forest.nodes] ?? 0;
}

/** The rows with an error, in the order of the tree. */
export function errorRows(trace: Trace): Int32Array {
  const { order, spans } = trace.structure.forest;
  const { status } = trace.opened.skeleton;
  return order.filter((node) => node < spans && status[node] === STATUS_ERROR);
}

/** Whether filters leave the node on the page (it may be inside something collapsed). */
export function isShown(trace: Trace, hidden: ReadonlySet<number>, node: number): boolean {
  const { position, size } = trace.structure.forest;
  if (hidden.has(trace.opened.skeleton.service[node] ?? -1)) return false;
  if (trace.root < 0) return true;
  const place = position[node]! - position[trace.root]!;
  return place >= 0 && place < size[trace.root]!;
}

/** The bounds of the time axis: what is shown, with room for labels on the right. */
export function timeBounds(trace: Pick<Trace, "opened" | "structure" | "root">): {
  from: number;
  to: number;
} {
  const { start } = trace.structure;
  const { duration } = trace.opened.skeleton;
  let from = trace.root >= 0 ? start[trace.root]! : Number.POSITIVE_INFINITY;
  let to = 0;
  const { order, position, size, spans, nodes } = trace.structure.forest;
  const first = trace.root >= 0 ? position[trace.root]! : 0;
  const last = trace.root >= 0 ? first + size[trace.root]! : nodes;
  for (let place = first; place < last; place++) {
    const row = order[place]!;
    if (row >= spans) continue;
    from = Math.min(from, start[row]!);
    to = Math.max(to, endOf(start, duration, row));
  }
  if (!(from < to)) from = to;
  const length = Math.max(1000, to - from);
  return { from: Math.floor(from - length * 0.01), to: Math.ceil(from + length * 1.07) };
}
