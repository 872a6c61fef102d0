//! Reads parts from disk, blocking: for compaction, and whoever must see every row of a file.
//!
//! Rows come in the current schema of the table: columns that were appended after the file was
//! written are NULL.

use std::io::Read;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StructArray, new_null_array};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use xxhash_rust::xxh3::Xxh3Default;

use super::PartMeta;
use super::writer::parquet_error;
use crate::objects::Objects;
use crate::schema::TableSchema;
use crate::{Error, Result};

/// The rows of one part, in file order.
pub(crate) struct PartReader {
    path: String,
    schema: Arc<TableSchema>,
    columns_count: usize,
    batches: ParquetRecordBatchReader,
}

impl std::fmt::Debug for PartReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartReader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl PartReader {
    /// Opens `part`, whose table has `schema` now; batches will have `batch_rows` rows.
    ///
    /// Errors: `Io`, `Parquet`; `Corrupt` when the file's columns are not those it should have.
    pub(crate) fn open(
        objects: &Objects,
        part: &PartMeta,
        schema: &Arc<TableSchema>,
        batch_rows: usize,
    ) -> Result<Self> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(objects.read(&part.path)?)
            .map_err(|source| parquet_error("opening", &part.path, source))?;
        let found = builder.schema().fields();
        let columns_count = part.columns_count as usize;
        let same = found.len() == columns_count
            && columns_count <= schema.columns.len()
            && found
                .iter()
                .zip(&schema.columns)
                .all(|(field, column)| *field.name() == column.name);
        if !same {
            return Err(corrupt(part, "its columns are not those of the table"));
        }
        let batches = builder
            .with_batch_size(batch_rows)
            .build()
            .map_err(|source| parquet_error("opening", &part.path, source))?;
        Ok(PartReader {
            path: part.path.clone(),
            schema: Arc::clone(schema),
            columns_count,
            batches,
        })
    }

    fn conform(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let error = |source| Error::Arrow {
            action: "reading rows in the current schema",
            source,
        };
        let fields = self.schema.arrow().fields();
        let columns = fields
            .iter()
            .enumerate()
            .map(|(at, field)| {
                if at < self.columns_count {
                    retype(rows.column(at), field.data_type())
                } else {
                    Ok(new_null_array(field.data_type(), rows.num_rows()))
                }
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(error)?;
        RecordBatch::try_new(Arc::clone(self.schema.arrow()), columns).map_err(error)
    }
}

impl Iterator for PartReader {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.batches.next()?;
        Some(
            rows.map_err(|source| parquet_error("reading", &self.path, source.into()))
                .and_then(|rows| self.conform(&rows)),
        )
    }
}

/// Compares a part's size and checksum with the catalog's, reading the whole file.
///
/// Errors: `Corrupt` when they differ, `Io`.
pub(crate) fn verify(objects: &Objects, part: &PartMeta) -> Result<()> {
    let mut file = objects.read(&part.path)?;
    let mut hash = Xxh3Default::new();
    let mut block = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut block).map_err(|source| Error::Io {
            action: "reading",
            path: part.path.clone().into(),
            source,
        })?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        hash.update(&block[..read]);
    }
    if bytes != part.bytes {
        let detail = format!("it has {bytes} bytes, not {}", part.bytes);
        return Err(corrupt(part, &detail));
    }
    if hash.digest() != part.checksum {
        return Err(corrupt(part, "its checksum differs from the catalog's"));
    }
    Ok(())
}

/// The same values with the field names and metadata of `want` (files carry column ids, buffers
/// do not).
fn retype(column: &ArrayRef, want: &DataType) -> Result<ArrayRef, ArrowError> {
    if column.data_type() == want {
        return Ok(Arc::clone(column));
    }
    match want {
        DataType::List(element) => {
            let (_, offsets, values, nulls) = column
                .as_list_opt::<i32>()
                .ok_or_else(|| mismatch(column, want))?
                .clone()
                .into_parts();
            let values = retype(&values, element.data_type())?;
            let list = ListArray::try_new(Arc::clone(element), offsets, values, nulls)?;
            Ok(Arc::new(list))
        }
        DataType::Struct(fields) => {
            let (found, columns, nulls) = column
                .as_struct_opt()
                .ok_or_else(|| mismatch(column, want))?
                .clone()
                .into_parts();
            if found.len() != fields.len() {
                return Err(mismatch(column, want));
            }
            let columns = columns
                .iter()
                .zip(fields)
                .map(|(column, field)| retype(column, field.data_type()))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Arc::new(StructArray::try_new(
                fields.clone(),
                columns,
                nulls,
            )?))
        }
        _ => Err(mismatch(column, want)),
    }
}

fn mismatch(column: &ArrayRef, want: &DataType) -> ArrowError {
    ArrowError::SchemaError(format!(
        "column has type {}, not {want}",
        column.data_type()
    ))
}

fn corrupt(part: &PartMeta, detail: &str) -> Error {
    Error::Corrupt {
        what: format!("part {}", part.path),
        detail: detail.to_owned(),
    }
}
