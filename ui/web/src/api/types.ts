/** The query API of the server, as it is on the wire. Times: Unix ns as decimal text; durations: ns. */

/** Unix nanoseconds as decimal text. */
export type Nanos = string;

/** What an answer cost; part of every answer. */
export interface Receipt {
  snapshot: number;
  files_considered: number;
  files_pruned: number;
  row_groups_considered: number;
  row_groups_pruned: number;
  buffered_rows: number;
  rows_read: number;
  bytes_read: number;
  rows_returned: number;
  bytes_spilled: number;
  plan_ms: number;
  execution_ms: number;
  complete: boolean;
  truncated: boolean;
  /** The statements behind the answer. */
  sql?: string[];
  /** What word indexes did, when words of log bodies were asked for. */
  index?: IndexUse | null;
}

/** Parts are files of logs; those beside `parts` were read as a whole. */
export interface IndexUse {
  parts: number;
  parts_skipped: number;
  rows: number;
  parts_common: number;
  parts_unindexed: number;
}

interface Answered {
  receipt: Receipt;
}

export interface Position {
  line: number;
  column: number;
  offset: number;
}

export interface ApiErrorBody {
  code: string;
  message: string;
  position?: Position | number | null;
  hint?: string | null;
}

export interface Range {
  from: Nanos;
  to: Nanos;
}

export interface Filtered extends Range {
  q?: string;
}

/* Services */

export interface Red {
  requests: number;
  errors: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface Service extends Red {
  name: string;
  /** Colour slot, the same for every viewer. */
  slot: number;
  /** Requests a second. */
  rate: number;
  spark: number[];
  spark_errors: number[];
  spark_p95: (number | null)[];
  version: string | null;
  spans: number;
  logs: number;
  previous: Red | null;
}

export interface Change {
  service: string;
  operation: string;
  metric: "p95" | "errors" | "rate";
  before: number | null;
  after: number | null;
  score: number;
}

export interface Buckets {
  start: Nanos;
  /** ns. */
  step: number;
  count: number;
}

export interface ServicesAnswer extends Answered {
  services: Service[];
  buckets: Buckets;
  changes: Change[];
  total_spans: number;
}

export interface SlotsAnswer {
  slots: Record<string, number>;
}

export type SpanKind = "unspecified" | "internal" | "server" | "client" | "producer" | "consumer";
export type SpanStatus = "unset" | "ok" | "error";

export interface Operation extends Red {
  service: string;
  name: string;
  kind: SpanKind;
}

export interface OperationsAnswer extends Answered {
  operations: Operation[];
}

/* Search */

export type TraceSort = "newest" | "oldest" | "longest" | "shortest" | "errors";
export type Lens = "traces" | "spans";

export interface TraceSummary {
  trace_id: string;
  root_service: string | null;
  root_name: string | null;
  start: Nanos;
  /** From the first start to the last end; null when no span has ended. */
  duration: number | null;
  spans: number;
  errors: number;
  services: { name: string | null; spans: number }[];
  /** Spans that match the filter. */
  matched: number;
}

interface Paged extends Answered {
  /** All matches, exact. */
  total: number;
  cursor: string | null;
  /** A statement that finds the same; not of the logs of a trace. */
  sql?: string;
}

export interface TracesAnswer extends Paged {
  traces: TraceSummary[];
}

export interface SpanSummary {
  trace_id: string;
  span_id: string;
  service: string;
  name: string;
  kind: SpanKind;
  status: SpanStatus;
  start: Nanos;
  duration: number | null;
}

export interface SpansAnswer extends Paged {
  spans: SpanSummary[];
}

export interface HeatmapAnswer extends Answered {
  lens: Lens;
  x: Buckets;
  /** Bounds of the rows, ns; one more than rows. */
  y: { edges: number[] };
  /** By row, row 0 is the fastest. */
  counts: number[];
  errors: number[];
  total: number;
}

/* Attributes and completion */

export type Table = "spans" | "logs" | "metrics";
export type AttributeLevel = "span" | "log" | "resource" | "scope" | "point";
export type AttributeType =
  | "string"
  | "int"
  | "double"
  | "bool"
  | "bytes"
  | "array"
  | "map"
  | "null";

export interface AttributeKey {
  key: string;
  level: AttributeLevel;
  types: AttributeType[];
  count: number;
}

export interface KeysAnswer extends Answered {
  keys: AttributeKey[];
  rows: number;
}

export interface ValuesAnswer extends Answered {
  /** `cut`: `value` is only the beginning of longer ones. */
  values: { value: string; cut: boolean; type: AttributeType; count: number }[];
  rows: number;
  with_key: number;
  distinct: number;
}

export interface CompletionOption {
  text: string;
  kind: "key" | "value" | "operator";
  detail?: string | null;
  count?: number | null;
}

export interface CompleteAnswer {
  /** The range of the text that an option replaces. */
  from: number;
  to: number;
  options: CompletionOption[];
}

/* One trace */

export interface Attr {
  key: string;
  type: AttributeType;
  /** Text; JSON for arrays and maps, base64 for bytes. */
  value: string;
}

export interface Scope {
  name: string;
  version: string;
  schema_url: string;
}

export interface SpanEvent {
  time: Nanos;
  name: string;
  attributes: Attr[];
  dropped: number;
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  trace_state: string;
  flags: number;
  attributes: Attr[];
  dropped: number;
}

export interface Span {
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  trace_state: string;
  flags: number;
  name: string;
  kind: SpanKind;
  start: Nanos;
  end: Nanos | null;
  duration: number | null;
  status: SpanStatus;
  status_message: string;
  service: string;
  scope: Scope;
  resource_schema_url: string;
  dropped: Record<string, number>;
  attributes: Attr[];
  resource_attributes: Attr[];
  scope_attributes: Attr[];
  events: SpanEvent[];
  links: SpanLink[];
  received_at: Nanos;
}

export interface Percentile {
  /** 0 to 100: this duration among those of its operation at that time. */
  value: number;
  p50: number;
  p95: number;
  count: number;
}

export interface SpanAnswer extends Answered {
  span: Span;
  percentile: Percentile | null;
}

export interface FindAnswer {
  /** Rows in the order of the skeleton. */
  rows: number[];
  total: number;
}

/* Logs */

export type Level = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "unset";

export interface LogSummary {
  id: string;
  time: Nanos;
  observed: Nanos | null;
  severity_number: number;
  severity_text: string | null;
  /** By the number, or by the text where there is no number. */
  level: Level;
  service: string;
  /** The first 4096 characters. */
  body: string | null;
  body_bytes: number;
  event_name: string | null;
  trace_id: string | null;
  span_id: string | null;
  attributes_count: number;
  scope: string | null;
  /** Of the columns that were asked for, in their order; cut at 1024 characters. */
  columns?: (string | null)[];
}

export interface LogsAnswer extends Paged {
  logs: LogSummary[];
}

export interface Log extends LogSummary {
  /** JSON text of a body that is no string. */
  body_json: string | null;
  attributes: Attr[];
  resource_attributes: Attr[];
  scope_attributes: Attr[];
  flags: number;
  dropped: Record<string, number> | number;
  received_at: Nanos;
}

export interface LogAnswer extends Answered {
  log: Log;
}

export interface LogHistogramAnswer extends Answered, Buckets {
  series: { level: Level; counts: number[] }[];
  total: number;
}

export interface FieldValue {
  value: string;
  /** `value` is only the beginning of longer ones. */
  cut: boolean;
  count: number;
  /** Filter terms; null where the value is cut. */
  keep: string | null;
  drop: string | null;
}

export interface LogField {
  /** As a filter has it. */
  key: string;
  level: AttributeLevel | "field";
  type: string;
  /** Records that have it. */
  present: number;
  distinct: number;
  distinct_exact: boolean;
  top: FieldValue[];
  /** Otherwise counts are lower bounds. */
  top_exact: boolean;
}

export interface LogFieldsAnswer extends Answered {
  /** Records that match. */
  total: number;
  fields: LogField[];
  /** Fields in all. */
  fields_count: number;
  /** Whether all keys were counted. */
  complete: boolean;
}

export type StreamBy = "instance" | "service" | "pod" | "host" | "file" | "all";

export interface LogContextAnswer extends Answered {
  log: LogSummary;
  /** Both oldest first. */
  before: LogSummary[];
  after: LogSummary[];
  more_before: boolean;
  more_after: boolean;
  by: StreamBy;
  /** What the neighbours share. */
  stream: { key: string; value: string; q: string }[];
  /** What this record could be shown by. */
  choices: StreamBy[];
}

export interface LogPattern {
  id: string;
  /** Varying words are `<*>`. */
  pattern: string;
  count: number;
  /** Of the records read, 0 to 1. */
  share: number;
  first: Nanos;
  last: Nanos;
  /** null when nothing was said of since when. */
  new: boolean | null;
  levels: Partial<Record<Level, number>>;
  services: { value: string; count: number }[];
  trend: number[];
  /** Its last record; null when it is gone. */
  sample: LogSummary | null;
  /** A filter that finds its records, maybe some more. */
  q: string | null;
}

export interface LogPatternsAnswer extends Answered {
  patterns: LogPattern[];
  /** In all. */
  patterns_count: number;
  /** Records that were clustered, of `total` that match. */
  read: number;
  total: number;
  complete: boolean;
  buckets: { from: Nanos; to: Nanos; step_ns: number };
  /** Records in patterns that are not listed. */
  others: number;
}

/** Totals since the stream began. */
export interface TailTotals {
  matched: number;
  shown: number;
  /** Because of the rate, or because this client reads too slowly. */
  dropped: number;
  /** Not looked at: more came than the server could filter. */
  unread: number;
}

/* Metrics */

export type MetricType = "gauge" | "sum" | "histogram" | "exponential_histogram" | "summary";

export interface Metric {
  name: string;
  type: MetricType;
  unit: string | null;
  description: string | null;
  temporality: string | null;
  monotonic: boolean | null;
  series: number;
  points: number;
  services: string[];
  last: Nanos;
}

export interface MetricsAnswer extends Answered {
  metrics: Metric[];
}

export interface MetricKeysAnswer {
  keys: {
    key: string;
    level: AttributeLevel;
    values_count: number;
    top: { value: string; count: number }[];
  }[];
}

export type Aggregation =
  | "auto"
  | "avg"
  | "sum"
  | "min"
  | "max"
  | "rate"
  | "increase"
  | "p50"
  | "p95"
  | "p99"
  | "count";

export interface Series {
  /** By key; null where the points have not got it. */
  labels: Record<string, string | null>;
  values: (number | null)[];
}

export interface Exemplar {
  time: Nanos;
  value: number | null;
  trace_id: string;
  span_id: string | null;
}

export interface MetricSeriesAnswer extends Answered, Buckets {
  name: string;
  /** null when there is no such metric in the range. */
  type: MetricType | null;
  unit: string | null;
  temporality: string | null;
  monotonic: boolean | null;
  agg: Aggregation;
  series: Series[];
  series_total: number;
  /** Rows of counts, the lowest first; the outer edges are null where a row has no end. */
  heatmap: { edges: (number | null)[]; counts: number[] } | null;
  exemplars: Exemplar[];
}

/* What arrives, what is refused, how the server is doing */

export type Signal = "traces" | "logs" | "metrics";

export interface Source {
  service: string | null;
  signal: string;
  records: number;
  requests: number;
  last: Nanos;
}

export interface Totals {
  spans: number;
  logs: number;
  metrics: number;
  requests: number;
  rejected: number;
  duplicates: number;
  bytes: number;
}

/** Figures since the server's start. */
export interface Arrived {
  time: Nanos;
  sources: Source[];
  totals: Totals;
}

export interface Rejected {
  id: string | number;
  time: Nanos;
  signal: string;
  transport: string;
  peer: string | null;
  status: string;
  reason: string;
  records: number | null;
  content_type: string;
  encoding: string;
  bytes: number;
  sample: string;
  sample_kind: "text" | "hex";
}

export interface RejectedAnswer {
  rejected: Rejected[];
  total: number;
}

export interface RunningQuery {
  id: string;
  sql: string;
  started: Nanos;
  state: "waiting" | "running";
  rows_read: number;
  bytes_read: number;
  files_done: number;
  files_total: number;
  elapsed_ms: number;
}

export interface QueriesAnswer {
  queries: RunningQuery[];
}

export interface Column {
  name: string;
  type: string;
}

export interface SchemaAnswer {
  tables: { name: string; columns: Column[] }[];
}

export interface TableStatus {
  name: string;
  parts: number;
  rows: number;
  bytes: number;
  oldest: Nanos | null;
  newest: Nanos | null;
}

export interface StoreStats {
  parts: number;
  part_rows: number;
  part_bytes: number;
  buffer_rows: number;
  buffer_bytes: number;
  wal_bytes: number;
  wal_position: number;
  flushed_position: number;
  snapshot_id: number;
  dedup_entries: number;
  disk_free_bytes: number;
  refusing: string | null;
}

export interface Status {
  version: string;
  uptime_seconds: number;
  ready: boolean;
  reason: string | null;
  otlp_grpc: string;
  otlp_http: string;
  http: string;
  store?: StoreStats | null;
  ingest?: {
    requests: number;
    records: Record<string, number>;
    rejected: number;
    duplicates: number;
    bytes: number;
  } | null;
  tables?: TableStatus[];
  wal?: Record<string, unknown> | null;
  process?: { rss_bytes: number | null; cpu_seconds: number | null; threads: number | null } | null;
  queries_running?: number;
  data_dir?: string;
  settings?: Record<string, unknown>;
}
