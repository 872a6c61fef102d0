/** The volume of logs over time, by level: sums, boxes, and where the visible rows lie. */
import type { Level } from "../api/types";
import type { Box } from "../kit/gridbrush";

/** Levels from the worst, as they are stacked from the bottom. */
export const LEVELS: readonly Level[] = [
  "fatal",
  "error",
  "warn",
  "info",
  "debug",
  "trace",
  "unset",
];

export type Volume = {
  /** Unix ns where the first bucket begins. */
  start: bigint;
  /** Width of a bucket in ns. */
  step: number;
  count: number;
  series: { level: Level; counts: number[]; total: number }[];
};

/** Series in the order of `LEVELS`; levels without a record are left out. */
export function makeVolume(
  start: bigint,
  step: number,
  count: number,
  series: { level: string; counts: number[] }[],
): Volume {
  const known = LEVELS.flatMap((level) => {
    const found = series.find((each) => each.level === level);
    const total = found?.counts.reduce((a, b) => a + b, 0) ?? 0;
    return found && total > 0 ? [{ level, counts: found.counts, total }] : [];
  });
  return { start, step, count, series: known };
}

/** The height of the highest column. */
export function highest(volume: Volume): number {
  let most = 0;
  for (let i = 0; i < volume.count; i++) most = Math.max(most, columnSum(volume, i));
  return most;
}

export function columnSum(volume: Volume, column: number): number {
  return volume.series.reduce((sum, each) => sum + (each.counts[column] ?? 0), 0);
}

/** `[from, to)` of a box of buckets. */
export function rangeOf(volume: Volume, box: Box): { from: bigint; to: bigint } {
  return {
    from: volume.start + BigInt(Math.round(box.left * volume.step)),
    to: volume.start + BigInt(Math.round((box.right + 1) * volume.step)),
  };
}

/** A round number at or above `most`, in 1-2-5 steps, for the top of the axis. */
export function niceTop(most: number): number {
  if (most <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const factor = [1, 2, 5, 10].find((each) => each * power >= most) ?? 10;
  return factor * power;
}
