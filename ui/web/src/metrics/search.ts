import { defined, type RawSearch, text, texts } from "../app/params";

/** What the address says on the metrics page, beside the context. */
export interface MetricsSearch {
  /** The metric that is open. */
  metric?: string;
  search?: string;
  agg?: string;
  group?: string[];
  filter?: string[];
}

export function metricsSearch(raw: RawSearch): MetricsSearch {
  return defined({
    metric: text(raw, "metric"),
    search: text(raw, "search"),
    agg: text(raw, "agg"),
    group: texts(raw, "group"),
    filter: texts(raw, "filter"),
  }) as MetricsSearch;
}
