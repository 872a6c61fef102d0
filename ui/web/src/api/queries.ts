/** What pages ask the server, as options of TanStack Query: key, function, and how old data is kept. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, type Params } from "./client";
import type {
  CompleteAnswer,
  Filtered,
  FindAnswer,
  HeatmapAnswer,
  KeysAnswer,
  Lens,
  LogAnswer,
  LogContextAnswer,
  LogFieldsAnswer,
  LogHistogramAnswer,
  LogPatternsAnswer,
  LogsAnswer,
  MetricKeysAnswer,
  MetricSeriesAnswer,
  MetricsAnswer,
  OperationsAnswer,
  QueriesAnswer,
  Range,
  RejectedAnswer,
  SchemaAnswer,
  ServicesAnswer,
  SlotsAnswer,
  SpanAnswer,
  SpansAnswer,
  Status,
  StreamBy,
  Table,
  TraceSort,
  TracesAnswer,
  ValuesAnswer,
} from "./types";

/** `GET path`: while new parameters load, the old data stays (`isPlaceholderData`). */
function asked<T>(path: string, params: object = {}) {
  return queryOptions({
    queryKey: [path, params],
    queryFn: ({ signal }) => get<T>(path, params as Params, signal),
    placeholderData: keepPreviousData,
  });
}

/** As `asked`, page by page; each page names the next in `cursor`. */
function paged<T extends { cursor: string | null }>(path: string, params: object) {
  return infiniteQueryOptions({
    queryKey: [path, params, "pages"],
    queryFn: ({ signal, pageParam }) =>
      get<T>(path, { ...(params as Params), cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: T) => page.cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export const servicesQuery = (params: Filtered) => asked<ServicesAnswer>("services", params);

export const slotsQuery = () => ({
  ...asked<SlotsAnswer>("services/slots"),
  staleTime: 60_000,
});

export const operationsQuery = (params: Filtered & { service?: string }) =>
  asked<OperationsAnswer>("operations", params);

type Search = Filtered & { sort?: TraceSort; limit?: number };

export const tracesQuery = (params: Search) => paged<TracesAnswer>("search/traces", params);
export const spansQuery = (params: Search) => paged<SpansAnswer>("search/spans", params);

export const heatmapQuery = (params: Filtered & { lens: Lens; columns?: number; rows?: number }) =>
  asked<HeatmapAnswer>("search/heatmap", params);

export const keysQuery = (params: Filtered & { table: Table; prefix?: string; limit?: number }) =>
  asked<KeysAnswer>("attributes/keys", params);

export const valuesQuery = (
  params: Filtered & {
    table: Table;
    key: string;
    level?: string;
    prefix?: string;
    limit?: number;
  },
) => asked<ValuesAnswer>("attributes/values", params);

export const completeQuery = (params: Range & { table: Table; q: string; position: number }) => ({
  ...asked<CompleteAnswer>("complete", params),
  staleTime: 30_000,
});

const trace = (id: string) => `traces/${encodeURIComponent(id)}`;

export const spanQuery = (traceId: string, row: number, spanId: string) => ({
  ...asked<SpanAnswer>(`${trace(traceId)}/spans/${row}`, { span: spanId }),
  staleTime: 60_000,
});

export const findQuery = (traceId: string, q: string) =>
  asked<FindAnswer>(`${trace(traceId)}/find`, { q });

export const traceLogsQuery = (traceId: string, limit = 1000) =>
  asked<LogsAnswer>(`${trace(traceId)}/logs`, { limit });

export const logsQuery = (
  params: Filtered & { order?: "newest" | "oldest"; limit?: number; columns?: string },
) => paged<LogsAnswer>("search/logs", params);

export const logQuery = (id: string) => ({
  ...asked<LogAnswer>(`logs/${encodeURIComponent(id)}`),
  staleTime: 60_000,
});

export const logHistogramQuery = (params: Filtered & { buckets?: number }) =>
  asked<LogHistogramAnswer>("logs/histogram", params);

export const logFieldsQuery = (params: Filtered & { limit?: number; top?: number }) =>
  asked<LogFieldsAnswer>("logs/fields", params);

export const logPatternsQuery = (
  params: Filtered & { limit?: number; buckets?: number; since?: string },
) => asked<LogPatternsAnswer>("logs/patterns", params);

export type ContextParams = {
  by?: StreamBy | undefined;
  before?: number;
  after?: number;
  q?: string;
  columns?: string;
};

export const logContextPage = (id: string, params: ContextParams, signal?: AbortSignal) =>
  get<LogContextAnswer>(`logs/${encodeURIComponent(id)}/context`, params, signal);

export const metricsQuery = (params: Range & { search?: string; limit?: number }) =>
  asked<MetricsAnswer>("metrics", params);

export const metricKeysQuery = (params: Range & { name: string }) =>
  asked<MetricKeysAnswer>("metrics/keys", params);

export const metricSeriesQuery = (
  params: Range & {
    name: string;
    type?: string;
    service?: string;
    filter?: string[];
    group?: string[];
    agg?: string;
    steps?: number;
    limit?: number;
  },
) => asked<MetricSeriesAnswer>("metrics/series", params);

export const rejectedQuery = (limit = 100) => asked<RejectedAnswer>("rejected", { limit });
export const queriesQuery = () => asked<QueriesAnswer>("queries");
export const statusQuery = () => asked<Status>("status");
export const schemaQuery = () => ({ ...asked<SchemaAnswer>("schema"), staleTime: 60_000 });
