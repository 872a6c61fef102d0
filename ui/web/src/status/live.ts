import type { Arrived, Source } from "../api/types";

export type Totals = Arrived["totals"];

/** Counts at one moment: `at` in milliseconds since 1970. */
export interface Sample {
  at: number;
  totals: Totals;
}

/** Seconds of history that the small charts show. */
export const WINDOW_SECONDS = 120;

/** The samples with `next` at their end; those older than the window are dropped, but one. */
export function withSample(samples: Sample[], next: Sample): Sample[] {
  const restarted = samples.some((sample) => sample.totals.requests > next.totals.requests);
  const kept = restarted ? [] : samples;
  const oldest = next.at - (WINDOW_SECONDS + 2) * 1000;
  return [...kept.filter((sample) => sample.at >= oldest), next];
}

/** Per second, for each of the window's whole seconds up to `now`; null before the first sample. */
export function ratesOf(samples: Sample[], key: keyof Totals, now: number): (number | null)[] {
  const end = Math.floor(now / 1000);
  const rates: (number | null)[] = new Array(WINDOW_SECONDS).fill(null);
  const [first] = samples;
  if (first === undefined) return rates;
  const firstSecond = Math.floor(first.at / 1000);
  for (let index = 0; index < WINDOW_SECONDS; index += 1) {
    // Nothing is sent while nothing arrives, so a second without a sample had no records.
    if (end - WINDOW_SECONDS + 1 + index > firstSecond) rates[index] = 0;
  }
  for (let at = 1; at < samples.length; at += 1) {
    const [before, after] = [samples[at - 1], samples[at]];
    if (before === undefined || after === undefined) continue;
    const index = Math.floor(after.at / 1000) - end + WINDOW_SECONDS - 1;
    const grown = after.totals[key] - before.totals[key];
    if (index >= 0 && index < WINDOW_SECONDS) rates[index] = (rates[index] ?? 0) + grown;
  }
  return rates;
}

/** The mean of the last `seconds` whole seconds. */
export function recentRate(rates: (number | null)[], seconds = 10): number | null {
  const recent = rates.slice(-seconds).filter((rate) => rate !== null);
  return recent.length === 0 ? null : recent.reduce((sum, rate) => sum + rate, 0) / recent.length;
}

export interface SourceRate extends Source {
  /** Records a second since the message before; null with the first message. */
  rate: number | null;
}

/** Sources with their rates between two messages, the busiest first. */
export function sourceRates(before: Arrived | null, after: Arrived, seconds: number): SourceRate[] {
  const key = (source: Source) => `${source.signal}\n${source.service ?? ""}`;
  const counts = new Map(before?.sources.map((source) => [key(source), source.records]));
  return after.sources
    .map((source) => {
      const grown = source.records - (counts.get(key(source)) ?? 0);
      return {
        ...source,
        rate: before === null || seconds <= 0 ? null : Math.max(0, grown) / seconds,
      };
    })
    .sort((a, b) => (b.rate ?? 0) - (a.rate ?? 0) || b.records - a.records);
}

/** The signals, as people call their records. */
export const SIGNALS = [
  { key: "spans", name: "Spans" },
  { key: "logs", name: "Log records" },
  { key: "metrics", name: "Metric points" },
] as const;
