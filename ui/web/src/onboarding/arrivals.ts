/** What arrived since this page was opened, from the stream of counters. */
import type { Arrived, Source } from "../api/types";

export interface Arrival {
  service: string;
  signal: string;
  records: number;
}

/** Compares counters that only grow, until the server starts anew. */
export class Arrivals {
  private before: Map<string, number> | null;
  private readonly found = new Map<string, Arrival>();

  /** `empty`: the store was known to be empty, so whatever the first message tells of is new. */
  constructor(empty: boolean) {
    this.before = empty ? new Map() : null;
  }

  read(arrived: Arrived): Arrival[] {
    const { before } = this;
    if (before)
      for (const source of arrived.sources) this.add(source, before.get(keyOf(source)) ?? 0);
    this.before = new Map(arrived.sources.map((source) => [keyOf(source), source.records]));
    return [...this.found.values()].toSorted((a, b) => b.records - a.records);
  }

  private add(source: Source, before: number): void {
    const restarted = source.records < before;
    const records = source.records - (restarted ? 0 : before);
    if (records === 0) return;
    const key = keyOf(source);
    const old = this.found.get(key)?.records ?? 0;
    const { signal } = source;
    this.found.set(key, { service: source.service ?? "", signal, records: old + records });
  }
}

const keyOf = (source: Source) => `${source.signal} ${source.service}`;

const WORDS: Record<string, [string, string]> = {
  traces: ["span", "spans"],
  logs: ["log record", "log records"],
  metrics: ["data point", "data points"],
};

export function recordsWord(signal: string, count: number): string {
  const [one, many] = WORDS[signal] ?? ["record", "records"];
  return count === 1 ? one : many;
}
