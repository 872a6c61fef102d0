/** Time ranges as people type or paste them: `yesterday 14:00`, `last 90m`, `10:00 to 11:00`. */
import { instantOf, type Wall, wallOf } from "../kit/zone";
import { bounds, instant, midnight, type RangeText, written } from "./range";

const MS = 1_000_000n;
const HOUR = 3_600_000_000_000n;

const WORDS: Record<string, string> = {
  s: "s",
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  m: "m",
  min: "m",
  mins: "m",
  minute: "m",
  minutes: "m",
  h: "h",
  hr: "h",
  hrs: "h",
  hour: "h",
  hours: "h",
  d: "d",
  day: "d",
  days: "d",
  w: "w",
  week: "w",
  weeks: "w",
};

const DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** The range that `typed` means, for the address; null when it is not understood. */
export function parseRange(typed: string, now: bigint, zone: string): RangeText | null {
  const text = typed.trim().replace(/\s+/g, " ");
  const range = pasted(text) ?? relative(text) ?? between(text, now, zone);
  return range && bounds(range, now) ? range : null;
}

/** A range copied here or from an address: `{"from":…,"to":…}`, `…?from=…&to=…`. */
function pasted(text: string): RangeText | null {
  if (text.startsWith("{")) {
    try {
      const { from, to } = JSON.parse(text) as Record<string, unknown>;
      return from && to ? { from: canonical(String(from)), to: canonical(String(to)) } : null;
    } catch {
      return null;
    }
  }
  const query = /\?(.+)$/.exec(text)?.[1];
  if (!query) return null;
  const search = new URLSearchParams(query);
  const from = search.get("from");
  return from ? { from: canonical(from), to: canonical(search.get("to") ?? "now") } : null;
}

function canonical(text: string): string {
  if (text.startsWith("now")) return text;
  const nanos = unix(text) ?? instant(text, 0n);
  return nanos === null ? text : written(nanos);
}

/** `last 90m`, `past 2 hours`, `15 min`, `last week`, `now-2h`. */
function relative(text: string): RangeText | null {
  if (/^now-\d+[smhdw]$/.test(text)) return { from: text, to: "now" };
  const found = /^(?:last|past|previous)? ?(\d{1,6})? ?([a-z]+)(?: ago)?$/i.exec(text);
  const unit = WORDS[found?.[2]?.toLowerCase() ?? ""];
  if (!found || !unit || (found[1] === undefined && !/^(last|past|previous)/i.test(text)))
    return null;
  return { from: `now-${found[1] ?? 1}${unit}`, to: "now" };
}

/** One side of a range: when it begins, and when it ends if nothing else is said. */
interface Side {
  from: string;
  to: string;
  /** The day it is on, for a clock alone on the other side. */
  day: Wall | null;
}

function between(text: string, now: bigint, zone: string): RangeText | null {
  const since = /^(?:since|from) (.+)$/i.exec(text)?.[1];
  const [left, right] = halves(since ?? text);
  const from = side(left, now, zone, null);
  if (!from) return null;
  if (right === undefined) return { from: from.from, to: since ? "now" : from.to };
  const to = side(right, now, zone, from.day);
  if (!to) return null;
  const whole = !/:|now|\d[ap]m|^\d{10,19}$/i.test(right);
  return { from: from.from, to: whole ? to.to : to.from };
}

function halves(text: string): [string, string | undefined] {
  const words = / (?:to|until|till|and|–|—|-|->|→|\.\.) /i.exec(text);
  if (words) return [text.slice(0, words.index), text.slice(words.index + words[0].length)];
  const clocks = /^(.*\d{1,2}:\d\d(?::\d\d)?) ?[-–] ?(\d{1,2}:\d\d(?::\d\d)?)$/.exec(text);
  if (clocks?.[1] && clocks[2]) return [clocks[1], clocks[2]];
  return [text, undefined];
}

function side(text: string, now: bigint, zone: string, day: Wall | null): Side | null {
  const found = instant(text, now);
  if (text.startsWith("now") && found !== null) return { from: text, to: "now", day: null };
  const exact = unix(text) ?? found;
  if (exact !== null) return hour(exact, zone);
  const words = text.split(/ |T(?=\d)/);
  const clock = clockOf(words.at(-1) ?? "");
  const rest = (clock ? words.slice(0, -1) : words)
    .join(" ")
    .replace(/,$|\bat$/g, "")
    .trim();
  const today = wallAt(now, zone);
  const date = rest === "" && clock ? (day ?? today) : dayOf(rest, now, zone);
  if (!date) return null;
  if (!clock) return wholeDay(date, zone);
  const at = BigInt(instantOf({ ...date, ...clock.wall }, zone)) * MS + clock.nanos;
  return hour(at, zone);
}

/** From an instant on for an hour. */
function hour(at: bigint, zone: string): Side {
  return { from: written(at), to: written(at + HOUR), day: wallAt(at, zone) };
}

function wholeDay(date: Wall, zone: string): Side {
  const start = BigInt(instantOf({ ...date, hour: 0, minute: 0, second: 0 }, zone)) * MS;
  const end = instantOf({ ...date, day: date.day + 1, hour: 0, minute: 0, second: 0 }, zone);
  return { from: written(start), to: written(BigInt(end) * MS), day: date };
}

const wallAt = (nanos: bigint, zone: string) => wallOf(Number(nanos / MS), zone);

/** Unix seconds, milliseconds, microseconds or nanoseconds, told apart by their digits. */
function unix(text: string): bigint | null {
  if (!/^(\d{10}|\d{13}|\d{16}|\d{19})$/.test(text)) return null;
  return BigInt(text.padEnd(19, "0"));
}

interface ClockTime {
  wall: { hour: number; minute: number; second: number };
  nanos: bigint;
}

/** `14:00`, `14:00:05.25`, `2pm`, `2:30pm`, `noon`. */
function clockOf(word: string): ClockTime | null {
  if (word.toLowerCase() === "noon") {
    return { wall: { hour: 12, minute: 0, second: 0 }, nanos: 0n };
  }
  const found = /^(\d{1,2})(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(am|pm)?$/i.exec(word);
  if (!found || (found[2] === undefined && found[5] === undefined)) return null;
  const half = found[5]?.toLowerCase();
  const twelve = Number(found[1]);
  const hour = half ? (twelve % 12) + (half === "pm" ? 12 : 0) : twelve;
  const minute = Number(found[2] ?? 0);
  const second = Number(found[3] ?? 0);
  if (hour > 24 || minute > 59 || second > 59) return null;
  return { wall: { hour, minute, second }, nanos: BigInt((found[4] ?? "").padEnd(9, "0")) };
}

/** `today`, `yesterday`, `monday`, `2026-11-23`, `23 Nov`, `Nov 23 2026`. */
function dayOf(text: string, now: bigint, zone: string): Wall | null {
  const today = wallAt(midnight(now, zone), zone);
  const word = text.toLowerCase();
  if (word === "today") return today;
  if (word === "yesterday") return { ...today, day: today.day - 1 };
  const weekday = DAYS.findIndex((day) => day === word || day.slice(0, 3) === word);
  if (weekday >= 0) {
    const current = new Date(Date.UTC(today.year, today.month - 1, today.day)).getUTCDay();
    return { ...today, day: today.day - ((current - weekday + 7) % 7) };
  }
  const iso = /^(\d{4})-(\d\d?)-(\d\d?)$/.exec(text);
  if (iso) return dated(today, Number(iso[1]), Number(iso[2]), Number(iso[3]));
  const named = /^(?:(\d{1,2})\.? )?([a-z]{3,9})\.?(?: (\d{1,2}))?(?:,? (\d{4}))?$/i.exec(text);
  const month = MONTHS.findIndex((name) => named?.[2]?.toLowerCase().startsWith(name)) + 1;
  const day = Number(named?.[1] ?? named?.[3]);
  if (!named || month === 0 || !day) return null;
  const ahead = month > today.month || (month === today.month && day > today.day);
  return dated(today, Number(named[4] ?? today.year - (ahead ? 1 : 0)), month, day);
}

function dated(base: Wall, year: number, month: number, day: number): Wall | null {
  if (month < 1 || month > 12 || day < 1 || day > 31) return null;
  return { ...base, year, month, day };
}
