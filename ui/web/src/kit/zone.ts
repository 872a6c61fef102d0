/** Wall clocks of time zones, from what the browser knows of them. */

export interface Wall {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The name of the browser's own zone. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** `tz` as a zone name: nothing and "local" are the browser's, an unknown zone is UTC. */
export function zoneName(tz: string | undefined): string {
  if (tz === undefined || tz === "local") return localZone();
  return isZone(tz) ? tz : "UTC";
}

function isZone(tz: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: tz });
    return true;
  } catch {
    return false;
  }
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      calendar: "gregory",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, format);
  }
  return format;
}

/** What the clock of `zone` shows at `ms`. */
export function wallOf(ms: number, zone: string): Wall {
  const wall: Record<string, number> = {};
  for (const part of formatOf(zone).formatToParts(ms)) {
    if (part.type !== "literal") wall[part.type] = Number(part.value);
  }
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = wall;
  return { year, month, day, hour, minute, second };
}

/** Milliseconds by which the clock of `zone` is ahead of UTC at `ms`. */
export function offsetAt(ms: number, zone: string): number {
  return asUtc(wallOf(ms, zone)) - Math.floor(ms / 1000) * 1000;
}

/** When the clock of `zone` shows `wall`; days and months out of range carry over. */
export function instantOf(wall: Wall, zone: string): number {
  const utc = asUtc(wall);
  const guess = utc - offsetAt(utc, zone);
  return utc - offsetAt(guess, zone);
}

function asUtc(wall: Wall): number {
  return Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second);
}

/** `+01:00` for the offset of `zone` at `ms`; `Z` for none. */
export function offsetText(ms: number, zone: string): string {
  const minutes = Math.round(offsetAt(ms, zone) / 60_000);
  if (minutes === 0) return "Z";
  const absolute = Math.abs(minutes);
  const hours = String(Math.floor(absolute / 60)).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${hours}:${String(absolute % 60).padStart(2, "0")}`;
}

/** How a zone is called in the bar: `UTC`, `UTC+1`, `UTC−3:30`. */
export function zoneLabel(zone: string, ms: number): string {
  const minutes = Math.round(offsetAt(ms, zone) / 60_000);
  if (minutes === 0) return "UTC";
  const absolute = Math.abs(minutes);
  const rest = absolute % 60 === 0 ? "" : `:${String(absolute % 60).padStart(2, "0")}`;
  return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(absolute / 60)}${rest}`;
}
