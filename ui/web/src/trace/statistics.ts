/** Where the time of a trace went: one line per (service, operation). Pure; runs in the worker. */
import { known, type Skeleton, STATUS_ERROR } from "./skeleton";
import type { Forest } from "./tree";

export interface Statistics {
  readonly service: Int32Array;
  readonly name: Int32Array;
  readonly count: Int32Array;
  readonly errors: Int32Array;
  /** ns. */
  readonly total: Float64Array;
  readonly self: Float64Array;
  readonly p50: Float64Array;
  readonly p95: Float64Array;
  readonly max: Float64Array;
  /** The row of the longest span. */
  readonly slowest: Int32Array;
  /** ns of self time over all lines: what shares are of. */
  readonly selfTotal: number;
}

export function statistics(forest: Forest, skeleton: Skeleton, root: number): Statistics {
  const operations = Math.max(1, skeleton.names.length);
  const lineOf = new Map<number, number>();
  const service: number[] = [];
  const name: number[] = [];
  const durations: number[][] = [];
  const errors: number[] = [];
  const self: number[] = [];
  const slowest: number[] = [];
  const from = root >= 0 ? forest.position[root]! : 0;
  const to = root >= 0 ? from + forest.size[root]! : forest.nodes;
  for (let at = from; at < to; at++) {
    const row = forest.order[at]!;
    if (row >= forest.spans) continue;
    const key = skeleton.service[row]! * operations + skeleton.name[row]!;
    let line = lineOf.get(key);
    if (line === undefined) {
      line = service.push(skeleton.service[row]!) - 1;
      lineOf.set(key, line);
      name.push(skeleton.name[row]!);
      durations.push([]);
      errors.push(0);
      self.push(0);
      slowest.push(row);
    }
    const length = known(skeleton.duration[row]!);
    durations[line]!.push(length);
    self[line]! += known(skeleton.self[row]!);
    if (skeleton.status[row] === STATUS_ERROR) errors[line]!++;
    if (length > known(skeleton.duration[slowest[line]!]!)) slowest[line] = row;
  }
  const sorted = durations.map((of) => Float64Array.from(of).sort());
  return {
    service: Int32Array.from(service),
    name: Int32Array.from(name),
    count: Int32Array.from(sorted, (of) => of.length),
    errors: Int32Array.from(errors),
    total: Float64Array.from(sorted, (of) => of.reduce((sum, value) => sum + value, 0)),
    self: Float64Array.from(self),
    p50: Float64Array.from(sorted, (of) => quantile(of, 0.5)),
    p95: Float64Array.from(sorted, (of) => quantile(of, 0.95)),
    max: Float64Array.from(sorted, (of) => of[of.length - 1] ?? 0),
    slowest: Int32Array.from(slowest),
    selfTotal: self.reduce((sum, value) => sum + value, 0),
  };
}

/** The nearest-rank quantile: always a value that occurred. */
export function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
}
