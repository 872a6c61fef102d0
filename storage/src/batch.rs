//! A batch: rows of one table that became known together.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::schema::{Table, TableSchema};
use crate::{Error, Result};

/// Rows of one table, in the order of arrival.
#[derive(Debug, Clone)]
pub struct Batch {
    table: Table,
    rows: RecordBatch,
    strays: Arc<BTreeSet<String>>,
}

impl Batch {
    /// A batch of `rows`, whose Arrow schema must be that of `schema`.
    ///
    /// `strays` names the promoted columns whose attribute occurs in the overflow of at least one
    /// row (another type than the column's, or a key sent twice).
    /// Errors: `Invalid` when the schemas differ.
    pub fn new(schema: &TableSchema, rows: RecordBatch, strays: BTreeSet<String>) -> Result<Self> {
        if rows.schema_ref() != schema.arrow() {
            return Err(Error::Invalid(format!(
                "rows do not have the schema of {}",
                schema.table
            )));
        }
        Ok(Batch {
            table: schema.table,
            rows,
            strays: Arc::new(strays),
        })
    }

    /// Which table.
    pub fn table(&self) -> Table {
        self.table
    }

    /// The rows.
    pub fn rows(&self) -> &RecordBatch {
        &self.rows
    }

    /// Promoted columns with values in the overflow.
    pub fn strays(&self) -> &BTreeSet<String> {
        &self.strays
    }

    /// Bytes of memory that the rows hold.
    pub fn memory_bytes(&self) -> usize {
        self.rows.get_array_memory_size()
    }
}
