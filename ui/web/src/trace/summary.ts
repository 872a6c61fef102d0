/** What a row that stands for several spans says about them: folds and markers. */
import { endOf, known, type Skeleton, STATUS_ERROR } from "./skeleton";
import type { Forest } from "./tree";

/** By node minus `forest.spans`. Times are ns after the trace's start. */
export interface Summaries {
  readonly count: Int32Array;
  readonly errors: Int32Array;
  /** Sum and greatest of the durations. */
  readonly sum: Float64Array;
  readonly max: Float64Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
}

export function summarize(forest: Forest, skeleton: Skeleton, start: Float64Array): Summaries {
  const size = forest.markers.length;
  const result = {
    count: new Int32Array(size),
    errors: new Int32Array(size),
    sum: new Float64Array(size),
    max: new Float64Array(size),
    start: new Float64Array(size).fill(Number.POSITIVE_INFINITY),
    end: new Float64Array(size),
  };
  for (let row = 0; row < forest.spans; row++) {
    // A span counts for the fold it is in, and for the marker above that fold.
    for (let above = forest.parent[row]!; above >= forest.spans; above = forest.parent[above]!) {
      const at = above - forest.spans;
      const length = known(skeleton.duration[row]!);
      result.count[at]!++;
      if (skeleton.status[row] === STATUS_ERROR) result.errors[at]!++;
      result.sum[at]! += length;
      result.max[at] = Math.max(result.max[at]!, length);
      result.start[at] = Math.min(result.start[at]!, start[row]!);
      result.end[at] = Math.max(result.end[at]!, endOf(start, skeleton.duration, row));
    }
  }
  return result;
}
