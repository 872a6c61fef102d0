//! The catalog: DuckLake 1.0 tables and our own `oriel_*` tables in one SQLite database.

use arrow::datatypes::{DataType, TimeUnit};

/// The DuckLake name of an Arrow type that the schemas use.
pub fn ducklake_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "varchar",
        DataType::Binary => "blob",
        DataType::Boolean => "boolean",
        DataType::Int32 => "int32",
        DataType::Int64 => "int64",
        DataType::UInt32 => "uint32",
        DataType::UInt64 => "uint64",
        DataType::Float64 => "float64",
        DataType::Timestamp(TimeUnit::Nanosecond, None) => "timestamp_ns",
        DataType::List(_) => "list",
        DataType::Struct(_) => "struct",
        other => unreachable!("no schema has a column of type {other}"),
    }
    .to_owned()
}
