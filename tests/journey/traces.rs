//! What truth.json says about the spans of the shop corpus, asked in SQL.

use serde_json::Value;

use super::truth::{Truth, counts};
use crate::ask::{Api, Counts, float, int, text};
use crate::check::Checks;

/// truth.json lists at most this many values of an attribute, the most frequent.
const TRUTH_VALUES_MAX: usize = 12;

/// Compares all figures of the spans.
pub(crate) async fn check(api: &Api, truth: &Truth, checks: &mut Checks) {
    let traces = &truth.0["traces"];
    totals(api, traces, checks).await;
    shapes(api, traces, checks).await;
    groups(api, traces, checks).await;
    events_and_links(api, traces, checks).await;
    operations(api, traces, checks).await;
    attributes(api, truth, checks).await;
    summaries(api, truth, checks).await;
    for tree in truth.0["trees"].as_array().unwrap() {
        one_tree(api, tree, checks).await;
    }
}

async fn totals(api: &Api, traces: &Value, checks: &mut Checks) {
    let got = api
        .ints(
            "SELECT count(*), count(DISTINCT trace_id), count(*) - count(DISTINCT span_id),
                count(*) FILTER (WHERE parent_span_id IS NULL),
                count(*) FILTER (WHERE trace_state IS NOT NULL),
                count(*) FILTER (WHERE duration > 1000000000),
                CAST(min(start_time) AS BIGINT), CAST(max(end_time) AS BIGINT)
             FROM spans",
        )
        .await;
    let names = [
        "spans",
        "distinct_traces",
        "duplicate_span_ids",
        "root_spans",
        "spans_with_trace_state",
        "spans_over_1s",
        "first_start_unix_nano",
        "last_end_unix_nano",
    ];
    for (name, got) in names.iter().zip(got) {
        checks.eq(name, got, int(&traces[*name]));
    }
}

/// Figures that need joins and groups by trace.
async fn shapes(api: &Api, traces: &Value, checks: &mut Checks) {
    let missing = api
        .int(
            "SELECT count(*) FROM spans c LEFT JOIN spans p
               ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id
             WHERE c.parent_span_id IS NOT NULL AND p.span_id IS NULL",
        )
        .await;
    checks.eq(
        "spans_with_missing_parent",
        missing,
        int(&traces["spans_with_missing_parent"]),
    );
    let got = api
        .ints(
            "SELECT count(*) FILTER (WHERE roots = 0), count(*) FILTER (WHERE errors > 0),
                max(spans), count(*) FILTER (WHERE length > 1000000000)
             FROM (SELECT trace_id, count(*) AS spans,
                     count(*) FILTER (WHERE parent_span_id IS NULL) AS roots,
                     count(*) FILTER (WHERE status_code = 'ERROR') AS errors,
                     CAST(max(end_time) AS BIGINT) - CAST(min(start_time) AS BIGINT) AS length
                   FROM spans GROUP BY trace_id) AS t",
        )
        .await;
    let names = [
        "traces_without_root",
        "traces_with_error",
        "largest_trace_spans",
        "traces_over_1s",
    ];
    for (name, got) in names.iter().zip(got) {
        checks.eq(name, got, int(&traces[*name]));
    }
    let edges = api
        .counts(
            "SELECT p.service_name, c.service_name, count(*) FROM spans c JOIN spans p
               ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id
             WHERE p.service_name <> c.service_name GROUP BY 1, 2",
        )
        .await;
    let want: Counts = traces["call_edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            (
                format!("{} | {}", text(&e["caller"]), text(&e["callee"])),
                int(&e["spans"]),
            )
        })
        .collect();
    checks.eq("call_edges", edges, want);
}

async fn groups(api: &Api, traces: &Value, checks: &mut Checks) {
    let asked = [
        (
            "spans_by_service",
            "SELECT service_name, count(*) FROM spans GROUP BY 1",
        ),
        (
            "traces_by_service",
            "SELECT service_name, count(DISTINCT trace_id) FROM spans GROUP BY 1",
        ),
        (
            "spans_by_kind",
            "SELECT kind, count(*) FROM spans GROUP BY 1",
        ),
        (
            "spans_by_status",
            "SELECT status_code, count(*) FROM spans GROUP BY 1",
        ),
        (
            "error_spans_by_service",
            "SELECT service_name, count(*) FROM spans WHERE status_code = 'ERROR' GROUP BY 1",
        ),
        (
            "scopes",
            "SELECT scope_name, count(*) FROM spans GROUP BY 1",
        ),
        (
            "http_status",
            "SELECT coalesce(attributes['http.response.status_code'],
                 attributes['http.status_code'], 'None'), count(*)
             FROM spans WHERE kind = 'SERVER' GROUP BY 1",
        ),
    ];
    for (name, sql) in asked {
        checks.eq(name, api.counts(sql).await, counts(&traces[name]));
    }
    let messages = api
        .counts(
            "SELECT status_message, count(*) FROM spans WHERE status_message IS NOT NULL GROUP BY 1",
        )
        .await;
    for (message, want) in counts(&traces["status_messages"]) {
        checks.eq(
            &format!("status {message:?}"),
            messages.get(&message).copied(),
            Some(want),
        );
    }
}

async fn events_and_links(api: &Api, traces: &Value, checks: &mut Checks) {
    let events = api
        .counts("SELECT name, count(*) FROM span_events GROUP BY 1")
        .await;
    checks.eq(
        "events_by_name",
        events.clone(),
        counts(&traces["events_by_name"]),
    );
    checks.eq(
        "events",
        events.values().sum::<i64>(),
        int(&traces["events"]),
    );
    let types = api
        .counts(
            "SELECT attributes['exception.type'], count(*) FROM span_events
             WHERE name = 'exception' GROUP BY 1",
        )
        .await;
    checks.eq("exception_types", types, counts(&traces["exception_types"]));
    let got = api
        .ints("SELECT count(*), count(DISTINCT span_id) FROM span_links")
        .await;
    checks.eq("links", got[0], int(&traces["links"]));
    checks.eq("spans_with_links", got[1], int(&traces["spans_with_links"]));
    let linked = api
        .int(
            "SELECT count(*) FROM span_links l
             WHERE l.linked_trace_id IN (SELECT trace_id FROM spans)",
        )
        .await;
    checks.eq("links that lead to a recorded trace", linked, 419);
}

/// Nearest-rank percentiles, exactly, by row numbers.
async fn operations(api: &Api, traces: &Value, checks: &mut Checks) {
    let rows = api
        .rows(
            "WITH ranked AS (
               SELECT service_name, name, kind, status_code, duration,
                 row_number() OVER (PARTITION BY service_name, name, kind ORDER BY duration) AS n,
                 count(*) OVER (PARTITION BY service_name, name, kind) AS c
               FROM spans)
             SELECT service_name, name, kind, count(*) AS c,
               count(*) FILTER (WHERE status_code = 'ERROR'),
               min(duration), max(duration), sum(duration),
               min(duration) FILTER (WHERE n * 100 >= c * 50),
               min(duration) FILTER (WHERE n * 100 >= c * 99)
             FROM ranked GROUP BY 1, 2, 3",
        )
        .await;
    let fields = [
        "count",
        "errors",
        "min_ns",
        "max_ns",
        "sum_ns",
        "p50_rank_ns",
        "p99_rank_ns",
    ];
    let operations = traces["operations"].as_array().unwrap();
    checks.yes("25 operations or more", operations.len() >= 25);
    for operation in operations {
        let key = ["service", "name", "kind"].map(|field| &operation[field]);
        let row = rows.iter().find(|row| row.iter().take(3).eq(key));
        let got: Option<Vec<i64>> = row.map(|row| row[3..].iter().map(int).collect());
        let want: Vec<i64> = fields.iter().map(|field| int(&operation[*field])).collect();
        checks.eq(&format!("operation {key:?} {fields:?}"), got, Some(want));
    }
}

async fn attributes(api: &Api, truth: &Truth, checks: &mut Checks) {
    let traces = &truth.0["traces"];
    let keys: Vec<(&String, i64)> = traces["attribute_keys"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(k, v)| (k, int(v)))
        .collect();
    let list: Vec<String> = keys
        .iter()
        .map(|(key, _)| format!("count(attributes['{key}'])"))
        .collect();
    let got = api
        .ints(&format!("SELECT {} FROM spans", list.join(", ")))
        .await;
    for ((key, want), got) in keys.iter().zip(got) {
        checks.eq(&format!("spans with attribute {key}"), got, *want);
    }
    for (key, values) in truth.0["spans_by_attribute_value"].as_object().unwrap() {
        let sql = format!(
            "SELECT attributes['{key}'], count(*) FROM spans
             WHERE attributes['{key}'] IS NOT NULL GROUP BY 1"
        );
        let want: Counts = counts(values)
            .into_iter()
            .map(|(value, count)| (text(&serde_json::from_str(&value).unwrap()), count))
            .collect();
        let mut got = api.counts(&sql).await;
        if want.len() == TRUTH_VALUES_MAX {
            got.retain(|value, _| want.contains_key(value));
        }
        checks.eq(&format!("values of {key}"), got, want);
    }
    let typed = [
        ("attributes['retry.attempt'] = 2", 43),
        ("attributes['retry.attempt'] > 1", 45),
        ("attributes['slow'] = true", 182),
        ("attributes['http.route'] = '/place'", 625),
        (
            "kind = 'SERVER' AND (attributes['http.response.status_code'] >= 500
               OR attributes['http.status_code'] >= 500)",
            207,
        ),
        ("attributes['no.such.key'] IS NOT NULL", 0),
    ];
    for (condition, want) in typed {
        let got = api
            .int(&format!("SELECT count(*) FROM spans WHERE {condition}"))
            .await;
        checks.eq(condition, got, want);
    }
}

/// The `traces` table, one row or several a trace, says the same as the spans.
async fn summaries(api: &Api, truth: &Truth, checks: &mut Checks) {
    let traces = &truth.0["traces"];
    let got = api
        .ints(
            "SELECT count(*), sum(spans), sum(errors), count(root), count(*) FILTER (WHERE errors > 0)
             FROM (SELECT trace_id, sum(span_count) AS spans, sum(error_count) AS errors,
                     max(root_name) AS root FROM traces GROUP BY trace_id) AS t",
        )
        .await;
    let roots = int(&traces["distinct_traces"]) - int(&traces["traces_without_root"]);
    let want = [
        int(&traces["distinct_traces"]),
        int(&traces["spans"]),
        int(&traces["spans_by_status"]["ERROR"]),
        roots,
        int(&traces["traces_with_error"]),
    ];
    checks.eq(
        "traces: count, spans, errors, with root, with error",
        got,
        want.to_vec(),
    );
    let slowest = api
        .rows(
            "SELECT trace_id, CAST(max(max_end) AS BIGINT) - CAST(min(min_start) AS BIGINT) AS length,
               sum(span_count) FROM traces GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
        )
        .await;
    let got: Vec<(String, i64, i64)> = slowest
        .iter()
        .map(|row| (text(&row[0]), int(&row[1]), int(&row[2])))
        .collect();
    let want: Vec<(String, i64, i64)> = truth.0["slowest_traces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| {
            (
                text(&t["trace_id"]),
                int(&t["duration_ns"]),
                int(&t["spans"]),
            )
        })
        .collect();
    checks.eq("slowest_traces", got, want);
}

/// One line of a tree, as truth.json tells it.
#[derive(Debug, PartialEq)]
struct Line {
    depth: usize,
    span_id: String,
    parent: String,
    service: String,
    name: String,
    kind: i64,
    offset: i64,
    duration: i64,
    status: i64,
    events: Vec<String>,
    links: usize,
}

/// A recorded trace through the trace API: the same spans in the same tree.
async fn one_tree(api: &Api, tree: &Value, checks: &mut Checks) {
    let id = text(&tree["trace_id"]);
    let answer = api
        .get(&format!("/api/v1/traces/{}", id.to_uppercase()))
        .await;
    checks.eq(&format!("status of trace {id}"), answer.status, 200);
    if answer.status != 200 {
        return;
    }
    let mut spans = Vec::new();
    for group in answer.json()["resourceSpans"].as_array().unwrap() {
        let attributes = group["resource"]["attributes"].as_array().unwrap();
        let service = attributes
            .iter()
            .find(|a| a["key"] == "service.name")
            .unwrap();
        let service = text(&service["value"]["stringValue"]);
        for scope in group["scopeSpans"].as_array().unwrap() {
            let in_scope = scope["spans"].as_array().unwrap();
            spans.extend(in_scope.iter().map(|span| (service.clone(), span.clone())));
        }
    }
    spans.sort_by_key(|(_, span)| (int(&span["startTimeUnixNano"]), text(&span["spanId"])));
    let first = spans
        .first()
        .map_or(0, |(_, span)| int(&span["startTimeUnixNano"]));
    let mut got = Vec::new();
    let known: Vec<String> = spans
        .iter()
        .map(|(_, span)| text(&span["spanId"]))
        .collect();
    for (service, span) in &spans {
        if !known.contains(&id_text(&span["parentSpanId"])) {
            walk(&spans, (service, span), 0, first, &mut got);
        }
    }
    let want: Vec<Line> = tree["tree"]
        .as_array()
        .unwrap()
        .iter()
        .map(expected_line)
        .collect();
    checks.eq(&format!("tree of {id} ({})", text(&tree["why"])), got, want);
    let length = float(&tree["duration_ns"]);
    checks.yes(&format!("length of {id}"), length > 0.0);
}

/// An id that may be missing, null or empty.
fn id_text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn walk(
    spans: &[(String, Value)],
    (service, span): (&String, &Value),
    depth: usize,
    first: i64,
    lines: &mut Vec<Line>,
) {
    let start = int(&span["startTimeUnixNano"]);
    let names = span["events"].as_array().map_or(&[][..], Vec::as_slice);
    lines.push(Line {
        depth,
        span_id: text(&span["spanId"]),
        parent: id_text(&span["parentSpanId"]),
        service: service.clone(),
        name: text(&span["name"]),
        kind: int(&span["kind"]),
        offset: start - first,
        duration: int(&span["endTimeUnixNano"]) - start,
        status: int(&span["status"]["code"]),
        events: names.iter().map(|event| text(&event["name"])).collect(),
        links: span["links"].as_array().map_or(0, Vec::len),
    });
    for (child_service, child) in spans {
        if child["parentSpanId"] == span["spanId"] {
            walk(spans, (child_service, child), depth + 1, first, lines);
        }
    }
}

fn expected_line(line: &Value) -> Line {
    let kinds = [
        "UNSPECIFIED",
        "INTERNAL",
        "SERVER",
        "CLIENT",
        "PRODUCER",
        "CONSUMER",
    ];
    let codes = ["UNSET", "OK", "ERROR"];
    let number = |names: &[&str], value: &Value| {
        names.iter().position(|name| *name == text(value)).unwrap() as i64
    };
    Line {
        depth: int(&line["depth"]) as usize,
        span_id: text(&line["span_id"]),
        parent: id_text(&line["parent"]),
        service: text(&line["service"]),
        name: text(&line["name"]),
        kind: number(&kinds, &line["kind"]),
        offset: int(&line["offset_ns"]),
        duration: int(&line["duration_ns"]),
        status: number(&codes, &line["status"]),
        events: line["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect(),
        links: int(&line["links"]) as usize,
    }
}
