//! `SignalTable`: one table of one snapshot for DataFusion.
//!
//! In: a [`Snapshot`], which pins its parts while the query lives. Out: a scan = Parquet scan of
//! the parts that statistics leave over, of logs only the rows that word indexes name, newest parts
//! first, and the buffers; each row once. Strings are read as views; a column that a part lacks reads
//! as NULL.
//!
//! Filters that words decide ([`words::exact`]) are the scan's own: where an index names the rows,
//! `body` is not read for them; elsewhere the scan filters.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, DFSchema, Result, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::union::UnionExec;
use oriel_storage::schema::{Level, Table, TableSchema};
use oriel_storage::{Batch, PartMeta, Snapshot};

use super::narrow::{Narrowed, Used, Wanted, narrow};
use super::pages::PagedReaders;
use super::typing::{LEVEL_MARK, level_mark};
use super::words;
use crate::prune;

/// Address of the object store that parts are read from, in DataFusion's registry.
pub(crate) const STORE_URL: &str = "oriel://store";

/// What the scans of one query chose to read.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Parts of the tables scanned.
    pub(crate) files_considered: AtomicU64,
    /// Those that the catalog's statistics excluded.
    pub(crate) files_pruned: AtomicU64,
    /// What word indexes said.
    pub(crate) words: Arc<Used>,
    /// Rows of buffers handed to scans.
    pub(crate) buffered_rows: AtomicU64,
    /// Damaged parts that might have had rows for the answer.
    pub(crate) missing: Mutex<Vec<Arc<PartMeta>>>,
    /// Whether rows may be missing because the log is still replayed.
    pub(crate) replaying: AtomicBool,
}

impl Counters {
    fn miss(&self, parts: Vec<Arc<PartMeta>>) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        for part in parts {
            if missing.iter().all(|known| known.id != part.id) {
                missing.push(part);
            }
        }
    }
}

/// One table of a snapshot.
#[derive(Debug)]
pub(crate) struct SignalTable {
    table: Table,
    snapshot: Arc<Snapshot>,
    schema: SchemaRef,
    counters: Arc<Counters>,
}

impl SignalTable {
    pub(crate) fn new(table: Table, snapshot: Arc<Snapshot>, counters: Arc<Counters>) -> Self {
        let schema = sql_schema(snapshot.schemas().of(table));
        SignalTable {
            table,
            snapshot,
            schema,
            counters,
        }
    }

    /// Which table.
    pub(crate) fn table(&self) -> Table {
        self.table
    }

    fn table_schema(&self) -> &TableSchema {
        self.snapshot.schemas().of(self.table)
    }

    /// Whether no row comes out of a scan for which `filter`, one of its filters, does not hold.
    fn decides(&self, filter: &Expr) -> bool {
        self.table == Table::Logs && words::exact(filter).is_some()
    }

    fn pruned(&self, filters: &[Expr]) -> Vec<Arc<PartMeta>> {
        self.matching(self.snapshot.parts(self.table), filters)
    }

    /// Those of `parts` that may have rows for `filters`.
    fn matching(&self, parts: &[Arc<PartMeta>], filters: &[Expr]) -> Vec<Arc<PartMeta>> {
        let filters: Vec<Expr> = filters.iter().cloned().map(unqualified).collect();
        match DFSchema::try_from(Arc::clone(&self.schema)) {
            Ok(schema) => prune::prune(parts, &filters, self.table_schema(), &schema),
            Err(_) => parts.to_vec(),
        }
    }

    /// Promoted columns whose key some row that `filters` may want has in its overflow.
    pub(crate) fn strays(&self, filters: &[Expr]) -> BTreeSet<String> {
        let columns = &self.table_schema().columns;
        let mut strays = BTreeSet::new();
        for part in self.pruned(filters) {
            strays.extend(part.strays.iter().cloned());
            let lacking = columns.iter().skip(part.columns_count as usize);
            strays.extend(lacking.map(|column| column.name.clone()));
        }
        for batch in self.snapshot.buffers(self.table) {
            strays.extend(batch.strays().iter().cloned());
        }
        strays
    }

    /// Those rows of `parts` that their word indexes leave over for `filters`.
    async fn narrowed(
        &self,
        state: &dyn Session,
        parts: Vec<Arc<PartMeta>>,
        own: &[Expr],
        others: &[Expr],
    ) -> Result<Vec<Narrowed>> {
        let wanted = match self.table {
            Table::Logs => Wanted {
                exact: conjunction(own.iter().cloned()).and_then(|own| words::exact(&own)),
                hint: words::search(others, &|key| self.snapshot.indexes_attribute(key)),
            },
            _ => Wanted::default(),
        };
        if wanted.exact.is_none() && wanted.hint.is_none() {
            let whole = |part| Narrowed::whole(part, true);
            return Ok(parts.into_iter().map(whole).collect());
        }
        let threads = state.config().target_partitions();
        let used = &self.counters.words;
        narrow(&self.snapshot, parts, wanted, threads, used).await
    }

    fn scan_parts(
        &self,
        state: &dyn Session,
        mut parts: Vec<Narrowed>,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let url = ObjectStoreUrl::parse(STORE_URL)?;
        let objects = state.runtime_env().object_store(&url)?;
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(objects, cache);
        let readers: Arc<dyn ParquetFileReaderFactory> =
            match parts.iter().any(|part| part.rows.is_some()) {
                true => Arc::new(PagedReaders(readers)),
                false => Arc::new(readers),
            };
        let mut options = state.default_table_options().parquet;
        if mostly_picked(&parts) {
            // What conditions have read is kept for the answer by whole batches, around each row.
            options.global.max_predicate_cache_size = Some(0);
        }
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(readers);
        // Each reader begins with the newest rows: those that are asked for most.
        parts.sort_by_key(|narrowed| std::cmp::Reverse(narrowed.part.time_max));
        let groups_count = state
            .config()
            .target_partitions()
            .clamp(1, parts.len().max(1));
        let mut groups = vec![Vec::new(); groups_count];
        for (at, narrowed) in parts.iter().enumerate() {
            groups[at % groups_count].push(self.file(narrowed));
        }
        let groups = groups.into_iter().map(FileGroup::new).collect();
        let rows = parts.iter().map(Narrowed::rows_count).sum();
        let bytes = parts
            .iter()
            .map(|narrowed| narrowed.part.bytes as usize)
            .sum();
        let statistics = Statistics {
            num_rows: Precision::Exact(rows),
            total_byte_size: Precision::Inexact(bytes),
            column_statistics: vec![ColumnStatistics::new_unknown(); self.schema.fields().len()],
        };
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn file(&self, narrowed: &Narrowed) -> PartitionedFile {
        let part = &narrowed.part;
        let table = self.table_schema();
        let column_statistics = (0..self.schema.fields().len())
            .map(|index| {
                let known = prune::known(part, table, index);
                // Bounds of all rows, not of those that are picked.
                let all = narrowed.rows.is_none();
                let exact = |value: Option<_>| match all {
                    true => value.map_or(Precision::Absent, Precision::Exact),
                    false => value.map_or(Precision::Absent, Precision::Inexact),
                };
                let nulls = known.nulls.filter(|_| all);
                ColumnStatistics {
                    null_count: exact_count(nulls),
                    min_value: exact(known.min),
                    max_value: exact(known.max),
                    ..ColumnStatistics::new_unknown()
                }
            })
            .collect();
        let statistics = Statistics {
            num_rows: Precision::Exact(narrowed.rows_count()),
            total_byte_size: Precision::Inexact(part.bytes as usize),
            column_statistics,
        };
        let file = PartitionedFile::new(part.path.clone(), part.bytes)
            .with_metadata_size_hint(part.footer_bytes as usize + 8)
            .with_statistics(Arc::new(statistics));
        match narrowed.selection() {
            Some(selection) => file.with_extension(selection),
            None => file,
        }
    }

    /// The buffered batches that may have rows for `filters`.
    fn buffers(&self, filters: &[Expr]) -> Vec<&Batch> {
        let buffers = self.snapshot.buffers(self.table);
        let filters: Vec<Expr> = filters.iter().cloned().map(unqualified).collect();
        match DFSchema::try_from(Arc::clone(&self.schema)) {
            Ok(schema) => prune::prune_batches(buffers, &filters, self.table_schema(), &schema),
            Err(_) => buffers.iter().collect(),
        }
    }

    fn scan_buffers(
        &self,
        buffers: &[&Batch],
        projection: Option<&Vec<usize>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows: usize = buffers.iter().map(|batch| batch.rows().num_rows()).sum();
        self.counters
            .buffered_rows
            .fetch_add(rows as u64, Ordering::Relaxed);
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let schema = Arc::new(self.schema.project(wanted)?);
        let batches = buffers
            .iter()
            .map(|batch| as_views(&batch.rows().project(wanted)?, &schema))
            .collect::<Result<Vec<_>>>()?;
        let source = MemorySourceConfig::try_new(&[batches], schema, None)?;
        Ok(DataSourceExec::from_data_source(source))
    }
}

/// Whether of most rows of `parts` only some are read.
fn mostly_picked(parts: &[Narrowed]) -> bool {
    let rows = |picked: bool| -> u64 {
        let parts = parts.iter().filter(|part| part.rows.is_some() == picked);
        parts.map(|narrowed| narrowed.part.rows).sum()
    };
    rows(true) > rows(false)
}

/// A scan that has to filter its rows itself: what it reads, and what of that goes on.
struct Filtered {
    /// All that must hold.
    condition: Option<Expr>,
    /// The columns to read; `None` for all.
    read: Option<Vec<usize>>,
    /// How many of them go on.
    wanted: usize,
}

impl Filtered {
    /// A scan of the columns `projection` of `schema`, for whose rows all of `conditions` hold.
    fn new(
        schema: &SchemaRef,
        projection: Option<&Vec<usize>>,
        conditions: Vec<Expr>,
    ) -> Result<Self> {
        let condition = conjunction(conditions).map(unqualified);
        let mut read = projection.cloned();
        let wanted = read.as_ref().map_or(schema.fields().len(), Vec::len);
        if let (Some(read), Some(condition)) = (&mut read, &condition) {
            let mut needed = Vec::new();
            for column in condition.column_refs() {
                needed.push(schema.index_of(&column.name)?);
            }
            needed.sort_unstable();
            needed.retain(|column| !read.contains(column));
            read.extend(needed);
        }
        Ok(Filtered {
            condition,
            read,
            wanted,
        })
    }

    /// The rows of `input`, which has the columns to read, that go on.
    fn apply(
        &self,
        state: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(condition) = &self.condition else {
            return Ok(input);
        };
        let schema = input.schema();
        let columns = schema.fields().len();
        let schema = DFSchema::try_from(schema)?;
        let condition = state.create_physical_expr(condition.clone(), &schema)?;
        let wanted = (self.wanted < columns).then(|| (0..self.wanted).collect());
        let filter = FilterExecBuilder::new(condition, input).apply_projection(wanted)?;
        Ok(Arc::new(filter.build()?))
    }
}

fn exact_count(count: Option<u64>) -> Precision<usize> {
    count.map_or(Precision::Absent, |count| Precision::Exact(count as usize))
}

/// `expr` with its columns named without a table.
fn unqualified(expr: Expr) -> Expr {
    use datafusion::common::Column;
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let bare = expr.clone().transform(|expr| {
        Ok(match expr {
            Expr::Column(column) => {
                Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))
            }
            other => Transformed::no(other),
        })
    });
    bare.map_or(expr, |done| done.data)
}

/// The columns of `table` as SQL sees them: text as views, overflow columns marked by level.
pub(crate) fn sql_schema(table: &TableSchema) -> SchemaRef {
    let levels = [Level::Resource, Level::Scope, Level::Record];
    let fields: Vec<Field> = table
        .arrow()
        .fields()
        .iter()
        .map(|field| {
            let mut metadata: HashMap<String, String> = field.metadata().clone();
            let level = levels.iter().find(|level| level.column() == field.name());
            if let Some(level) = level {
                metadata.insert(LEVEL_MARK.to_owned(), level_mark(table.table, *level));
            }
            let data_type = prune::sql_type(field.data_type());
            Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// `rows` with the types of `schema`.
fn as_views(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = rows
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast(column, field.data_type()))
        .collect::<Result<Vec<_>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

#[async_trait]
impl TableProvider for SignalTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let parts = self.pruned(filters);
        let missing = self.snapshot.missing(self.table).iter();
        let missing: Vec<_> = missing.map(|missing| Arc::clone(&missing.part)).collect();
        self.counters.miss(self.matching(&missing, filters));
        if self.snapshot.replaying() {
            self.counters.replaying.store(true, Ordering::Relaxed);
        }
        let considered = self.snapshot.parts(self.table).len();
        let add = |counter: &AtomicU64, count: usize| {
            counter.fetch_add(count as u64, Ordering::Relaxed);
        };
        add(&self.counters.files_considered, considered);
        add(&self.counters.files_pruned, considered - parts.len());
        let (own, others): (Vec<Expr>, Vec<Expr>) = filters
            .iter()
            .cloned()
            .partition(|filter| self.decides(filter));
        let parts = self.narrowed(state, parts, &own, &others).await?;
        let (checked, unchecked): (Vec<Narrowed>, Vec<Narrowed>) =
            parts.into_iter().partition(|part| part.checked);
        let mut inputs = Vec::new();
        if !checked.is_empty() {
            inputs.push(self.scan_parts(state, checked, projection, limit)?);
        }
        let filtered = Filtered::new(&self.schema, projection, own)?;
        if !unchecked.is_empty() {
            let read = self.scan_parts(state, unchecked, filtered.read.as_ref(), None)?;
            inputs.push(filtered.apply(state, read)?);
        }
        let buffers = self.buffers(filters);
        if inputs.is_empty() || !buffers.is_empty() {
            let read = self.scan_buffers(&buffers, filtered.read.as_ref())?;
            inputs.push(filtered.apply(state, read)?);
        }
        match inputs.len() {
            1 => Ok(inputs.swap_remove(0)),
            _ => UnionExec::try_new(inputs),
        }
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match self.decides(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(support).collect())
    }
}
