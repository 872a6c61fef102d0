//! Rows as comparable values: one JSON object a row.
//!
//! Doubles and bytes become text (`"NaN"`, `"-0.0"`, hex), so that equality is exact; times and
//! integers numbers; lists and structs arrays and objects.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt32Type, UInt64Type,
};
use serde_json::{Map, Value};

/// A row: column name to value.
pub type Row = Map<String, Value>;

/// The rows of `batch`.
///
/// Panics: on a column type that the schemas do not use.
pub fn rows(batch: &RecordBatch) -> Vec<Row> {
    let schema = batch.schema();
    (0..batch.num_rows())
        .map(|row| {
            let columns = schema.fields().iter().zip(batch.columns());
            columns
                .map(|(field, column)| (field.name().clone(), value(column, row)))
                .collect()
        })
        .collect()
}

/// `value` as it appears in a row.
pub(super) fn double(value: f64) -> Value {
    Value::String(format!("{value:?}"))
}

/// `bytes` as they appear in a row.
pub(super) fn hex(bytes: &[u8]) -> Value {
    Value::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn value(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Utf8View => column.as_string_view().value(row).into(),
        DataType::Binary => hex(column.as_binary::<i32>().value(row)),
        DataType::BinaryView => hex(column.as_binary_view().value(row)),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float64 => double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(..) => {
            let times = column.as_primitive::<TimestampNanosecondType>();
            times.value(row).into()
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            (0..items.len()).map(|item| value(&items, item)).collect()
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(column.as_struct().columns());
            columns
                .map(|(field, column)| (field.name().clone(), value(column, row)))
                .collect::<Row>()
                .into()
        }
        other => panic!("no schema has a column of type {other}"),
    }
}
