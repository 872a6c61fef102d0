/**
 * Layout of the flame graph, in the worker. Boxes are sorted by lane, then by left edge, and never
 * overlap within a lane, so that drawing can leap over what is narrower than a pixel.
 *
 * `time`: every span at its time, below its parent; what runs in parallel goes to lower lanes.
 * `merged`: spans of equal path of (service, operation) are one box, widest first. Widths are sums of
 * self time, so children always fit into their parent whatever ran in parallel.
 */
import { endOf, known, type Skeleton } from "./skeleton";
import { type Forest, parentSpan } from "./tree";

export type FlameMode = "time" | "merged";

export interface Flame {
  readonly mode: FlameMode;
  /** ns: after the trace's start (time), or of summed self time from the left (merged). */
  readonly left: Float64Array;
  readonly right: Float64Array;
  /** Boxes of lane i: `laneFrom[i]` up to before `laneFrom[i + 1]`. */
  readonly laneFrom: Int32Array;
  /** A span of the box: itself, or the longest of those merged. */
  readonly row: Int32Array;
  readonly count: Int32Array;
  /** ns of self time and of whole durations. */
  readonly self: Float64Array;
  readonly total: Float64Array;
  readonly from: number;
  readonly to: number;
}

interface Scope {
  readonly forest: Forest;
  readonly skeleton: Skeleton;
  readonly start: Float64Array;
  /** Row of the root, or -1. */
  readonly root: number;
}

/** Lanes tried for one span before it is drawn over another. */
const LANES_TRIED_MAX = 4000;

export function flame(scope: Scope, mode: FlameMode): Flame {
  return mode === "time" ? timeFlame(scope) : mergedFlame(scope);
}

/** Spans of the scope in tree order. */
function* spansOf({ forest, root }: Scope): Generator<number> {
  const from = root >= 0 ? forest.position[root]! : 0;
  const to = root >= 0 ? from + forest.size[root]! : forest.nodes;
  for (let place = from; place < to; place++) {
    const row = forest.order[place]!;
    if (row < forest.spans) yield row;
  }
}

function timeFlame(scope: Scope): Flame {
  const { skeleton, start } = scope;
  const boxes = [...spansOf(scope)];
  const { laneOf, lanes } = assignLanes(scope, boxes);
  const length = (row: number) => endOf(start, skeleton.duration, row) - start[row]!;
  boxes.sort((a, b) => laneOf[a]! - laneOf[b]! || start[a]! - start[b]! || length(a) - length(b));
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const row of boxes) {
    from = Math.min(from, start[row]!);
    to = Math.max(to, endOf(start, skeleton.duration, row));
  }
  return {
    mode: "time",
    left: Float64Array.from(boxes, (row) => start[row]!),
    right: Float64Array.from(boxes, (row) => endOf(start, skeleton.duration, row)),
    laneFrom: offsets(
      boxes.map((row) => laneOf[row]!),
      lanes,
    ),
    row: Int32Array.from(boxes),
    count: new Int32Array(boxes.length).fill(1),
    self: Float64Array.from(boxes, (row) => skeleton.self[row]!),
    total: Float64Array.from(boxes, length),
    from: boxes.length > 0 ? from : 0,
    to,
  };
}

/** Spans by start take the first lane below their parent that is free; a parent goes first. */
function assignLanes({ forest, skeleton, start, root }: Scope, spans: readonly number[]) {
  const laneOf = new Int32Array(forest.spans).fill(-1);
  const lastEnd: number[] = [];
  const place = (row: number) => {
    const above = row === root ? -1 : parentSpan(forest, row);
    let lane = above >= 0 ? laneOf[above]! + 1 : 0;
    const laneMax = lane + LANES_TRIED_MAX;
    while (lane < laneMax && (lastEnd[lane] ?? Number.NEGATIVE_INFINITY) > start[row]!) lane++;
    for (let i = lastEnd.length; i <= lane; i++) lastEnd.push(Number.NEGATIVE_INFINITY);
    lastEnd[lane] = endOf(start, skeleton.duration, row);
    laneOf[row] = lane;
  };
  const byStart = [...spans].sort((a, b) => start[a]! - start[b]! || a - b);
  const waiting: number[] = [];
  for (const row of byStart) {
    for (
      let at = row;
      at >= 0 && laneOf[at] === -1;
      at = at === root ? -1 : parentSpan(forest, at)
    ) {
      waiting.push(at);
    }
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) place(at);
  }
  return { laneOf, lanes: lastEnd.length };
}

interface Merged {
  readonly children: Map<number, number>;
  readonly lane: number;
  row: number;
  count: number;
  self: number;
  total: number;
  /** Self time of the box and of all below. */
  weight: number;
  left: number;
}

function mergedFlame(scope: Scope): Flame {
  const merged = mergePaths(scope);
  for (let i = merged.length - 1; i >= 0; i--) {
    const box = merged[i]!;
    box.weight = box.self;
    for (const child of box.children.values()) box.weight += merged[child]!.weight;
  }
  // Parents come before their children, so one pass places them all.
  for (const box of merged) {
    let left = box.left;
    const children = [...box.children.values()].sort(
      (a, b) => merged[b]!.weight - merged[a]!.weight,
    );
    for (const child of children) {
      merged[child]!.left = left;
      left += merged[child]!.weight;
    }
  }
  const top = merged[0]!;
  const boxes = merged
    .slice(1)
    .sort((a, b) => a.lane - b.lane || a.left - b.left || a.weight - b.weight);
  const lanes = (boxes[boxes.length - 1]?.lane ?? -1) + 1;
  return {
    mode: "merged",
    left: Float64Array.from(boxes, (box) => box.left),
    right: Float64Array.from(boxes, (box) => box.left + box.weight),
    laneFrom: offsets(
      boxes.map((box) => box.lane),
      lanes,
    ),
    row: Int32Array.from(boxes, (box) => box.row),
    count: Int32Array.from(boxes, (box) => box.count),
    self: Float64Array.from(boxes, (box) => box.self),
    total: Float64Array.from(boxes, (box) => box.total),
    from: 0,
    to: top.weight,
  };
}

/** One entry per path of (service, operation); the first stands above all. */
function mergePaths(scope: Scope): Merged[] {
  const { forest, skeleton, root } = scope;
  const operations = Math.max(1, skeleton.names.length);
  const create = (row: number, lane: number): Merged => ({
    children: new Map(),
    lane,
    row,
    count: 0,
    self: 0,
    total: 0,
    weight: 0,
    left: 0,
  });
  const merged = [create(-1, -1)];
  const boxOf = new Int32Array(forest.spans);
  for (const row of spansOf(scope)) {
    const above = row === root ? -1 : parentSpan(forest, row);
    const parent = merged[above >= 0 ? boxOf[above]! : 0]!;
    const key = skeleton.service[row]! * operations + skeleton.name[row]!;
    let index = parent.children.get(key);
    if (index === undefined) {
      index = merged.push(create(row, parent.lane + 1)) - 1;
      parent.children.set(key, index);
    }
    const box = merged[index]!;
    const length = known(skeleton.duration[row]!);
    if (length > known(skeleton.duration[box.row]!)) box.row = row;
    box.count++;
    box.self += known(skeleton.self[row]!);
    box.total += length;
    boxOf[row] = index;
  }
  return merged;
}

function offsets(lanes: readonly number[], count: number): Int32Array {
  const from = new Int32Array(count + 1);
  for (const lane of lanes) from[lane + 1]!++;
  for (let lane = 0; lane < count; lane++) from[lane + 1]! += from[lane]!;
  return from;
}

/** The first box of the lane whose right edge is beyond `time`. */
export function firstBeyond(chart: Flame, lane: number, time: number): number {
  let low = chart.laneFrom[lane] ?? 0;
  let high = chart.laneFrom[lane + 1] ?? low;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chart.right[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
