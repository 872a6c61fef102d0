/** Shades of heatmaps: counts on a logarithmic scale of six tokens. */

export const HEAT_SHADES = 6;

/** The shade from 0 (few) to 5 (many) of `count` where `most` is the greatest; -1 for none. */
export function heatShade(count: number, most: number): number {
  if (!(count > 0)) return -1;
  if (most <= 1) return HEAT_SHADES - 1;
  const part = Math.log(count) / Math.log(most);
  return Math.max(0, Math.min(HEAT_SHADES - 1, Math.floor(part * HEAT_SHADES)));
}
