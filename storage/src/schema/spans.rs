//! `spans`: one row a span (opentelemetry.proto.trace.v1.Span).

use arrow::datatypes::{DataType, Field};

use super::attributes::{ValueType::*, inherited_columns, record_columns, resource_columns};
use super::{Column, SortKey, TIMESTAMP, Table, TableSchema, json_field, list_of};

const PROMOTED: &[(&str, super::ValueType)] = &[
    ("http.request.method", String),
    ("http.method", String),
    ("http.response.status_code", Int),
    ("http.status_code", Int),
    ("http.route", String),
    ("http.target", String),
    ("http.url", String),
    ("http.request.resend_count", Int),
    ("url.path", String),
    ("url.full", String),
    ("server.address", String),
    ("server.port", Int),
    ("net.peer.name", String),
    ("client.address", String),
    ("user_agent.original", String),
    ("peer.service", String),
    ("error.type", String),
    ("db.system", String),
    ("db.system.name", String),
    ("db.name", String),
    ("db.namespace", String),
    ("db.operation", String),
    ("db.operation.name", String),
    ("db.collection.name", String),
    ("db.statement", String),
    ("db.query.text", String),
    ("rpc.system", String),
    ("rpc.service", String),
    ("rpc.method", String),
    ("rpc.grpc.status_code", Int),
    ("messaging.system", String),
    ("messaging.destination", String),
    ("messaging.destination.name", String),
    ("messaging.operation", String),
    ("messaging.operation.type", String),
    ("code.function.name", String),
    ("enduser.id", String),
    ("session.id", String),
    ("gen_ai.operation.name", String),
    ("gen_ai.request.model", String),
    ("gen_ai.usage.input_tokens", Int),
    ("gen_ai.usage.output_tokens", Int),
];

#[expect(clippy::too_many_lines, reason = "a table, one entry a column")]
pub(super) fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column::id("trace_id", "trace_id", "16 bytes"),
        Column::id("span_id", "span_id", "8 bytes"),
        Column::id(
            "parent_span_id",
            "parent_span_id",
            "8 bytes; NULL for a root span",
        )
        .nullable(),
        Column::text("name", "name", "Operation").stats(),
        Column::text(
            "kind",
            "kind",
            "UNSPECIFIED, INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER; the number for an unknown kind",
        ),
        Column::time(
            "start_time",
            "start_time_unix_nano",
            "Start, nanoseconds, UTC",
        )
        .stats(),
        Column::time("end_time", "end_time_unix_nano", "End; NULL when unset (0)").nullable(),
        Column {
            encoding: super::Encoding::Delta,
            ..Column::new(
                "duration",
                DataType::Int64,
                "derived",
                "end − start in nanoseconds, saturating, negative kept; NULL when the end is unset",
            )
            .nullable()
        }
        .stats(),
        Column::text(
            "status_code",
            "status.code",
            "UNSET, OK, ERROR; the number for an unknown code",
        )
        .stats(),
        Column::text(
            "status_message",
            "status.message",
            "Description of an error",
        )
        .nullable(),
        Column::text("trace_state", "trace_state", "W3C tracestate").nullable(),
        Column::count(
            "flags",
            "flags",
            "W3C trace flags in bits 0-7; bits 8 and 9 say whether the parent is remote",
        ),
        Column::json(
            "attributes",
            "attributes",
            "Span attributes without a column of their own",
        ),
        Column::new(
            "events",
            list_of(vec![
                Field::new("time", TIMESTAMP, false),
                Field::new("time_raw", DataType::UInt64, true),
                Field::new("name", DataType::Utf8, false),
                json_field("attributes"),
                Field::new("dropped_attributes_count", DataType::UInt32, false),
            ]),
            "events",
            "Span events, as sent; empty when there are none",
        ),
        Column::new(
            "links",
            list_of(vec![
                Field::new("trace_id", DataType::Binary, true),
                Field::new("span_id", DataType::Binary, true),
                Field::new("trace_id_raw", DataType::Binary, true),
                Field::new("span_id_raw", DataType::Binary, true),
                Field::new("trace_state", DataType::Utf8, true),
                Field::new("flags", DataType::UInt32, false),
                json_field("attributes"),
                Field::new("dropped_attributes_count", DataType::UInt32, false),
            ]),
            "links",
            "Span links, as sent; empty when there are none",
        ),
        Column::count(
            "dropped_attributes_count",
            "dropped_attributes_count",
            "Attributes that the sender dropped",
        ),
        Column::count(
            "dropped_events_count",
            "dropped_events_count",
            "Events that the sender dropped",
        ),
        Column::count(
            "dropped_links_count",
            "dropped_links_count",
            "Links that the sender dropped",
        ),
        Column::raw("start_time_raw", DataType::UInt64, "start_time_unix_nano"),
        Column::raw("end_time_raw", DataType::UInt64, "end_time_unix_nano"),
        Column::raw("parent_span_id_raw", DataType::Binary, "parent_span_id"),
    ];
    columns.extend(inherited_columns());
    columns.extend(resource_columns());
    columns.extend(record_columns(PROMOTED));
    for column in &mut columns {
        if [
            "attributes.http.route",
            "attributes.http.response.status_code",
        ]
        .contains(&column.name.as_str())
        {
            column.file_stats = true;
        }
    }
    columns
}

pub(super) fn schema(columns: Vec<Column>) -> TableSchema {
    TableSchema::new(
        Table::Spans,
        columns,
        &[
            SortKey::Minute("start_time"),
            SortKey::Column("service_name"),
            SortKey::Column("start_time"),
        ],
        "start_time",
    )
}
