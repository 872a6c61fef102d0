/** The time axis: a view [from, to) of ns after the trace's start, its ticks, zooming and panning. */

export interface View {
  readonly from: number;
  readonly to: number;
}

const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** No view is narrower: bars of 1 ns are then 10 % of the width. */
export const VIEW_NS_MIN = 10;

/** A step near `rough` ns that reads well: 1, 2, 5 times a power of ten; 15 or 30 s, min and so on. */
export function tickStep(rough: number): number {
  if (rough > 20 * SECOND) {
    const steps = [
      30 * SECOND,
      MINUTE,
      2 * MINUTE,
      5 * MINUTE,
      10 * MINUTE,
      15 * MINUTE,
      30 * MINUTE,
      HOUR,
      2 * HOUR,
      6 * HOUR,
      12 * HOUR,
      24 * HOUR,
    ];
    const found = steps.find((step) => step >= rough);
    if (found) return found;
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
  const digit = rough / power;
  return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

export function ticks(view: View, count: number): { step: number; at: number[] } {
  const step = tickStep((view.to - view.from) / Math.max(1, count));
  const at: number[] = [];
  for (let i = Math.ceil(view.from / step); i * step <= view.to; i++) at.push(i * step);
  return { step, at };
}

/** `1.25 s`: as many digits as the step between two ticks needs. */
export function tickLabel(value: number, step: number): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  if (magnitude >= MINUTE && step >= SECOND) return clock(value);
  const [unit, name]: [number, string] =
    magnitude >= SECOND
      ? [SECOND, "s"]
      : magnitude >= 1e6
        ? [1e6, "ms"]
        : magnitude >= 1e3
          ? [1e3, "µs"]
          : [1, "ns"];
  const digits = Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
  return `${(value / unit).toFixed(digits)} ${name}`;
}

function clock(value: number): string {
  const seconds = Math.round(value / SECOND);
  const parts = [
    [Math.floor(seconds / 3600), "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

/** Scales the view by `factor` around `anchor` (< 1 zooms in), kept inside `bounds`. */
export function zoomBy(view: View, bounds: View, factor: number, anchor: number): View {
  const width = Math.max(VIEW_NS_MIN, (view.to - view.from) * factor);
  const share = (anchor - view.from) / Math.max(VIEW_NS_MIN, view.to - view.from);
  return within({ from: anchor - share * width, to: anchor + (1 - share) * width }, bounds);
}

export function panBy(view: View, bounds: View, delta: number): View {
  return within({ from: view.from + delta, to: view.to + delta }, bounds);
}

/** The view of the same width that lies inside `bounds`. */
export function within(view: View, bounds: View): View {
  const room = bounds.to - bounds.from;
  const width = Math.max(Math.min(VIEW_NS_MIN, room), Math.min(view.to - view.from, room));
  const from = Math.min(Math.max(view.from, bounds.from), bounds.to - width);
  return { from, to: from + width };
}

export function sameView(a: View, b: View): boolean {
  return a.from === b.from && a.to === b.to;
}

/** A view as URL text: `1500000-2000000`. */
export function viewText(view: View): string {
  return `${Math.round(view.from)}-${Math.round(view.to)}`;
}

export function parseView(text: string | undefined, bounds: View): View | null {
  const match = /^(-?\d{1,18})-(-?\d{1,18})$/.exec(text ?? "");
  if (!match) return null;
  const view = { from: Number(match[1]), to: Number(match[2]) };
  return view.to > view.from ? within(view, bounds) : null;
}
