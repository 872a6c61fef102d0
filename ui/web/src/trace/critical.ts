/**
 * The critical path: at each moment of a root span, the span that the end was waiting for.
 *
 * Walks from the end backwards. The child that ended last before the present moment blocked its
 * parent; what lies between two such children is the parent's own time. Children that begin after
 * their parent ended, and those handed over through a queue (a consumer, or any child of a producer),
 * are not waited for and never on the path. A child that outlives its parent counts up to the
 * parent's end. Source: CRISP (Zhang and others, USENIX ATC 2022), with async children left out.
 */
import { endOf, KIND_CONSUMER, KIND_PRODUCER, known } from "./skeleton";
import { childSpans, type Forest } from "./tree";

export interface CriticalPath {
  /** Segments sorted by node, then by time. A segment of a fold is that of one of its spans. */
  readonly node: Int32Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** By node: on the path. Folds with a span on the path too. */
  readonly onPath: Uint8Array;
  /** ns of the whole path. */
  readonly total: number;
}

interface Timing {
  readonly start: Float64Array;
  readonly duration: Float64Array;
  readonly kind: Uint8Array;
}

interface Frame {
  readonly node: number;
  /** Children by end, latest last. */
  readonly children: number[];
  cursor: number;
}

export function criticalPath(forest: Forest, timing: Timing, root: number): CriticalPath {
  const segments: { node: number; from: number; to: number }[] = [];
  const onPath = new Uint8Array(forest.nodes);
  const add = (node: number, from: number, to: number) => {
    onPath[node] = 1;
    if (to > from) segments.push({ node, from, to });
    const above = forest.parent[node]!;
    if (forest.markers[above - forest.spans] !== "fold") return;
    onPath[above] = 1;
    if (to > from) segments.push({ node: above, from, to });
  };

  const rootEnd = endOf(timing.start, timing.duration, root);
  const stack: Frame[] = [open(forest, timing, root, rootEnd)];
  while (stack.length > 0) {
    const frame = stack[stack.length - 1]!;
    const begin = timing.start[frame.node]!;
    const child = nextBlocking(frame, timing, begin);
    if (child < 0) {
      add(frame.node, Math.min(begin, frame.cursor), frame.cursor);
      stack.pop();
      continue;
    }
    const childEnd = Math.min(endOf(timing.start, timing.duration, child), frame.cursor);
    add(frame.node, childEnd, frame.cursor);
    frame.cursor = Math.max(timing.start[child]!, begin);
    stack.push(open(forest, timing, child, childEnd));
  }
  segments.sort((a, b) => a.node - b.node || a.from - b.from);
  return {
    node: Int32Array.from(segments, (segment) => segment.node),
    from: Float64Array.from(segments, (segment) => segment.from),
    to: Float64Array.from(segments, (segment) => segment.to),
    onPath,
    total: rootEnd - timing.start[root]!,
  };
}

function open(forest: Forest, timing: Timing, node: number, until: number): Frame {
  const producer = timing.kind[node] === KIND_PRODUCER;
  const parentEnd = endOf(timing.start, timing.duration, node);
  const children = childSpans(forest, node, []).filter(
    (child) =>
      !producer &&
      timing.kind[child] !== KIND_CONSUMER &&
      timing.start[child]! < parentEnd &&
      endOf(timing.start, timing.duration, child) > timing.start[node]!,
  );
  const end = (child: number) => Math.min(endOf(timing.start, timing.duration, child), parentEnd);
  children.sort((a, b) => end(a) - end(b) || timing.start[a]! - timing.start[b]!);
  return { node, children, cursor: until };
}

/** Takes the child that ended last at or before the cursor; -1 when only own time is left. */
function nextBlocking(frame: Frame, timing: Timing, begin: number): number {
  const parentEnd = endOf(timing.start, timing.duration, frame.node);
  while (frame.children.length > 0 && frame.cursor > begin) {
    const child = frame.children.pop()!;
    const end = Math.min(endOf(timing.start, timing.duration, child), parentEnd);
    if (end <= frame.cursor && timing.start[child]! < frame.cursor) return child;
  }
  return -1;
}

/** The segments of one node: indices [from, to) into the path. */
export function segmentsOf(path: CriticalPath, node: number): [number, number] {
  return [lowerBound(path.node, node), lowerBound(path.node, node + 1)];
}

function lowerBound(sorted: Int32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The root that the path of a whole trace starts from: the longest span without a parent span. */
export function mainRoot(forest: Forest, timing: Timing): number {
  let best = -1;
  let length = -1;
  for (let row = 0; row < forest.spans; row++) {
    let above = forest.parent[row]!;
    while (above >= forest.spans) above = forest.parent[above]!;
    if (above >= 0) continue;
    const own = known(timing.duration[row]!);
    if (own > length) {
      length = own;
      best = row;
    }
  }
  return best;
}
