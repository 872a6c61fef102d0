/** What the waterfall draws from, and the questions both its columns ask of a row. */
import type { CriticalPath } from "./critical";
import type { Palette } from "./palette";
import type { Rows } from "./rows";
import type { View } from "./scale";
import type { Skeleton } from "./skeleton";
import type { Summaries } from "./summary";
import type { Forest } from "./tree";

/** ns after the trace's start, drawn on the row of the selected span. */
export interface Marks {
  readonly row: number;
  readonly events: readonly number[];
  /** Usual durations of this operation; ns. */
  readonly usual: { readonly p50: number; readonly p95: number } | null;
}

export interface Scene {
  readonly skeleton: Skeleton;
  readonly forest: Forest;
  readonly summaries: Summaries;
  readonly errorsBefore: Int32Array;
  readonly start: Float64Array;
  readonly path: CriticalPath | null;
  readonly rows: Rows;
  /** Some spans are left out, so places among siblings are not known. */
  readonly filtered: boolean;
  /** Colour slot by service index. */
  readonly slots: readonly number[];
  readonly matched: Uint8Array | null;
  readonly marks: Marks | null;
  readonly showPath: boolean;
  readonly view: View;
}

export interface Frame {
  readonly palette: Palette;
  /** CSS px. */
  readonly width: number;
  readonly height: number;
  /** List offset at the top of the frame. */
  readonly top: number;
  /** Time under the cursor, or null. */
  readonly cursor: number | null;
}

export function startOf(scene: Scene, node: number): number {
  const { spans } = scene.forest;
  return node < spans ? scene.start[node]! : scene.summaries.start[node - spans]!;
}

/** NaN for a span without end. */
export function durationOf(scene: Scene, node: number): number {
  const { spans } = scene.forest;
  if (node < spans) return scene.skeleton.duration[node]!;
  return scene.summaries.end[node - spans]! - scene.summaries.start[node - spans]!;
}

/** How many spans with an error are below the node (itself not counted). */
export function errorsBelow(scene: Scene, node: number): number {
  const from = scene.forest.position[node]!;
  return scene.errorsBefore[from + scene.forest.size[node]!]! - scene.errorsBefore[from + 1]!;
}

/** The span whose service and operation a row shows: itself, or the first of a fold; -1 for markers. */
export function representative(scene: Scene, node: number): number {
  const { forest } = scene;
  if (node < forest.spans) return node;
  return forest.markers[node - forest.spans] === "fold"
    ? forest.child[forest.childFrom[node]!]!
    : -1;
}

export function xOf(view: View, width: number, time: number): number {
  return ((time - view.from) / (view.to - view.from)) * width;
}

export function timeAt(view: View, width: number, x: number): number {
  return view.from + (x / Math.max(1, width)) * (view.to - view.from);
}
