import type { RangeText } from "../app/range";

const UNITS: Record<string, string> = { s: "second", m: "minute", h: "hour", d: "day", w: "week" };

function side(text: string): string {
  const relative = /^now(?:-(\d+)([smhdw]))?$/.exec(text);
  if (relative === null) return `TIMESTAMP '${literal(text)}'`;
  const [, count, unit] = relative;
  return count === undefined
    ? "now()"
    : `now() - INTERVAL '${count} ${UNITS[unit ?? "h"]}${count === "1" ? "" : "s"}'`;
}

/** Unix ns as RFC 3339; other text is that already. */
function literal(text: string): string {
  if (!/^\d{16,19}$/.test(text)) return text.replaceAll("'", "''");
  const seconds = new Date(Number(text.slice(0, -9)) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${text.slice(-9)}Z`;
}

/** The page's time range as a condition on `column`. */
export function timeCondition(column: string, range: RangeText): string {
  const from = `${column} >= ${side(range.from)}`;
  return range.to === "now" ? from : `${from} AND ${column} < ${side(range.to)}`;
}

export interface Starter {
  title: string;
  detail: string;
  sql: string;
}

/** Statements to begin with, over the page's time range. */
export function starters(range: RangeText): Starter[] {
  const span = timeCondition("start_time", range);
  const log = timeCondition("timestamp", range);
  const point = timeCondition("time", range);
  return [
    {
      title: "Slowest operations",
      detail: "p50, p95 and errors of every operation that serves requests",
      sql: `SELECT service_name, name, count(*) AS requests,
       to_ms(approx_percentile_cont(duration, 0.5)) AS p50_ms,
       to_ms(approx_percentile_cont(duration, 0.95)) AS p95_ms,
       count(*) FILTER (WHERE status_code = 'ERROR') AS errors
FROM spans
WHERE kind IN ('SERVER', 'CONSUMER') AND ${span}
GROUP BY service_name, name
ORDER BY p95_ms DESC
LIMIT 100`,
    },
    {
      title: "Requests a minute, by service",
      detail: "draws as lines",
      sql: `SELECT time_bucket(INTERVAL '1 minute', start_time) AS minute, service_name, count(*) AS requests
FROM spans
WHERE kind IN ('SERVER', 'CONSUMER') AND ${span}
GROUP BY 1, 2
ORDER BY 1`,
    },
    {
      title: "Newest errors",
      detail: "spans that failed, with a link to their trace",
      sql: `SELECT start_time, trace_id, span_id, service_name, name, status_message
FROM spans
WHERE status_code = 'ERROR' AND ${span}
ORDER BY start_time DESC
LIMIT 200`,
    },
    {
      title: "Exceptions by type",
      detail: "from the events of spans",
      sql: `SELECT attributes['exception.type'] AS type, service_name, count(*) AS times,
       any_value(attributes['exception.message']) AS example, max(time) AS last
FROM span_events
WHERE name = 'exception' AND ${timeCondition("time", range)}
GROUP BY 1, 2
ORDER BY times DESC`,
    },
    {
      title: "Routes and status codes",
      detail: "attributes are read by their key",
      sql: `SELECT attributes['http.route'] AS route, attributes['http.status_code'] AS status,
       count(*) AS requests, to_ms(avg(duration)) AS mean_ms
FROM spans
WHERE kind = 'SERVER' AND attributes['http.route'] IS NOT NULL AND ${span}
GROUP BY 1, 2
ORDER BY requests DESC`,
    },
    {
      title: "Longest traces",
      detail: "one row a trace, with its root",
      sql: `SELECT trace_id, min(min_start) AS start,
       to_ms(max(max_end)::bigint - min(min_start)::bigint) AS ms,
       sum(span_count) AS spans, sum(error_count) AS errors,
       any_value(root_service_name) AS service, any_value(root_name) AS root
FROM traces
WHERE ${timeCondition("min_start", range)}
GROUP BY trace_id
ORDER BY ms DESC
LIMIT 100`,
    },
    {
      title: "Log records a minute, by level",
      detail: "draws as lines",
      sql: `SELECT time_bucket(INTERVAL '1 minute', timestamp) AS minute,
       coalesce(severity_text, 'unset') AS level, count(*) AS records
FROM logs
WHERE ${log}
GROUP BY 1, 2
ORDER BY 1`,
    },
    {
      title: "Logs of failed spans",
      detail: "a join over trace and span id",
      sql: `SELECT l.timestamp, l.severity_text, l.body, s.name, s.trace_id
FROM logs l
JOIN spans s ON s.trace_id = l.trace_id AND s.span_id = l.span_id
WHERE s.status_code = 'ERROR' AND ${timeCondition("l.timestamp", range)}
ORDER BY l.timestamp DESC
LIMIT 200`,
    },
    {
      title: "Metrics and their cardinality",
      detail: "series and points of every metric",
      sql: `SELECT name, type, unit, count(DISTINCT series_id) AS series, count(*) AS points, max(time) AS last
FROM metrics
WHERE ${point}
GROUP BY name, type, unit
ORDER BY series DESC`,
    },
  ];
}
