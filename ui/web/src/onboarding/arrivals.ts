/** What arrived since this page was opened, from the stream of counters. */
import type { Arrived, Source } from "../api/types";

export interface Arrival {
  service: string;
  signal: string;
  records: number;
}

/** Seconds by which a clock may be off, and a batch may be older than the page. */
const SLACK_NS = 2_000_000_000n;

/** Compares counters that only grow; the server's clock alone counts. */
export class Arrivals {
  private before = new Map<string, number>();
  private opened: bigint | null = null;
  private readonly found = new Map<string, Arrival>();

  /** `sinceOpenedMs`: how long the page is open. */
  read(arrived: Arrived, sinceOpenedMs: number): Arrival[] {
    const first = this.opened === null;
    this.opened ??=
      BigInt(arrived.time) - BigInt(Math.round(sinceOpenedMs)) * 1_000_000n - SLACK_NS;
    for (const source of arrived.sources) this.add(source, first, this.opened);
    this.before = new Map(arrived.sources.map((source) => [keyOf(source), source.records]));
    return [...this.found.values()].toSorted((a, b) => b.records - a.records);
  }

  private add(source: Source, first: boolean, opened: bigint): void {
    const key = keyOf(source);
    const recent = BigInt(source.last) >= opened;
    // Of the first message only what is recent is new, and how much of it cannot be told: all.
    const records = source.records - (first ? 0 : (this.before.get(key) ?? 0));
    if (records <= 0 || !recent) return;
    const old = this.found.get(key)?.records ?? 0;
    const { signal } = source;
    this.found.set(key, { service: source.service ?? "", signal, records: old + records });
  }
}

const keyOf = (source: Source) => `${source.signal} ${source.service}`;

const WORDS: Record<string, [string, string]> = {
  traces: ["span", "spans"],
  spans: ["span", "spans"],
  logs: ["log record", "log records"],
  metrics: ["data point", "data points"],
};

export function recordsWord(signal: string, count: number): string {
  const [one, many] = WORDS[signal] ?? ["record", "records"];
  return count === 1 ? one : many;
}
