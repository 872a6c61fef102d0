/** Where rows are: scrolling beyond what a browser can lay out, and indents that fit the column. */

export const ROW_HEIGHT = 24;
/** Chromium clamps elements near 33.5 M px, Firefox near 17.9 M px; rows above this are scaled. */
export const CONTENT_HEIGHT_MAX = 14_000_000;

/** Maps the scrollbar's pixels to the pixels of the list, which may be many more. */
export interface ScrollMap {
  /** Height given to the browser. */
  readonly contentHeight: number;
  /** Greatest offset in the list. */
  readonly topMax: number;
  /** List pixels per scrollbar pixel; 1 unless the list is too high. */
  readonly scale: number;
}

export function scrollMap(rows: number, viewport: number): ScrollMap {
  const height = rows * ROW_HEIGHT;
  const contentHeight = Math.min(height, CONTENT_HEIGHT_MAX);
  const topMax = Math.max(0, height - viewport);
  const scrollMax = Math.max(0, contentHeight - viewport);
  return { contentHeight, topMax, scale: scrollMax > 0 ? topMax / scrollMax : 1 };
}

/** The list offset that brings `row` into view with a row of context, or `top` when it is in view. */
export function topForRow(
  row: number,
  top: number,
  viewport: number,
  topMax: number,
  centre: boolean,
): number {
  const y = row * ROW_HEIGHT;
  if (y >= top && y + ROW_HEIGHT <= top + viewport) return top;
  const wanted = centre
    ? y - (viewport - ROW_HEIGHT) / 2
    : y < top
      ? y - ROW_HEIGHT
      : y + 2 * ROW_HEIGHT - viewport;
  return Math.min(Math.max(0, wanted), topMax);
}

export interface Indent {
  /** px per level. */
  readonly step: number;
  /** Levels left out on the left, the same for all rows in view. */
  readonly base: number;
}

const STEP_MAX = 12;
const STEP_MIN = 4;

/** Indents for depths `low` to `high` in `width` px: narrower steps first, then levels are left out. */
export function indentFor(low: number, high: number, width: number): Indent {
  const full = Math.floor(width / Math.max(1, high));
  if (full >= STEP_MIN) return { step: Math.min(STEP_MAX, full), base: 0 };
  const base = Math.max(0, low - 1);
  const step = Math.floor(width / Math.max(1, high - base));
  return { step: Math.min(STEP_MAX, Math.max(1, step)), base };
}
