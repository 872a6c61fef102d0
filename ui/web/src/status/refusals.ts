import type { Rejected } from "../api/types";

/** Refusals for one reason. */
export interface Refusal {
  /** Number of the oldest that is remembered: stays while newer ones come. */
  id: string;
  newest: Rejected;
  count: number;
  /** Records refused out of requests that were stored otherwise; null when whole requests were. */
  records: number | null;
}

/** Refusals by what was wrong with what, those with the newest first. */
export function byReason(rejected: Rejected[]): Refusal[] {
  const found = new Map<string, Refusal>();
  for (const one of rejected) {
    // Figures inside of a reason do not make it another one.
    const key = [one.signal, one.transport, one.status, one.reason.replace(/\d+/g, "#")].join("\n");
    const known = found.get(key);
    if (known === undefined) {
      found.set(key, { id: String(one.id), newest: one, count: 1, records: one.records });
      continue;
    }
    known.count += 1;
    known.id = String(one.id);
    if (one.records !== null) known.records = (known.records ?? 0) + one.records;
  }
  return [...found.values()];
}

/** The list with `fresh` before it, without doubles, at most `max` long. */
export function withFresh(list: Rejected[], fresh: Rejected[], max: number): Rejected[] {
  const known = new Set(list.map(({ id }) => String(id)));
  const added = fresh.filter(({ id }) => !known.has(String(id)));
  return [...added, ...list].slice(0, max);
}
