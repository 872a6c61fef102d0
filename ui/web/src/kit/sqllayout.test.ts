import { describe, expect, it } from "vitest";
import { formatted } from "./sqllayout";

const plain = (sql: string) => sql.replace(/\s+/g, "").toLowerCase();

describe("formatted", () => {
  it("puts clauses on lines, and long lists and conditions below them", () => {
    const sql =
      "select service_name, count(*) as spans, approx_percentile_cont(duration, 0.95) as p95, max(duration) from spans s left join logs l on l.trace_id = s.trace_id where start_time between now() - interval '1 hour' and now() and status_code = 'ERROR' and (kind = 'SERVER' or kind = 'CONSUMER') group by service_name order by spans desc limit 10";
    expect(formatted(sql)).toBe(
      [
        "SELECT",
        "  service_name,",
        "  count(*) AS spans,",
        "  approx_percentile_cont(duration, 0.95) AS p95,",
        "  max(duration)",
        "FROM spans s",
        "LEFT JOIN logs l ON l.trace_id = s.trace_id",
        "WHERE",
        "  start_time BETWEEN now() - INTERVAL '1 hour' AND now()",
        "  AND status_code = 'ERROR'",
        "  AND (kind = 'SERVER' OR kind = 'CONSUMER')",
        "GROUP BY service_name",
        "ORDER BY spans DESC",
        "LIMIT 10",
      ].join("\n"),
    );
  });

  it("indents subqueries, and leaves windows, filters and functions in their line", () => {
    const sql =
      "with slow as (select * from spans where duration > 1e9) select *, row_number() over (partition by name order by duration desc) as n, count(*) filter (where x > 1) from slow";
    expect(formatted(sql)).toBe(
      [
        "WITH slow AS (",
        "  SELECT *",
        "  FROM spans",
        "  WHERE duration > 1e9",
        ")",
        "SELECT",
        "  *,",
        "  row_number() OVER (PARTITION BY name ORDER BY duration DESC) AS n,",
        "  count(*) FILTER (WHERE x > 1)",
        "FROM slow",
      ].join("\n"),
    );
  });

  it.each([
    "select 'from  where', \"Group\" , a->>'b', x::int, -1, attributes['k'] from t -- where\nwhere a<>b",
    "select 1; -- one\n\n/* two ; */ select 2 ;\n",
    "select (1 + (2",
    "select a) from b",
    "",
    "-- only a comment",
    "select extract(year from start_time), trim(both 'x' from y) from t where a in (select b from c) and d",
  ])("changes nothing but white space and the case of keywords: %s", (sql) => {
    const once = formatted(sql);
    expect(plain(once)).toBe(plain(sql));
    expect(formatted(once)).toBe(once);
    for (const text of sql.match(/'[^']*'|"[^"]*"/g) ?? []) expect(once).toContain(text);
  });
});
