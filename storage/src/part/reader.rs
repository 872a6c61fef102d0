//! Reads parts from disk, blocking: for compaction, and whoever must see every row of a file.
//!
//! Rows come in the current schema of the table: columns that were appended after the file was
//! written are NULL.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StructArray, new_null_array};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::PartMeta;
use super::writer::parquet_error;
use crate::checked::{damage, sum};
use crate::files::failed;
use crate::objects::Objects;
use crate::schema::TableSchema;
use crate::{Error, Result};

/// A part whose footer is read.
pub(crate) struct PartFile {
    path: String,
    schema: Arc<TableSchema>,
    columns_count: usize,
    builder: ParquetRecordBatchReaderBuilder<File>,
}

impl std::fmt::Debug for PartFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl PartFile {
    /// Opens `part`, whose table has `schema` now.
    ///
    /// Errors: `Io`, `Parquet`; `Corrupt` when the file's columns are not those it should have.
    pub(crate) fn open(
        objects: &Objects,
        part: &PartMeta,
        schema: &Arc<TableSchema>,
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
        Ok(PartFile {
            path: part.path.clone(),
            schema: Arc::clone(schema),
            columns_count,
            builder,
        })
    }

    /// Rows, as the footer says.
    pub(crate) fn rows_count(&self) -> u64 {
        self.builder.metadata().file_metadata().num_rows() as u64
    }

    /// About how many bytes of memory a row takes when read, on average.
    pub(crate) fn row_bytes(&self) -> usize {
        let metadata = self.builder.metadata();
        let rows = metadata.file_metadata().num_rows().max(1) as u64;
        let texts: i64 = metadata
            .row_groups()
            .iter()
            .flat_map(|group| group.columns())
            .filter_map(|chunk| chunk.unencoded_byte_array_data_bytes())
            .sum();
        let fixed = 8 * metadata.file_metadata().schema_descr().num_columns() as u64;
        (texts.max(0) as u64 / rows + fixed) as usize
    }

    /// Its rows, in batches of `batch_rows`.
    pub(crate) fn rows(self, batch_rows: usize) -> Result<PartReader> {
        let batches = self
            .builder
            .with_batch_size(batch_rows)
            .build()
            .map_err(|source| parquet_error("opening", &self.path, source))?;
        Ok(PartReader {
            path: self.path,
            schema: self.schema,
            columns_count: self.columns_count,
            batches,
        })
    }
}

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
/// Errors: `Corrupt` when they differ or the file is gone, `Io`.
pub(crate) fn verify(objects: &Objects, part: &PartMeta) -> Result<()> {
    let unread = |source: std::io::Error| match damage(&source) {
        Some(detail) => corrupt(part, &detail),
        None => failed("reading", Path::new(&part.path), source),
    };
    let file = match objects.read(&part.path) {
        Err(Error::Io { source, .. }) => return Err(unread(source)),
        file => file?,
    };
    // What the disk has is of interest, not what memory still has of it. A mere hint.
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    let (bytes, checksum) = sum(&file).map_err(unread)?;
    if bytes != part.bytes {
        let detail = format!("it has {bytes} bytes, not {}", part.bytes);
        return Err(corrupt(part, &detail));
    }
    if checksum != part.checksum {
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
