import { defined, flag, oneOf, type RawSearch, text, texts } from "../app/params";
import { AGGREGATIONS } from "./series";

export const METRIC_VIEWS = ["grid", "list"] as const;
export type MetricView = (typeof METRIC_VIEWS)[number];

/** What the address says on the metrics page, beside the context. */
export interface MetricsSearch {
  /** The metric that is open. */
  metric?: string;
  search?: string;
  /** Only metrics of this type. */
  type?: string;
  /** Column of the list; with `-` before it, descending. */
  sort?: string;
  view?: MetricView;
  agg?: (typeof AGGREGATIONS)[number];
  /** Keys of labels, one series for each of their values. */
  group?: string[];
  /** `key=value`, all of which must hold. */
  filter?: string[];
  /** Logarithmic axis. */
  log?: true;
}

export function metricsSearch(raw: RawSearch): MetricsSearch {
  return defined({
    metric: text(raw, "metric"),
    search: text(raw, "search"),
    type: text(raw, "type"),
    sort: text(raw, "sort"),
    view: oneOf(raw, "view", METRIC_VIEWS),
    agg: oneOf(raw, "agg", AGGREGATIONS),
    group: texts(raw, "group"),
    filter: texts(raw, "filter"),
    log: flag(raw, "log"),
  }) as MetricsSearch;
}
