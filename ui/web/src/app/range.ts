/** Time ranges: how they are written in the address, and which nanoseconds they mean. */
import { exactTime, formatClock, formatDay } from "../kit/format";
import { instantOf, wallOf } from "../kit/zone";

/** What the address says; `from` and `to` are `now`, `now-15m`, RFC 3339 or Unix ns. */
export interface RangeText {
  from: string;
  to: string;
}

/** Half-open, Unix ns. */
export interface Bounds {
  from: bigint;
  to: bigint;
}

export const DEFAULT_RANGE: RangeText = { from: "now-1h", to: "now" };

const UNITS: Record<string, number> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};
const UNIT_NAMES: Record<string, string> = { s: "s", m: "min", h: "h", d: "d", w: "weeks" };
const SECOND = 1_000_000_000n;
const RELATIVE = /^now(?:-(\d{1,6})([smhdw]))?$/;
const ABSOLUTE =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)$/;

/** The instant that `text` means at `now` (both Unix ns). */
export function instant(text: string, now: bigint): bigint | null {
  const relative = RELATIVE.exec(text);
  if (relative) {
    const [, count, unit] = relative;
    if (count === undefined || unit === undefined) return now;
    return now - BigInt(count) * BigInt(UNITS[unit] ?? 0) * SECOND;
  }
  if (/^\d{16,19}$/.test(text)) return BigInt(text);
  return rfc3339(text);
}

function rfc3339(text: string): bigint | null {
  const found = ABSOLUTE.exec(text);
  if (!found) return null;
  const [, year, month, day, hour, minute, second = "0", fraction = "", zone = "Z"] = found;
  const ms = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const sign = zone.startsWith("-") ? -1 : 1;
  const [hours = "0", minutes = "0"] = zone === "Z" ? [] : zone.slice(1).split(":");
  const offset = sign * (Number(hours) * 60 + Number(minutes)) * 60_000;
  return BigInt(ms - offset) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** The bounds of `range` at `now`; null when a side is not understood or nothing lies between. */
export function bounds(range: RangeText, now: bigint): Bounds | null {
  const from = instant(range.from, now);
  const to = instant(range.to, now);
  return from === null || to === null || from >= to ? null : { from, to };
}

export function isRelative(range: RangeText): boolean {
  return RELATIVE.test(range.from) || RELATIVE.test(range.to);
}

/** An instant as the address writes it: UTC, no digits that are zero. */
export function written(nanos: bigint): string {
  return exactTime(nanos).replace(/\.?0+Z$/, "Z");
}

export function absolute({ from, to }: Bounds): RangeText {
  return { from: written(from), to: written(to) };
}

/** The range as a person would say it: `Last 1 h`, `23 Nov 10:00 – 11:00`. */
export function described(range: RangeText, now: bigint, zone: string): string {
  const relative = RELATIVE.exec(range.from);
  if (relative?.[1] && relative[2] && range.to === "now") {
    return `Last ${relative[1]} ${UNIT_NAMES[relative[2]]}`;
  }
  const found = bounds(range, now);
  if (!found) return "Not a range";
  const today = formatDay(now, zone);
  const day = (at: bigint) => (formatDay(at, zone) === today ? "" : `${formatDay(at, zone)} `);
  const until = formatDay(found.from, zone) === formatDay(found.to, zone) ? "" : day(found.to);
  return `${day(found.from)}${clock(found.from, zone)} – ${until}${clock(found.to, zone)}`;
}

/** As few digits as the instant needs. */
function clock(nanos: bigint, zone: string): string {
  const text = formatClock(nanos, zone, "ms");
  return text.endsWith(":00.000") ? text.slice(0, 5) : text.replace(/\.000$/, "");
}

/** One length earlier or later. */
export function stepped({ from, to }: Bounds, direction: -1 | 1): Bounds {
  const length = (to - from) * BigInt(direction);
  return { from: from + length, to: to + length };
}

/** The same middle, `factor` times as long (2: out, 0.5: in). */
export function zoomed({ from, to }: Bounds, factor: number): Bounds {
  const middle = (from + to) / 2n;
  const half = BigInt(Math.max(1, Math.round((Number(to - from) * factor) / 2)));
  return { from: middle - half, to: middle + half };
}

/** Midnight of the day of `now` in `zone`, `days` later. */
export function midnight(now: bigint, zone: string, days = 0): bigint {
  const wall = wallOf(Number(now / 1_000_000n), zone);
  const at = instantOf({ ...wall, day: wall.day + days, hour: 0, minute: 0, second: 0 }, zone);
  return BigInt(at) * 1_000_000n;
}
