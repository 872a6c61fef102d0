/** Ticks of time and duration axes: round places with short labels, none that touch. */
import { formatClock } from "./format";
import { offsetAt, wallOf } from "./zone";

export type Tick = {
  /** Nanoseconds after the start of a time axis; the duration itself on a duration axis. */
  at: number;
  label: string;
};

const MS = 1e6;
const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Time steps a person reads at a glance, in ns. */
const STEPS = [
  ...[1, 2, 5].flatMap((n) => [n, n * 10, n * 100]),
  ...[1, 2, 5].flatMap((n) => [n * 1e3, n * 1e4, n * 1e5]),
  ...[1, 2, 5].flatMap((n) => [n * MS, n * 10 * MS, n * 100 * MS]),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((n) => n * DAY),
].sort((a, b) => a - b);

/** Ticks over `width` ns from `start` (Unix ns), at most `most`, at round wall times of `zone`. */
export function timeTicks(start: bigint, width: number, most: number, zone: string): Tick[] {
  if (!(width > 0) || most < 1) return [];
  const step = STEPS.find((each) => width / each <= most) ?? width;
  const ticks: Tick[] = [];
  const startMs = Number(start / 1_000_000n);
  const belowMs = Number(start % 1_000_000n);
  const shift = offsetAt(startMs, zone) * MS;
  // The wall time of the start, in ns after midnight: exact, where ns since 1970 would not be.
  const wallMs = startMs + shift / MS;
  const intoDay = (((wallMs % 86_400_000) + 86_400_000) % 86_400_000) * MS + belowMs;
  const first = step < DAY ? ceilTo(intoDay, step) - intoDay : firstDay(wallMs, step, intoDay);
  for (let at = first; at <= width && ticks.length <= most; at += step) {
    const ms = startMs + Math.floor((belowMs + at) / MS);
    // A zone may change its clock on the way: days stay at midnight.
    const moved = step >= HOUR ? shift - offsetAt(ms, zone) * MS : 0;
    ticks.push({ at: at + moved, label: timeLabel(ms + moved / MS, step, intoDay + at, zone) });
  }
  return ticks.filter((tick) => tick.at >= 0 && tick.at <= width);
}

function ceilTo(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function firstDay(wallMs: number, step: number, intoDay: number): number {
  const day = Math.floor(wallMs / 86_400_000);
  const days = Math.round(step / DAY);
  const next = Math.ceil((intoDay > 0 ? day + 1 : day) / days) * days;
  return (next - day) * DAY - intoDay;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function timeLabel(ms: number, step: number, wall: number, zone: string): string {
  if (step >= DAY || Math.round(wall) % DAY === 0) {
    const { day, month } = wallOf(ms, zone);
    return `${day} ${MONTHS[month - 1]}`;
  }
  const clock = formatClock(BigInt(ms) * 1_000_000n, zone, "s");
  if (step >= MINUTE) return clock.slice(0, 5);
  if (step >= SECOND) return clock;
  const digits = step >= MS ? 3 : step >= 1e3 ? 6 : 9;
  const fraction = Math.round(((wall % SECOND) + SECOND) % SECOND);
  return `${clock.slice(6)}.${String(fraction).padStart(9, "0").slice(0, digits)}`;
}

/** Powers of ten between two durations in ns, thinned until at most `most` remain. */
export function durationTicks(low: number, high: number, most: number): Tick[] {
  const first = Math.ceil(Math.log10(Math.max(low, 1)) - 1e-9);
  const last = Math.floor(Math.log10(Math.max(high, 1)) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(most, 1)));
  const ticks: Tick[] = [];
  for (let power = first; power <= last; power += every) {
    ticks.push({ at: 10 ** power, label: decadeLabel(power) });
  }
  return ticks;
}

function decadeLabel(power: number): string {
  if (power >= 9) return `${10 ** (power - 9)} s`;
  if (power >= 6) return `${10 ** (power - 6)} ms`;
  if (power >= 3) return `${10 ** (power - 3)} µs`;
  return `${10 ** power} ns`;
}
