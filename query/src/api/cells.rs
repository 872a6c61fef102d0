//! Values of a query's rows by column number, whatever Arrow type holds them.
//!
//! For answers of some thousand rows; larger ones read typed arrays.

use arrow::array::{Array, AsArray, ListArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampNanosecondType, UInt8Type,
    UInt32Type, UInt64Type,
};

use crate::plan::ids::to_hex;

/// One row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

/// All rows of `batches`, in order.
pub(crate) fn rows(batches: &[RecordBatch]) -> impl Iterator<Item = Row<'_>> {
    batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(move |row| Row { batch, row }))
}

impl<'a> Row<'a> {
    /// The column's array, when it has a value in this row.
    fn array(&self, column: usize) -> Option<&'a dyn Array> {
        let array = self.batch.columns().get(column)?;
        array.is_valid(self.row).then_some(array.as_ref())
    }

    /// Text; `None` for NULL and for columns that are no text.
    pub(crate) fn text(&self, column: usize) -> Option<&'a str> {
        let array = self.array(column)?;
        Some(match array.data_type() {
            DataType::Utf8View => array.as_string_view().value(self.row),
            DataType::Utf8 => array.as_string::<i32>().value(self.row),
            DataType::LargeUtf8 => array.as_string::<i64>().value(self.row),
            _ => return None,
        })
    }

    /// Text, "" for NULL.
    pub(crate) fn string(&self, column: usize) -> String {
        self.text(column).unwrap_or_default().to_owned()
    }

    /// An integer, or a time in nanoseconds; `None` for NULL, beyond 64 bits, and for other types.
    pub(crate) fn int(&self, column: usize) -> Option<i64> {
        let array = self.array(column)?;
        Some(match array.data_type() {
            DataType::Int64 => array.as_primitive::<Int64Type>().value(self.row),
            DataType::Int32 => array.as_primitive::<Int32Type>().value(self.row).into(),
            DataType::UInt8 => array.as_primitive::<UInt8Type>().value(self.row).into(),
            DataType::UInt32 => array.as_primitive::<UInt32Type>().value(self.row).into(),
            DataType::UInt64 => {
                let value = array.as_primitive::<UInt64Type>().value(self.row);
                i64::try_from(value).ok()?
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => array
                .as_primitive::<TimestampNanosecondType>()
                .value(self.row),
            _ => return None,
        })
    }

    /// An integer of 64 bits without a sign; `None` for NULL and below 0.
    pub(crate) fn unsigned(&self, column: usize) -> Option<u64> {
        let array = self.array(column)?;
        match array.data_type() {
            DataType::UInt64 => Some(array.as_primitive::<UInt64Type>().value(self.row)),
            _ => self.int(column)?.try_into().ok(),
        }
    }

    /// A count: an integer, 0 for NULL and below.
    pub(crate) fn count(&self, column: usize) -> u64 {
        self.int(column).unwrap_or_default().try_into().unwrap_or(0)
    }

    /// A number; `None` for NULL and for columns without numbers.
    pub(crate) fn double(&self, column: usize) -> Option<f64> {
        let array = self.array(column)?;
        match array.data_type() {
            DataType::Float64 => Some(array.as_primitive::<Float64Type>().value(self.row)),
            _ => self.int(column).map(|value| value as f64),
        }
    }

    /// A boolean; false for NULL.
    pub(crate) fn is_true(&self, column: usize) -> bool {
        self.array(column)
            .and_then(|array| array.as_boolean_opt())
            .is_some_and(|array| array.value(self.row))
    }

    /// Bytes; `None` for NULL and for columns without bytes.
    pub(crate) fn bytes(&self, column: usize) -> Option<&'a [u8]> {
        let array = self.array(column)?;
        Some(match array.data_type() {
            DataType::Binary => array.as_binary::<i32>().value(self.row),
            DataType::LargeBinary => array.as_binary::<i64>().value(self.row),
            DataType::BinaryView => array.as_binary_view().value(self.row),
            _ => return None,
        })
    }

    /// An id as lower-case hex.
    pub(crate) fn hex(&self, column: usize) -> Option<String> {
        self.bytes(column).map(to_hex)
    }

    /// A time or another integer as a decimal string of nanoseconds.
    pub(crate) fn nanos(&self, column: usize) -> Option<String> {
        self.int(column).map(|nanos| nanos.to_string())
    }

    /// A list column and this row's place in it.
    pub(crate) fn list(&self, column: usize) -> Option<(&'a ListArray, usize)> {
        let array = self.array(column)?;
        Some((array.as_list_opt::<i32>()?, self.row))
    }
}
