//! `logs`: one row a log record (opentelemetry.proto.logs.v1.LogRecord).

use arrow::datatypes::DataType;

use super::attributes::{ValueType::*, inherited_columns, record_columns, resource_columns};
use super::{Column, SortKey, Table, TableSchema};

const PROMOTED: &[(&str, super::ValueType)] = &[
    ("exception.type", String),
    ("exception.message", String),
    ("error.type", String),
    ("http.request.method", String),
    ("http.response.status_code", Int),
    ("http.route", String),
    ("url.path", String),
    ("client.address", String),
    ("code.function.name", String),
    ("code.file.path", String),
    ("log.file.path", String),
    ("log.iostream", String),
    ("enduser.id", String),
    ("session.id", String),
];

pub(super) fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column::time(
            "timestamp",
            "derived",
            "time, else observed_time, else received_at: never NULL",
        )
        .stats(),
        Column::time(
            "time",
            "time_unix_nano",
            "When the event occurred; NULL when unset (0)",
        )
        .nullable(),
        Column::time(
            "observed_time",
            "observed_time_unix_nano",
            "When it was first observed; NULL when unset (0)",
        )
        .nullable(),
        Column::new(
            "severity_number",
            DataType::Int32,
            "severity_number",
            "1-24 (TRACE 1, DEBUG 5, INFO 9, WARN 13, ERROR 17, FATAL 21); 0 when unset",
        )
        .stats(),
        Column::text(
            "severity_text",
            "severity_text",
            "Level as the source names it",
        )
        .nullable()
        .stats(),
        Column::text("event_name", "event_name", "Identifies the kind of event").nullable(),
        Column::text(
            "body",
            "body",
            "The body as text; JSON text when the body is not a string; NULL without a body",
        )
        .nullable(),
        Column::json(
            "body_json",
            "body",
            "The typed body when it is not a string",
        ),
        Column::id("trace_id", "trace_id", "16 bytes; NULL when unset").nullable(),
        Column::id("span_id", "span_id", "8 bytes; NULL when unset").nullable(),
        Column::count("flags", "flags", "W3C trace flags in bits 0-7"),
        Column::json(
            "attributes",
            "attributes",
            "Record attributes without a column of their own",
        ),
        Column::count(
            "dropped_attributes_count",
            "dropped_attributes_count",
            "Attributes that the sender dropped",
        ),
        Column::raw("time_raw", DataType::UInt64, "time_unix_nano"),
        Column::raw(
            "observed_time_raw",
            DataType::UInt64,
            "observed_time_unix_nano",
        ),
        Column::raw("trace_id_raw", DataType::Binary, "trace_id"),
        Column::raw("span_id_raw", DataType::Binary, "span_id"),
    ];
    columns.extend(inherited_columns());
    columns.extend(resource_columns());
    columns.extend(record_columns(PROMOTED));
    columns
}

pub(super) fn schema(columns: Vec<Column>) -> TableSchema {
    TableSchema::new(
        Table::Logs,
        columns,
        &[SortKey::Column("timestamp")],
        "timestamp",
    )
}
