//! Columns that no row of a batch has: arrays of NULL, and lists without items, made once and shared by
//! all batches and all columns of one type.
//!
//! In: a number of rows. Out: an array for each column of a table. Memory is bounded: arrays of 16, 32 and
//! so on to [`ROWS_MAX`] rows are kept (about 50 bytes a row), and their beginnings for the last [`KEPT`] sizes.
//! Beginnings of the next larger arrays only, since queries count the memory of whole ones.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{Array, ArrayRef, ListArray, new_empty_array, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use oriel_storage::schema::TableSchema;

/// Sizes whose arrays are kept.
const KEPT: usize = 32;

/// Batches of more rows have arrays of their own.
const ROWS_MAX: usize = 4096;

/// Rows of the smallest arrays that are kept.
const ROWS_MIN: usize = 16;

/// Sizes from [`ROWS_MIN`] to [`ROWS_MAX`].
const WHOLE: usize = (ROWS_MAX / ROWS_MIN).ilog2() as usize + 1;

/// The arrays of one number of rows, by column.
#[derive(Debug)]
pub(super) struct Columns {
    rows: usize,
    /// Memory they hold, unless they are kept for other batches.
    pub(super) bytes: usize,
    /// Nothing but NULL.
    pub(super) nulls: Vec<ArrayRef>,
    /// Nothing but lists without items, in list columns; else as `nulls`.
    pub(super) empty_lists: Vec<ArrayRef>,
}

impl Columns {
    /// Their first `rows` rows, in the same memory; equal arrays stay one.
    fn first(&self, rows: usize) -> Columns {
        let first = |arrays: &[ArrayRef]| {
            let mut out: Vec<ArrayRef> = Vec::with_capacity(arrays.len());
            for (at, array) in arrays.iter().enumerate() {
                let known = arrays[..at].iter().position(|a| Arc::ptr_eq(a, array));
                out.push(known.map_or_else(|| array.slice(0, rows), |at| Arc::clone(&out[at])));
            }
            out
        };
        Columns {
            rows,
            bytes: 0,
            nulls: first(&self.nulls),
            empty_lists: first(&self.empty_lists),
        }
    }

    /// Memory of the arrays of NULL, each counted once.
    fn memory(&self) -> usize {
        let first = |(at, array): &(usize, &ArrayRef)| {
            let before = &self.nulls[..*at];
            !before.iter().any(|other| Arc::ptr_eq(other, array))
        };
        let distinct = self.nulls.iter().enumerate().filter(first);
        distinct
            .map(|(_, array)| array.get_array_memory_size())
            .sum()
    }
}

/// Makes and keeps such arrays for the columns of one table.
#[derive(Debug)]
pub(super) struct Absent {
    types: Vec<DataType>,
    /// The arrays of 16 rows, 32 and so on, to [`ROWS_MAX`].
    whole: [OnceLock<Columns>; WHOLE],
    /// Last used first.
    kept: Mutex<Vec<Arc<Columns>>>,
}

impl Absent {
    pub(super) fn new(schema: &TableSchema) -> Self {
        let types = schema.columns.iter();
        Absent {
            types: types.map(|column| column.buffer_type().clone()).collect(),
            whole: Default::default(),
            kept: Mutex::default(),
        }
    }

    /// The arrays of `rows` rows.
    pub(super) fn of(&self, rows: usize) -> Result<Arc<Columns>, ArrowError> {
        if rows > ROWS_MAX {
            let mut columns = self.make(rows)?;
            columns.bytes = columns.memory();
            return Ok(Arc::new(columns));
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.iter().position(|columns| columns.rows == rows) {
            Some(at) => kept[..=at].rotate_right(1),
            None => {
                kept.truncate(KEPT - 1);
                let size = rows.next_power_of_two().max(ROWS_MIN);
                let place = &self.whole[(size / ROWS_MIN).ilog2() as usize];
                let whole = match place.get() {
                    Some(whole) => whole,
                    None => {
                        let whole = self.make(size)?;
                        place.get_or_init(|| whole)
                    }
                };
                kept.insert(0, Arc::new(whole.first(rows)));
            }
        }
        Ok(Arc::clone(&kept[0]))
    }

    fn make(&self, rows: usize) -> Result<Columns, ArrowError> {
        let mut nulls: Vec<ArrayRef> = Vec::with_capacity(self.types.len());
        for data_type in &self.types {
            let known = nulls.iter().find(|array| array.data_type() == data_type);
            let array = match known {
                Some(array) => Arc::clone(array),
                None => new_null_array(data_type, rows),
            };
            nulls.push(array);
        }
        let empty_list = |(data_type, null): (&DataType, &ArrayRef)| match data_type {
            DataType::List(item) => {
                let items = new_empty_array(item.data_type());
                let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(0, rows));
                let list = ListArray::try_new(Arc::clone(item), offsets, items, None)?;
                Ok(Arc::new(list) as ArrayRef)
            }
            _ => Ok(Arc::clone(null)),
        };
        let empty_lists = self.types.iter().zip(&nulls).map(empty_list);
        let empty_lists = empty_lists.collect::<Result<_, ArrowError>>()?;
        Ok(Columns {
            rows,
            bytes: 0,
            nulls,
            empty_lists,
        })
    }
}

#[cfg(test)]
mod tests {
    use oriel_storage::schema::{Schemas, Table};

    use super::*;

    /// Scenario: batches of many sizes, again and again, one of them beyond what is kept.
    /// Guarantees: each column has an array of its type with NULL or an empty list in every row;
    /// batches of one size share them; memory is bounded.
    #[test]
    fn arrays_are_shared_by_size() {
        let schemas = Schemas::format0();
        for table in [Table::Spans, Table::Logs, Table::Metrics] {
            let schema = schemas.of(table);
            let absent = Absent::new(schema);
            for rows in (1..100).chain([ROWS_MAX - 1, ROWS_MAX, ROWS_MAX + 1]) {
                let columns = absent.of(rows).expect("columns");
                for (at, column) in schema.columns.iter().enumerate() {
                    let (null, list) = (&columns.nulls[at], &columns.empty_lists[at]);
                    assert_eq!((null.len(), null.null_count()), (rows, rows));
                    assert_eq!(list.len(), rows);
                    assert_eq!(null.data_type(), column.buffer_type());
                    assert_eq!(list.data_type(), column.buffer_type());
                    let is_list = matches!(column.data_type, DataType::List(_));
                    assert_eq!(list.null_count() == 0, is_list);
                }
            }
            let (first, again) = (absent.of(7).expect("new"), absent.of(7).expect("kept"));
            assert!(Arc::ptr_eq(&first, &again) && first.bytes == 0);
            let alone = absent.of(ROWS_MAX + 1).expect("made");
            assert!(alone.bytes > ROWS_MAX && alone.bytes < 200 * ROWS_MAX);
            let kept = absent.kept.lock().expect("the lock");
            assert!(kept.len() <= KEPT && kept.iter().all(|columns| columns.rows <= ROWS_MAX));
        }
    }
}
