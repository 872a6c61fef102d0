import type { Metric } from "../api/types";

export type MetricSort = "name" | "type" | "unit" | "services" | "series" | "points" | "last";

/** A metric with its words in lower case, so that a search over ten thousand is a scan. */
export interface Entry {
  metric: Metric;
  name: string;
  text: string;
}

export function indexed(metrics: Metric[]): Entry[] {
  return metrics.map((metric) => {
    const { name, description, unit, services, type } = metric;
    const text = [name, description ?? "", unit ?? "", type.replace("_", " "), ...services].join(
      "\n",
    );
    return { metric, name: name.toLowerCase(), text: text.toLowerCase() };
  });
}

/** How well `entry` answers the words; less is better, null is not at all. */
function rank(entry: Entry, words: string[]): number | null {
  let worst = 0;
  for (const word of words) {
    if (!entry.text.includes(word)) return null;
    const at = entry.name.indexOf(word);
    worst += at === 0 ? 0 : at > 0 ? 1 : 2;
  }
  return worst;
}

export interface Filter {
  search: string;
  type: string;
  sort: MetricSort;
  descending: boolean;
}

function compareBy(sort: MetricSort): (a: Metric, b: Metric) => number {
  switch (sort) {
    case "series":
    case "points":
      return (a, b) => a[sort] - b[sort];
    case "services":
      return (a, b) => a.services.length - b.services.length;
    case "last":
      // Decimal nanoseconds of one length order as text.
      return (a, b) => a.last.length - b.last.length || (a.last < b.last ? -1 : 1);
    default:
      return (a, b) => {
        const [x, y] = [a[sort] ?? "", b[sort] ?? ""];
        return x < y ? -1 : x > y ? 1 : 0;
      };
  }
}

/** The metrics to show; while searching by name, the best match comes first. */
export function chosen(entries: Entry[], filter: Filter): Metric[] {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found: { metric: Metric; rank: number }[] = [];
  for (const entry of entries) {
    if (filter.type !== "" && entry.metric.type !== filter.type) continue;
    const ranked = rank(entry, words);
    if (ranked !== null) found.push({ metric: entry.metric, rank: ranked });
  }
  const compare = compareBy(filter.sort);
  const turn = filter.descending ? -1 : 1;
  const byRank = filter.sort === "name" && !filter.descending;
  found.sort(
    (a, b) =>
      (byRank ? a.rank - b.rank : 0) ||
      turn * compare(a.metric, b.metric) ||
      (a.metric.name < b.metric.name ? -1 : 1),
  );
  return found.map(({ metric }) => metric);
}

/** How many metrics there are of each type, the most first. */
export function typeCounts(metrics: Metric[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { type } of metrics) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
