//! A batch: rows of one table that became known together.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;

use crate::schema::{Table, TableSchema};
use crate::{Error, Result};

/// Rows of one table, in the order of arrival. Cloning copies a pointer: a snapshot clones every
/// batch of its tenant.
#[derive(Debug, Clone)]
pub struct Batch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    table: Table,
    rows: RecordBatch,
    strays: BTreeSet<String>,
    memory_bytes: usize,
}

impl Batch {
    /// A batch of `rows`, whose Arrow schema must be that of `schema`.
    ///
    /// `strays` names the promoted columns whose attribute occurs in the overflow of at least one
    /// row (another type than the column's, or a key sent twice).
    /// Errors: `Invalid` when the schemas differ.
    pub fn new(schema: &TableSchema, rows: RecordBatch, strays: BTreeSet<String>) -> Result<Self> {
        let bytes = rows.get_array_memory_size();
        Batch::with_memory(schema, rows, strays, bytes)
    }

    /// The same, of rows that hold `memory_bytes` of memory: less than their arrays when some of these
    /// are shared with other batches.
    ///
    /// Errors: as for [`Batch::new`].
    pub fn with_memory(
        schema: &TableSchema,
        rows: RecordBatch,
        strays: BTreeSet<String>,
        memory_bytes: usize,
    ) -> Result<Self> {
        if rows.schema_ref() != schema.arrow() {
            return Err(Error::Invalid(format!(
                "rows do not have the schema of {}",
                schema.table
            )));
        }
        Ok(Batch(Arc::new(Inner {
            table: schema.table,
            memory_bytes,
            rows,
            strays,
        })))
    }

    /// Which table.
    pub fn table(&self) -> Table {
        self.0.table
    }

    /// The rows.
    pub fn rows(&self) -> &RecordBatch {
        &self.0.rows
    }

    /// Promoted columns with values in the overflow.
    pub fn strays(&self) -> &BTreeSet<String> {
        &self.0.strays
    }

    /// Bytes of memory that the rows hold.
    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes
    }
}

/// The text of `row` in a text column of a batch; `None` for NULL, and in other columns.
pub(crate) fn text_at(column: &dyn Array, row: usize) -> Option<&str> {
    if column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::Utf8 => Some(column.as_string::<i32>().value(row)),
        DataType::Utf8View => Some(column.as_string_view().value(row)),
        _ => None,
    }
}
