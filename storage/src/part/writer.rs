//! Writes one part: sorted rows in, a durable Parquet file and its [`PartMeta`] out.
//!
//! zstd(1), zstd(3) for the overflows of merged parts, row groups bounded in rows and bytes, page index,
//! dictionaries but for ids and times. The catalog's column ids are the Parquet field ids. The checksum
//! is taken while the bytes go out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use oriel_proto::UnixNanos;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding as ParquetEncoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::fields::field_ids;
use super::stats::Tally;
use super::words::{self, WordsWriter};
use super::{PartId, PartMeta};
use crate::layout::part_path;
use crate::objects::{NewFile, Objects};
use crate::schema::{Encoding, FORMAT_VERSION, Level, Schemas, SortKey, Table, TableSchema};
use crate::{Config, Error, Result, TenantId};

/// A row group is closed at this many encoded bytes, or at a quarter of what a merge may use, so that
/// fat rows do not pile up in memory.
const ROW_GROUP_BYTES_MAX: usize = 64 << 20;
/// Bytes of one column handed to the Parquet writer at once: pages end only between two writes.
const WRITE_BYTES: usize = 1 << 20;
/// Rows handed to the Parquet writer at once, so that its limits can act.
pub(crate) const WRITE_ROWS: usize = 8192;
/// Rows of a data page of `traces`, where one row is looked up at a time.
const TRACES_PAGE_ROWS: usize = 2000;
/// Bytes of a data page of a log's body, and of its dictionary, both of which are read for one row
/// that a word index names: a page of 1,024 rows as a rule.
const BODY_PAGE_BYTES: usize = 256 << 10;

/// What writing parts needs; built once when the store opens.
#[derive(Debug, Clone)]
pub(crate) struct PartContext {
    pub(crate) objects: Arc<Objects>,
    pub(crate) schemas: Schemas,
    pub(crate) config: Config,
    numbered: Arc<HashMap<Table, SchemaRef>>,
}

impl PartContext {
    /// A context that writes `schemas` into `objects`.
    pub(crate) fn new(objects: Arc<Objects>, schemas: Schemas, config: Config) -> Self {
        let numbered = Table::ALL
            .into_iter()
            .map(|table| (table, field_ids(schemas.of(table))))
            .collect();
        let indexed = config.index_attributes.clone();
        objects.indexes().keep_attributes(indexed);
        PartContext {
            objects,
            schemas,
            config,
            numbered: Arc::new(numbered),
        }
    }

    /// Bytes of a batch for steps that read one part at a time.
    pub(crate) fn batch_bytes(&self) -> usize {
        (self.config.compact_memory_bytes.as_u64() / 8) as usize
    }
}

/// What is known of a part before it is written.
#[derive(Debug, Clone)]
pub(crate) struct PartSpec {
    pub(crate) tenant: TenantId,
    pub(crate) table: Table,
    pub(crate) day: i32,
    pub(crate) odd: bool,
    pub(crate) level: u8,
    pub(crate) strays: BTreeSet<String>,
}

/// A part being written. Dropped unfinished, its file is removed.
pub(crate) struct PartWriter {
    spec: PartSpec,
    path: String,
    schema: Arc<TableSchema>,
    parquet: ArrowWriter<NewFile>,
    tally: Tally,
    words: Option<WordsWriter>,
}

impl std::fmt::Debug for PartWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartWriter")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl PartWriter {
    /// Creates the file.
    pub(crate) fn create(ctx: &PartContext, spec: PartSpec) -> Result<Self> {
        let schema = Arc::clone(ctx.schemas.of(spec.table));
        let numbered = Arc::clone(&ctx.numbered[&spec.table]);
        let path = part_path(&spec.tenant, spec.table, spec.day);
        let file = ctx.objects.create(&path)?;
        let quarter = (ctx.config.compact_memory_bytes.as_u64() / 4) as usize;
        let properties = properties(
            &schema,
            ctx.config.row_group_rows,
            quarter.clamp(WRITE_BYTES, ROW_GROUP_BYTES_MAX),
            spec.level > 0,
        );
        let options = ArrowWriterOptions::new().with_properties(properties);
        let parquet = ArrowWriter::try_new_with_options(file, numbered, options)
            .map_err(|source| parquet_error("creating", &path, source))?;
        Ok(PartWriter {
            tally: Tally::new(&schema),
            spec,
            path,
            schema,
            parquet,
            words: None,
        })
    }

    /// About `rows` rows will be written: a part of so many may get a word index beside it.
    pub(crate) fn expect_rows(&mut self, ctx: &PartContext, rows: u64) {
        self.words = WordsWriter::create(ctx, &self.schema, &self.path, rows);
    }

    /// Adds `rows`, which must have the table's schema and continue the sort order.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.tally.add(rows)?;
        let mut at = 0;
        while at < rows.num_rows() {
            let mut count = WRITE_ROWS.min(rows.num_rows() - at);
            while count > 1 && widest(&rows.slice(at, count)) > WRITE_BYTES {
                count = count.div_ceil(2);
            }
            let slice = rows.slice(at, count);
            at += count;
            if let Some(words) = &mut self.words {
                words.add(&slice);
            }
            self.parquet
                .write(&slice)
                .map_err(|source| parquet_error("writing", &self.path, source))?;
        }
        Ok(())
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> u64 {
        self.tally.rows()
    }

    /// Completes the file and makes it durable.
    ///
    /// Errors: `Invalid` when no row was written.
    pub(crate) fn finish(self) -> Result<PartMeta> {
        let rows = self.tally.rows();
        let Some((time_min, time_max)) = self.tally.times() else {
            return Err(Error::Invalid(format!("part {} has no rows", self.path)));
        };
        let written = self
            .parquet
            .into_inner()
            .map_err(|source| parquet_error("finishing", &self.path, source))?
            .finish()?;
        if let Some(words) = self.words {
            words.finish();
        }
        let [a, b, c, d, ..] = written.tail;
        Ok(PartMeta {
            id: PartId(0),
            tenant: self.spec.tenant,
            table: self.spec.table,
            day: self.spec.day,
            odd: self.spec.odd,
            path: self.path,
            rows,
            bytes: written.bytes,
            footer_bytes: u64::from(u32::from_le_bytes([a, b, c, d])),
            time_min: UnixNanos(time_min),
            time_max: UnixNanos(time_max),
            level: self.spec.level,
            checksum: written.checksum,
            strays: self.spec.strays,
            columns_count: self.schema.columns.len() as u32,
            stats: self.tally.stats(),
            format: FORMAT_VERSION,
        })
    }
}

/// Bytes of the largest column of `rows`.
fn widest(rows: &RecordBatch) -> usize {
    rows.columns().iter().map(width).max().unwrap_or(0)
}

/// Bytes of the values of `column`: of lists only what its own rows have, since a slice keeps the
/// values of all, and of shared texts what they take when each row has its own.
fn width(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::List(_) => {
            let offsets = column.as_list::<i32>().value_offsets();
            let (first, end) = (offsets[0] as usize, offsets[column.len()] as usize);
            let values = column.as_list::<i32>().values();
            size_of_val(offsets) + width(&values.slice(first, end - first))
        }
        DataType::Struct(_) => column.as_struct().columns().iter().map(width).sum(),
        // The first four bytes of a view are the length of its text.
        DataType::Utf8View => {
            let views = column.as_string_view().views();
            views.iter().map(|view| 16 + *view as u32 as usize).sum()
        }
        _ => column.to_data().get_slice_memory_size().unwrap_or(0),
    }
}

/// How the columns of `schema` are written.
///
/// No bloom filters on ids: DuckDB up to 1.5.5 asks them for the escaped text of a BLOB and finds no
/// row (duckdb issue 23053). The `traces` table is the index of trace ids.
fn properties(
    schema: &TableSchema,
    row_group_rows: usize,
    row_group_bytes: usize,
    merged: bool,
) -> WriterProperties {
    let zstd = |level| Compression::ZSTD(ZstdLevel::try_new(level).expect("a level of zstd"));
    let mut builder = WriterProperties::builder()
        .set_compression(zstd(1))
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_max_row_group_bytes(Some(row_group_bytes))
        .set_created_by(concat!("oriel ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "oriel.format".to_owned(),
            FORMAT_VERSION.to_string(),
        )]))
        .set_sorting_columns(Some(sorting_columns(schema)));
    if merged {
        // A third smaller there, and of the whole merge hardly slower; a body stays as it is.
        for level in [Level::Record, Level::Resource, Level::Scope] {
            let path = ColumnPath::new(vec![level.column().to_owned()]);
            builder = builder.set_column_compression(path, zstd(3));
        }
    }
    if schema.table == Table::Traces {
        // The row count is looked at only between writes of `write_batch_size` values.
        builder = builder
            .set_data_page_row_count_limit(TRACES_PAGE_ROWS)
            .set_write_batch_size(TRACES_PAGE_ROWS);
    }
    if schema.table == Table::Logs {
        // Lengths apart from the texts: a reader checks the texts of a page in one go, and whatever
        // repeats does so past the end of a row.
        let body = ColumnPath::new(vec![words::COLUMN.to_owned()]);
        builder = builder
            .set_column_data_page_size_limit(body.clone(), BODY_PAGE_BYTES)
            .set_column_dictionary_page_size_limit(body.clone(), BODY_PAGE_BYTES)
            .set_column_encoding(body, ParquetEncoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    for column in &schema.columns {
        let encoding = match column.encoding {
            Encoding::Dictionary => continue,
            Encoding::Id => ParquetEncoding::DELTA_LENGTH_BYTE_ARRAY,
            Encoding::Delta => ParquetEncoding::DELTA_BINARY_PACKED,
        };
        // The name is one path element although promoted names have dots in them.
        let path = ColumnPath::new(vec![column.name.clone()]);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, encoding);
    }
    builder.build()
}

/// The sort key, as the footer states it; a part sorted by minutes states none, since no column
/// holds them.
fn sorting_columns(schema: &TableSchema) -> Vec<SortingColumn> {
    let leaves = |at: usize| {
        schema.columns[..at]
            .iter()
            .map(|c| leaves_count(&c.data_type))
            .sum()
    };
    schema
        .sort
        .iter()
        .map_while(|key| match key {
            SortKey::Column(name) => schema.index_of(name),
            SortKey::Minute(_) => None,
        })
        .map(|at| SortingColumn {
            column_idx: leaves(at),
            descending: false,
            nulls_first: true,
        })
        .collect()
}

/// Parquet columns that a column of this type takes.
fn leaves_count(data_type: &DataType) -> i32 {
    match data_type {
        DataType::List(element) => leaves_count(element.data_type()),
        DataType::Struct(fields) => fields.iter().map(|f| leaves_count(f.data_type())).sum(),
        _ => 1,
    }
}

pub(super) fn parquet_error(action: &'static str, path: &str, source: ParquetError) -> Error {
    Error::Parquet {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, ListArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    /// Scenario: a list column of 1,000 rows with 100 values each, and slices of it.
    /// Guarantees: a slice counts the values of its own rows: halving a batch halves its width, so
    /// that batches with many values are not written row by row.
    #[test]
    fn a_slice_counts_its_own_values() {
        let row = || Some((0..100).map(Some).collect::<Vec<Option<i64>>>());
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(
            (0..1000).map(|_| row()),
        ));
        let plain: ArrayRef = Arc::new(Int64Array::from(vec![1; 1000]));
        let all = width(&lists);
        assert!((800_000..900_000).contains(&all), "{all}");
        let half = width(&lists.slice(500, 500));
        assert!(half.abs_diff(all / 2) < 1000, "{half} of {all}");
        assert!(width(&lists.slice(999, 1)) < 1000);
        assert_eq!(width(&plain), 8000);
    }
}
