/** A statement that was run here, newest first in the list. */
export interface Ran {
  sql: string;
  /** Milliseconds since 1970. */
  at: number;
  elapsedMs: number;
  rows: number;
  outcome: "ok" | "failed" | "stopped";
}

const KEPT_MAX = 200;
const BYTES_MAX = 512 * 1024;

/** The list with `ran` at its head; an older run of the same text is dropped. */
export function remember(list: Ran[], ran: Ran): Ran[] {
  const kept = [ran, ...list.filter((other) => other.sql !== ran.sql)].slice(0, KEPT_MAX);
  let bytes = 0;
  return kept.filter((each) => {
    bytes += each.sql.length;
    return bytes <= BYTES_MAX;
  });
}

export function forget(list: Ran[], sql: string): Ran[] {
  return list.filter((each) => each.sql !== sql);
}

/** The runs whose text has every word of `words`, in any case. */
export function findRuns(list: Ran[], words: string): Ran[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return list.filter(({ sql }) => {
    const text = sql.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

function isRan(value: unknown): value is Ran {
  const ran = value as Partial<Ran> | null;
  return typeof ran?.sql === "string" && typeof ran.at === "number";
}

/** What storage held, or nothing when it is not ours. */
export function parseHistory(saved: unknown): Ran[] {
  return Array.isArray(saved) ? saved.filter(isRan) : [];
}
