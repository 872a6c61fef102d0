//! `traces`: mergeable trace summaries, derived from `spans`, one row a (trace, UTC day of span
//! start, flush). Readers merge the rows of a trace: least and greatest of the times, sums of the
//! counts, the root from the row that has one.

use arrow::datatypes::{DataType, Field};

use super::{Column, SortKey, Table, TableSchema, list_of};

pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::id("trace_id", "spans.trace_id", "16 bytes"),
        Column::time(
            "min_start",
            "derived",
            "Earliest span start in this row's spans",
        )
        .stats(),
        Column::time(
            "max_start",
            "derived",
            "Latest span start in this row's spans",
        )
        .stats(),
        Column::time(
            "max_end",
            "derived",
            "Latest span end; NULL when no span has ended",
        )
        .nullable(),
        Column::id(
            "root_span_id",
            "derived",
            "The earliest span without a parent; NULL when this row has seen none",
        )
        .nullable(),
        Column::text("root_service_name", "derived", "Service of the root span").nullable(),
        Column::text("root_name", "derived", "Name of the root span").nullable(),
        Column::text("root_status_code", "derived", "Status of the root span").nullable(),
        Column {
            encoding: super::Encoding::Delta,
            ..Column::new(
                "root_duration",
                DataType::Int64,
                "derived",
                "Duration of the root span in nanoseconds",
            )
            .nullable()
        },
        Column::new(
            "span_count",
            DataType::Int64,
            "derived",
            "Spans in this row",
        ),
        Column::new(
            "error_count",
            DataType::Int64,
            "derived",
            "Spans with status ERROR in this row",
        ),
        Column::new(
            "services",
            list_of(vec![
                Field::new("service_name", DataType::Utf8, true),
                Field::new("span_count", DataType::Int64, false),
                Field::new("error_count", DataType::Int64, false),
            ]),
            "derived",
            "Services in this row with their spans, sorted by name",
        ),
    ]
}

pub(super) fn schema(columns: Vec<Column>) -> TableSchema {
    TableSchema::new(
        Table::Traces,
        columns,
        &[SortKey::Column("trace_id")],
        "min_start",
    )
}
