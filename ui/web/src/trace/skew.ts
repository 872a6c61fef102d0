/**
 * Clock skew: a span of another service that lies outside its parent by more than its own length,
 * where the protocol says that it cannot. Nothing is moved unless the reader asks; the offset of each
 * service is written down.
 *
 * A child entirely before its parent breaks causality. A child entirely after it is skewed only when
 * the parent waits for it (a client calling a server); work handed over may well run later.
 */
import { endOf, KIND_CLIENT, KIND_SERVER, known, type Skeleton } from "./skeleton";
import { type Forest, parentSpan } from "./tree";

export interface SkewNote {
  readonly service: number;
  readonly spans: number;
  /** ns that are added to the service's times, the median over its skewed spans. */
  readonly offset: number;
}

export interface Skew {
  /** Start per span with the offsets applied. */
  readonly start: Float64Array;
  readonly notes: readonly SkewNote[];
}

export function detectSkew(forest: Forest, skeleton: Skeleton): Skew {
  const { start, duration, service } = skeleton;
  const adjusted = Float64Array.from(start);
  const offsets = new Map<number, number[]>();
  for (const node of forest.order) {
    if (node >= forest.spans) continue;
    const above = parentSpan(forest, node);
    if (above < 0) continue;
    const inherited = adjusted[above]! - start[above]!;
    if (service[node] === service[above]) {
      adjusted[node] = start[node]! + inherited;
      continue;
    }
    if (!isOutside(skeleton, adjusted, above, node)) continue;
    const free = Math.max(0, known(duration[above]!) - known(duration[node]!));
    adjusted[node] = adjusted[above]! + free / 2;
    const of = offsets.get(service[node]!) ?? [];
    of.push(adjusted[node]! - start[node]!);
    offsets.set(service[node]!, of);
  }
  const notes = [...offsets].map(([of, values]) => {
    values.sort((a, b) => a - b);
    return { service: of, spans: values.length, offset: values[values.length >> 1]! };
  });
  notes.sort((a, b) => Math.abs(b.offset) - Math.abs(a.offset));
  return { start: adjusted, notes };
}

function isOutside(
  skeleton: Skeleton,
  adjusted: Float64Array,
  above: number,
  node: number,
): boolean {
  const { start, duration, kind } = skeleton;
  const own = known(duration[node]!);
  if (adjusted[above]! - start[node]! > own) return true;
  const waits = kind[above] === KIND_CLIENT && kind[node] === KIND_SERVER;
  return waits && endOf(start, duration, node) - endOf(adjusted, duration, above) > own;
}
