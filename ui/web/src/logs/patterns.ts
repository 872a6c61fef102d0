/** Patterns of log bodies as the page shows them. */
import type { Level } from "../api/types";
import { termsOf } from "../kit/filterterms";
import { LEVELS } from "./volume";

/** A pattern in pieces: words that are always there, and places that vary. */
export type Piece = { text: string; varies: boolean };

const VARIES = "<*>";

export function piecesOf(pattern: string): Piece[] {
  const pieces: Piece[] = [];
  pattern.split(VARIES).forEach((text, at) => {
    if (at > 0) pieces.push({ text: VARIES, varies: true });
    if (text !== "") pieces.push({ text, varies: false });
  });
  return pieces;
}

/** Shares of the levels of a pattern, worst first; levels without a record are left out. */
export function levelMix(levels: Partial<Record<Level, number>>) {
  const total = Object.values(levels).reduce((sum, count) => sum + count, 0);
  return LEVELS.flatMap((level) => {
    const count = levels[level] ?? 0;
    return count > 0 ? [{ level, count, share: count / total }] : [];
  });
}

/** The path of a small bar chart; an empty bucket has no bar, a filled one at least a pixel. */
export function trendPath(trend: readonly number[], width: number, height: number): string {
  const most = Math.max(0, ...trend);
  if (most === 0) return "";
  const step = width / trend.length;
  const wide = Math.max(0.5, step - (step >= 3 ? 1 : 0));
  const number = (value: number) => String(Math.round(value * 100) / 100);
  return trend
    .map((count, at) => {
      if (count === 0) return "";
      const high = Math.max(1, (count / most) * height);
      return `M${number(at * step)} ${height}v${number(-high)}h${number(wide)}v${number(high)}z`;
    })
    .join("");
}

/** From when on a pattern counts as new: a part of the range, at its end; null for never. */
export function sinceOf(
  range: { from: string; to: string },
  part: "half" | "quarter" | "tenth" | "off",
): string | null {
  const parts = { half: 2n, quarter: 4n, tenth: 10n, off: null }[part];
  if (parts === null) return null;
  const [from, to] = [BigInt(range.from), BigInt(range.to)];
  return String(to - (to - from) / parts);
}

/** A pattern's filter as one term, to be kept; and its opposite. */
export function termsOfPattern(q: string): { keep: string; drop: string } {
  const keep = termsOf(q).length === 1 && !q.startsWith("-") ? q : `(${q})`;
  return { keep, drop: `-${keep}` };
}

/** Whether a pattern came up, or was last seen, on either side of `since`. */
export function newsOf(
  { new: fresh, last }: { new: boolean | null; last: string },
  since: string | null,
): "new" | "gone" | null {
  if (fresh) return "new";
  return since !== null && BigInt(last) < BigInt(since) ? "gone" : null;
}
