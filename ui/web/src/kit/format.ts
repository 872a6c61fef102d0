/** Numbers, durations, sizes and times as people read them. */
import { offsetText, wallOf } from "./zone";

/** Narrow space that does not break: between groups of digits. */
const GROUP = "\u202f";
/** Space between a number and its unit. */
const UNIT = "\u00a0";

/** At most three significant digits, without trailing zeros after the point. */
export function significant(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const text = value.toFixed(Math.min(digits, 12));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Exactly three significant digits where there is a point: `1.20`, so that columns align. */
function three(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 2));
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, GROUP);
}

/** A whole number with its digits in groups: `48 312`. */
export function formatCount(value: number | bigint): string {
  const text = typeof value === "bigint" ? value.toString() : String(Math.round(value));
  return text.startsWith("-") ? `−${grouped(text.slice(1))}` : grouped(text);
}

/** A count in few characters: `48 312`, `1.2 M`. */
export function formatCompact(value: number): string {
  const size = Math.abs(value);
  if (size < 100_000) return formatCount(value);
  const [limit, unit] = size < 1e6 ? [1e3, "k"] : size < 1e9 ? [1e6, "M"] : [1e9, "G"];
  return `${significant(value / limit)}${UNIT}${unit}`;
}

/** Events a second: `1 204`, `3.1`, `0.02`. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0";
  if (Math.abs(perSecond) >= 1000) return formatCompact(perSecond);
  return Math.abs(perSecond) < 0.001 ? "< 0.001" : significant(perSecond);
}

/** A share from 0 to 1: `3.1 %`. */
export function formatPercent(share: number): string {
  const percent = share * 100;
  if (percent === 0) return `0${UNIT}%`;
  if (Math.abs(percent) < 0.01) return `< 0.01${UNIT}%`;
  if (percent < 100 && percent > 99.95) return `99.9${UNIT}%`;
  const digits = Math.abs(percent) >= 10 ? percent.toFixed(1) : percent.toPrecision(2);
  return `${Number(digits)}${UNIT}%`;
}

/** `4.2 MB`: powers of 1000. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)}${UNIT}B`;
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${significant(value)}${UNIT}${units[unit]}`;
}

const SMALL: [number, string][] = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
];
const LARGE: [number, string, number, string][] = [
  [86_400e9, "d", 3600e9, "h"],
  [3600e9, "h", 60e9, "min"],
  [60e9, "min", 1e9, "s"],
];

/** A duration in ns with at most three significant digits and a unit: `1.24 s`, `380 µs`. */
export function formatDuration(nanos: number | bigint | null | undefined): string {
  if (nanos === null || nanos === undefined) return "–";
  const value = Number(nanos);
  if (!Number.isFinite(value)) return "–";
  if (value < 0) return `−${formatDuration(-value)}`;
  if (value < 999.5) return `${Math.round(value)}${UNIT}ns`;
  for (const [size, unit] of SMALL.toReversed()) {
    if (value < size * 999.5 && !(unit === "s")) return `${three(value / size)}${UNIT}${unit}`;
  }
  if (value < 99.95e9) return `${three(value / 1e9)}${UNIT}s`;
  for (const [size, unit, smallSize, small] of LARGE) {
    if (value < size) continue;
    const rest = Math.floor((value % size) / smallSize);
    const whole = `${formatCount(Math.floor(value / size))}${UNIT}${unit}`;
    return rest === 0 ? whole : `${whole} ${rest}${UNIT}${small}`;
  }
  return `${three(value / 1e9)}${UNIT}s`;
}

/** Every nanosecond: `1 240 000 000 ns`. */
export function exactDuration(nanos: number | bigint | null | undefined): string {
  if (nanos === null || nanos === undefined || Number.isNaN(Number(nanos))) return "no end time";
  return `${formatCount(nanos)}${UNIT}ns`;
}

export type Digits = "s" | "ms" | "us" | "ns";
const DIGITS: Record<Digits, number> = { s: 0, ms: 3, us: 6, ns: 9 };

function split(nanos: string | bigint): { ms: number; fraction: string } {
  const value = BigInt(nanos);
  const fraction = ((value % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = (value - fraction) / 1_000_000_000n;
  return { ms: Number(seconds) * 1000, fraction: fraction.toString().padStart(9, "0") };
}

const two = (value: number) => String(value).padStart(2, "0");

/** `13:42:07.114` in `zone`. */
export function formatClock(nanos: string | bigint, zone: string, digits: Digits = "ms"): string {
  const { ms, fraction } = split(nanos);
  const wall = wallOf(ms, zone);
  const clock = `${two(wall.hour)}:${two(wall.minute)}:${two(wall.second)}`;
  return digits === "s" ? clock : `${clock}.${fraction.slice(0, DIGITS[digits])}`;
}

/** `2026-11-23` in `zone`. */
export function formatDay(nanos: string | bigint, zone: string): string {
  const wall = wallOf(split(nanos).ms, zone);
  return `${String(wall.year).padStart(4, "0")}-${two(wall.month)}-${two(wall.day)}`;
}

/** `2026-11-23 13:42:07.114` in `zone`. */
export function formatTime(nanos: string | bigint, zone: string, digits: Digits = "ms"): string {
  return `${formatDay(nanos, zone)} ${formatClock(nanos, zone, digits)}`;
}

/** RFC 3339 with every nanosecond and the zone's offset. */
export function exactTime(nanos: string | bigint, zone = "UTC"): string {
  const offset = offsetText(split(nanos).ms, zone);
  return `${formatDay(nanos, zone)}T${formatClock(nanos, zone, "ns")}${offset}`;
}

/** How long before `now` (both ns): `now`, `12 s ago`, `3 h ago`. */
export function formatAgo(nanos: string | bigint, now: bigint): string {
  const seconds = Number(now - BigInt(nanos)) / 1e9;
  if (seconds < 1) return seconds < -1 ? "in the future" : "now";
  if (seconds < 60) return `${Math.floor(seconds)}${UNIT}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${UNIT}min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}${UNIT}h ago`;
  return `${formatCount(Math.floor(seconds / 86_400))}${UNIT}d ago`;
}

/** `1 span`, `2 spans`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Control and direction characters made visible, so that hostile text cannot rearrange a row. */
export function visible(value: string): string {
  return value.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/g,
    (char) => {
      const code = char.charCodeAt(0);
      if (char === "\n") return "↵";
      if (char === "\t") return "⇥";
      if (code < 0x20) return String.fromCharCode(0x2400 + code);
      if (code === 0x7f) return "␡";
      return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
    },
  );
}

/** As `visible`, but line ends and tabs stay what they are: for text of several lines. */
export function visibleLines(value: string): string {
  return value.replace(/[^\n\t]+/g, visible);
}
