//! `metrics`: one row a data point of any kind (opentelemetry.proto.metrics.v1).

use arrow::datatypes::{DataType, Field};

use super::attributes::{ValueType::*, inherited_columns, record_columns, resource_columns};
use super::{Column, SortKey, TIMESTAMP, Table, TableSchema, json_field, list, list_of};

const PROMOTED: &[(&str, super::ValueType)] = &[
    ("http.request.method", String),
    ("http.method", String),
    ("http.response.status_code", Int),
    ("http.status_code", Int),
    ("http.route", String),
    ("server.address", String),
    ("error.type", String),
    ("rpc.service", String),
    ("rpc.method", String),
    ("db.system", String),
    ("messaging.destination.name", String),
];

#[expect(clippy::too_many_lines, reason = "a table, one entry a column")]
pub(super) fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column::text("name", "name", "Metric").stats(),
        Column::text(
            "type",
            "data",
            "gauge, sum, histogram, exponential_histogram, summary",
        )
        .stats(),
        Column::text("unit", "unit", "UCUM unit").nullable(),
        Column::text("description", "description", "What is measured").nullable(),
        Column::text(
            "temporality",
            "aggregation_temporality",
            "unspecified, delta, cumulative; NULL for gauge and summary",
        )
        .nullable(),
        Column::new(
            "is_monotonic",
            DataType::Boolean,
            "is_monotonic",
            "Whether a sum only rises; NULL for other types",
        )
        .nullable(),
        Column::json("metadata", "metadata", "Attributes of the metric itself"),
        Column::new(
            "series_id",
            DataType::UInt64,
            "derived",
            "Hash of resource, scope, name, unit, type, temporality and attributes: equal for the points of one series; compare labels when ids meet",
        ),
        Column::time(
            "start_time",
            "start_time_unix_nano",
            "Start of the interval; NULL when unset (0)",
        )
        .nullable(),
        Column::time("time", "time_unix_nano", "Time of the point").stats(),
        Column::new(
            "value",
            DataType::Float64,
            "as_double, as_int",
            "Value of a gauge or sum; NULL when there is none",
        )
        .nullable(),
        Column::new(
            "value_int",
            DataType::Int64,
            "as_int",
            "The exact value, when it was sent as an integer",
        )
        .nullable(),
        Column::new(
            "count",
            DataType::UInt64,
            "count",
            "Number of values (histograms, summary)",
        )
        .nullable(),
        Column::new(
            "sum",
            DataType::Float64,
            "sum",
            "Sum of values (histograms, summary)",
        )
        .nullable(),
        Column::new("min", DataType::Float64, "min", "Least value (histograms)").nullable(),
        Column::new(
            "max",
            DataType::Float64,
            "max",
            "Greatest value (histograms)",
        )
        .nullable(),
        Column::new(
            "bucket_counts",
            list(DataType::UInt64),
            "bucket_counts",
            "Counts of a histogram's buckets",
        )
        .nullable(),
        Column::new(
            "explicit_bounds",
            list(DataType::Float64),
            "explicit_bounds",
            "Upper bounds of a histogram's buckets but the last",
        )
        .nullable(),
        Column::new(
            "scale",
            DataType::Int32,
            "scale",
            "Exponential histogram: base = 2^(2^-scale)",
        )
        .nullable(),
        Column::new(
            "zero_count",
            DataType::UInt64,
            "zero_count",
            "Exponential histogram: values in the zero bucket",
        )
        .nullable(),
        Column::new(
            "zero_threshold",
            DataType::Float64,
            "zero_threshold",
            "Exponential histogram: width of the zero bucket",
        )
        .nullable(),
        Column::new(
            "positive_offset",
            DataType::Int32,
            "positive.offset",
            "Exponential histogram: index of the first positive bucket",
        )
        .nullable(),
        Column::new(
            "positive_bucket_counts",
            list(DataType::UInt64),
            "positive.bucket_counts",
            "Exponential histogram: positive buckets",
        )
        .nullable(),
        Column::new(
            "negative_offset",
            DataType::Int32,
            "negative.offset",
            "Exponential histogram: index of the first negative bucket",
        )
        .nullable(),
        Column::new(
            "negative_bucket_counts",
            list(DataType::UInt64),
            "negative.bucket_counts",
            "Exponential histogram: negative buckets",
        )
        .nullable(),
        Column::new(
            "quantiles",
            list_of(vec![
                Field::new("quantile", DataType::Float64, false),
                Field::new("value", DataType::Float64, false),
            ]),
            "quantile_values",
            "Summary: quantiles and their values",
        )
        .nullable(),
        Column::count("flags", "flags", "Bit 0: no recorded value (staleness)"),
        Column::new(
            "exemplars",
            list_of(vec![
                Field::new("time", TIMESTAMP, false),
                Field::new("time_raw", DataType::UInt64, true),
                Field::new("value", DataType::Float64, true),
                Field::new("value_int", DataType::Int64, true),
                Field::new("trace_id", DataType::Binary, true),
                Field::new("span_id", DataType::Binary, true),
                Field::new("trace_id_raw", DataType::Binary, true),
                Field::new("span_id_raw", DataType::Binary, true),
                json_field("filtered_attributes"),
            ]),
            "exemplars",
            "Exemplars, as sent; empty when there are none",
        ),
        Column::json(
            "attributes",
            "attributes",
            "Point attributes without a column of their own",
        ),
        Column::raw("start_time_raw", DataType::UInt64, "start_time_unix_nano"),
        Column::raw("time_raw", DataType::UInt64, "time_unix_nano"),
    ];
    columns.extend(inherited_columns());
    columns.extend(resource_columns());
    columns.extend(record_columns(PROMOTED));
    columns
}

pub(super) fn schema(columns: Vec<Column>) -> TableSchema {
    TableSchema::new(
        Table::Metrics,
        columns,
        &[
            SortKey::Column("name"),
            SortKey::Column("series_id"),
            SortKey::Column("time"),
        ],
        "time",
    )
}
