/** How the rows of a list of records are laid out; the same in the list, the tail and the context. */
import type { Column } from "./columns";

export type Digits = "ms" | "ns";

export type RowLayout = {
  /** Height of a row in pixels. */
  row: 24 | 28;
  wrap: boolean;
  digits: Digits;
  /** Whether times are shown with their day. */
  days: boolean;
  zone: string;
  columns: readonly Column[];
};

const TIME: Record<Digits, number> = { ms: 92, ns: 136 };
const DAY = 80;
const SERVICE = { least: 96, most: 150 };
const BODY = 280;
const GAP = 8;
/** Expander, level, and the space at both ends. */
const FIXED = 20 + 52 + 20;

/** The columns of the grid, and the width below which the list scrolls sideways. */
export function gridOf({ digits, days, columns }: RowLayout): { template: string; width: number } {
  const time = TIME[digits] + (days ? DAY : 0);
  const chosen = columns.map(({ width }) => `${width}px`);
  const template = [
    "20px",
    `${time}px`,
    "52px",
    `minmax(${SERVICE.least}px, ${SERVICE.most}px)`,
    ...chosen,
    `minmax(${BODY}px, 1fr)`,
  ].join(" ");
  const wide = columns.reduce((sum, { width }) => sum + width, 0);
  const gaps = GAP * (4 + columns.length);
  return { template, width: FIXED + time + SERVICE.least + wide + BODY + gaps };
}
