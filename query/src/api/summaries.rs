//! Whole traces in SQL: the rows of `traces`, of which a trace may have several, merged.

use super::request::Range;

/// How far around the range spans of a trace are looked for: what lies farther off does not count
/// in its summary.
const SLACK: i64 = 3_600_000_000_000;

/// `range` with the time around it in which a trace's other spans are looked for.
pub(crate) fn around(range: Range) -> Range {
    Range {
        from: range.from.saturating_sub(SLACK),
        to: range.to.saturating_add(SLACK),
    }
}

/// Condition on rows of `traces`: spans of the row may have started in `range`.
pub(crate) fn overlap(range: Range) -> String {
    let from = format!("max_start >= to_timestamp_nanos({})", range.from);
    match range.to {
        i64::MAX => from,
        to => format!("{from} AND min_start < to_timestamp_nanos({to})"),
    }
}

/// One row a trace with spans in `range`: `trace_id`, `trace_start`, `trace_duration`,
/// `trace_spans`, `trace_errors`, `root_service`, `root_name`.
pub(crate) fn sql(range: Range) -> String {
    let first = |column: &str| {
        format!(
            "first_value({column} ORDER BY min_start, root_span_id) \
             FILTER (WHERE root_span_id IS NOT NULL)"
        )
    };
    format!(
        "SELECT trace_id, min(min_start) AS trace_start, \
         CAST(max(max_end) AS BIGINT) - CAST(min(min_start) AS BIGINT) AS trace_duration, \
         sum(span_count) AS trace_spans, sum(error_count) AS trace_errors, \
         {} AS root_service, {} AS root_name \
         FROM traces WHERE {} GROUP BY trace_id HAVING bool_or({})",
        first("root_service_name"),
        first("root_name"),
        overlap(around(range)),
        overlap(range),
    )
}
