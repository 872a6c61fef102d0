//! Reads parts from disk, blocking: for compaction, and whoever must see every row of a file.
//!
//! Rows come in the current schema of the table: columns that were appended after the file was
//! written are NULL. How many rows come at once can follow from how large they are ([`runs`]).

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StructArray, new_null_array};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelector,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

use super::PartMeta;
use super::writer::{WRITE_ROWS, parquet_error};
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
    file: File,
    metadata: ArrowReaderMetadata,
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
        let file = objects.read(&part.path)?;
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&file, options)
            .map_err(|source| parquet_error("opening", &part.path, source))?;
        let found = metadata.schema().fields();
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
        let metadata = with_views(metadata, schema)
            .map_err(|source| parquet_error("opening", &part.path, source))?;
        Ok(PartFile {
            path: part.path.clone(),
            schema: Arc::clone(schema),
            columns_count,
            file,
            metadata,
        })
    }

    /// Rows, as the footer says.
    pub(crate) fn rows_count(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows() as u64
    }

    /// Its rows, in batches of about `bytes` in memory, of one row at least and [`WRITE_ROWS`] at
    /// most.
    pub(crate) fn rows_within(self, bytes: usize) -> PartReader {
        PartReader {
            path: self.path,
            schema: self.schema,
            columns_count: self.columns_count,
            runs: runs(self.metadata.metadata(), bytes).into(),
            file: self.file,
            metadata: self.metadata,
            batches: None,
        }
    }
}

/// The rows of one part, in file order.
pub(crate) struct PartReader {
    path: String,
    schema: Arc<TableSchema>,
    columns_count: usize,
    file: File,
    metadata: ArrowReaderMetadata,
    runs: VecDeque<Run>,
    batches: Option<ParquetRecordBatchReader>,
}

impl std::fmt::Debug for PartReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartReader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl PartReader {
    /// The next rows as the file has them; `None` at the end.
    fn batch(&mut self) -> Option<Result<RecordBatch>> {
        loop {
            if let Some(rows) = self.batches.as_mut().and_then(Iterator::next) {
                let error =
                    |source: ArrowError| parquet_error("reading", &self.path, source.into());
                return Some(rows.map_err(error));
            }
            let run = self.runs.pop_front()?;
            match self.open(&run) {
                Ok(batches) => self.batches = Some(batches),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn open(&self, run: &Run) -> Result<ParquetRecordBatchReader> {
        let path = Path::new(&self.path);
        let file = self.file.try_clone();
        let file = file.map_err(|source| failed("opening", path, source))?;
        let selection = vec![RowSelector::skip(run.start), RowSelector::select(run.rows)];
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(vec![run.group])
            .with_row_selection(selection.into())
            .with_batch_size(run.batch_rows)
            .build()
            .map_err(|source| parquet_error("opening", &self.path, source))
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
        let rows = self.batch()?;
        Some(rows.and_then(|rows| self.conform(&rows)))
    }
}

/// Rows of a row group that are read in batches of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    group: usize,
    /// First row, within the row group.
    start: usize,
    rows: usize,
    batch_rows: usize,
}

/// Cuts a file into runs whose batches take about `bytes` of memory each.
///
/// The file says for each page how long its texts are in memory. Where pages begin or end, so does
/// a stretch of rows that are alike as far as is known. Batches have a power of two of rows, and
/// neighbours with equal batches are one run, so that ordinary files have one run a row group.
fn runs(metadata: &ParquetMetaData, bytes: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (group, of) in metadata.row_groups().iter().enumerate() {
        let rows_count = of.num_rows().max(0) as usize;
        // Where the bytes of a row change, by how much.
        let mut steps: Vec<(usize, f64)> = vec![(rows_count, 0.0)];
        let pages = metadata.offset_index().and_then(|index| index.get(group));
        for (at, column) in of.columns().iter().enumerate() {
            let index = pages.and_then(|columns| columns.get(at));
            let known = index
                .and_then(|i| Some((i.page_locations(), i.unencoded_byte_array_data_bytes()?)));
            let whole = column.unencoded_byte_array_data_bytes().unwrap_or(0);
            let mut step = |start: usize, end: usize, bytes: i64| {
                let each = bytes.max(0) as f64 / end.saturating_sub(start).max(1) as f64;
                steps.push((start, each));
                steps.push((end, -each));
            };
            let Some((pages, sizes)) = known.filter(|(pages, sizes)| pages.len() == sizes.len())
            else {
                step(0, rows_count, whole);
                continue;
            };
            for (page, size) in sizes.iter().enumerate() {
                let row = |at: usize| {
                    pages
                        .get(at)
                        .map(|page| page.first_row_index.max(0) as usize)
                };
                step(
                    row(page).unwrap_or(0),
                    row(page + 1).unwrap_or(rows_count),
                    *size,
                );
            }
        }
        steps.sort_by_key(|(row, _)| *row);
        // Lists have several values a row, or none.
        let values = of.columns().iter().map(|column| column.num_values().max(0));
        let mut row_bytes = 8.0 * values.sum::<i64>() as f64 / rows_count.max(1) as f64;
        let mut start = 0;
        for (row, change) in steps {
            if row > start {
                let fit = (bytes as f64 / row_bytes.max(1.0)) as usize;
                let batch_rows = 1 << fit.clamp(1, WRITE_ROWS).ilog2();
                match runs.last_mut() {
                    Some(last) if last.group == group && last.batch_rows == batch_rows => {
                        last.rows += row - start;
                    }
                    _ => runs.push(Run {
                        group,
                        start,
                        rows: row - start,
                        batch_rows,
                    }),
                }
                start = row;
            }
            row_bytes += change;
        }
    }
    runs
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

/// The same file, whose shared texts are read as views of its pages: of a dictionary's, as a rule, which
/// many rows share.
fn with_views(
    metadata: ArrowReaderMetadata,
    schema: &TableSchema,
) -> std::result::Result<ArrowReaderMetadata, ParquetError> {
    let fields = metadata.schema().fields().iter().zip(&schema.columns);
    let fields: Fields = fields
        .map(|(field, column)| match field.data_type() {
            DataType::Utf8 if column.shared => {
                Arc::new(Field::clone(field).with_data_type(DataType::Utf8View))
            }
            _ => Arc::clone(field),
        })
        .collect();
    let read = Schema::new_with_metadata(fields, metadata.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(read));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
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
