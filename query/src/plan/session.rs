//! DataFusion sessions: one environment for the life of the server, one session a query.
//!
//! The environment holds what queries share: functions, rules, the object store, the cache of
//! Parquet footers, the spill directory. A session adds the tables of one snapshot and a memory
//! limit of its own. Nothing in it can reach a file, the network or another catalog.

use std::sync::Arc;

use datafusion::catalog::CatalogProviderList;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider,
};
use datafusion::common::Result;
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::TrackConsumersPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::optimizer::{Analyzer, OptimizerRule};
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;
use oriel_storage::Snapshot;
use oriel_storage::schema::{Schemas, Table};

use super::memory::Memory;
use super::regexes::{self, Regexes};
use super::resolve::Resolve;
use super::table::{Counters, STORE_URL, SignalTable};
use super::typing::{AttributePlanner, Typing};
use super::yielding::Yielding;
use super::{functions, guarded, views};
use crate::Config;
use tokio_util::sync::CancellationToken;

/// Name of the only catalog.
pub(crate) const CATALOG: &str = "oriel";
/// Name of its schema with the tables.
pub(crate) const SCHEMA: &str = "default";
/// Consumers of memory that an error names.
const CONSUMERS_NAMED: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(2);

/// What queries share.
#[derive(Debug)]
pub(crate) struct Environment {
    base: SessionState,
    runtime: Arc<RuntimeEnv>,
    memory: Memory,
    memory_bytes_max: usize,
}

impl Environment {
    /// An environment that reads parts from `objects` in tables of `schemas`.
    pub(crate) fn new(
        config: &Config,
        objects: Arc<dyn ObjectStore>,
        schemas: &Schemas,
    ) -> Result<Self> {
        let spill = match &config.spill_dir {
            Some(dir) => DiskManagerMode::Directories(vec![dir.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        };
        let spill = DiskManagerBuilder::default()
            .with_mode(spill)
            .with_max_temp_directory_size(config.spill_bytes_max.as_u64());
        let runtime = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(spill)
            .with_metadata_cache_limit(config.metadata_cache_bytes.as_u64() as usize)
            .build_arc()?;
        let url = ObjectStoreUrl::parse(STORE_URL)?;
        runtime.register_object_store(url.as_ref(), objects);
        let mut base = SessionStateBuilder::new_with_default_features()
            .with_config(session_config(config))
            .with_runtime_env(Arc::clone(&runtime))
            .build();
        for function in functions::all() {
            use datafusion::execution::FunctionRegistry;
            base.register_udf(function)?;
        }
        let mut rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = vec![Arc::new(Resolve)];
        for function in guarded::all(&base) {
            use datafusion::execution::FunctionRegistry;
            if function.name() == regexes::LIKE {
                let like = Arc::clone(&function);
                rules.push(Arc::new(Regexes { like }));
            }
            base.register_udf(function)?;
        }
        let mut analyzers: Vec<Arc<dyn datafusion::optimizer::AnalyzerRule + Send + Sync>> =
            vec![Arc::new(Typing)];
        analyzers.extend(Analyzer::new().rules);
        let mut planners: Vec<Arc<dyn datafusion::logical_expr::planner::ExprPlanner>> =
            vec![Arc::new(AttributePlanner::new(schemas.clone()))];
        planners.extend(base.expr_planners().iter().cloned());
        let base = SessionStateBuilder::new_from_existing(base)
            .with_expr_planners(planners)
            .with_analyzer_rules(analyzers);
        let base = rules
            .into_iter()
            .fold(base, SessionStateBuilder::with_optimizer_rule);
        let base = base.build();
        Ok(Environment {
            base,
            runtime,
            memory: Memory::new(config.memory_bytes_total.as_u64() as usize),
            memory_bytes_max: config.memory_bytes_max.as_u64() as usize,
        })
    }

    /// What queries hold together.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// A session whose tables are those of `snapshot`; `sql` decides which views it needs. What it
    /// plans ends soon after `stop`.
    pub(crate) async fn session(
        &self,
        snapshot: &Arc<Snapshot>,
        counters: &Arc<Counters>,
        sql: &str,
        stop: CancellationToken,
    ) -> Result<SessionState> {
        let pool = self.memory.pool(self.memory_bytes_max);
        let mut runtime = RuntimeEnv::clone(&self.runtime);
        runtime.memory_pool = Arc::new(TrackConsumersPool::new(pool, CONSUMERS_NAMED));
        let schema = Arc::new(MemorySchemaProvider::new());
        for table in Table::ALL {
            let provider = SignalTable::new(table, Arc::clone(snapshot), Arc::clone(counters));
            schema.register_table(table.to_string(), Arc::new(provider))?;
        }
        let catalog = MemoryCatalogProvider::new();
        let shared: Arc<dyn SchemaProvider> = Arc::<MemorySchemaProvider>::clone(&schema);
        catalog.register_schema(SCHEMA, shared)?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(CATALOG.to_owned(), Arc::new(catalog));
        let mut state = SessionStateBuilder::new_from_existing(self.base.clone())
            .with_catalog_list(Arc::new(catalogs))
            .with_runtime_env(Arc::new(runtime))
            .with_physical_optimizer_rule(Arc::new(Yielding { stop }))
            .build();
        // What now() means in this query.
        state.mark_start_execution();
        let lower = sql.to_ascii_lowercase();
        let lists = ["information_schema", "show", "describe"];
        let all = lists.iter().any(|word| lower.contains(word));
        for name in views::NAMES {
            if (all || lower.contains(name))
                && let Some(definition) = views::sql(name, snapshot.schemas())
            {
                let plan = state.create_logical_plan(&definition).await?;
                let view = ViewTable::new(plan, Some(definition));
                schema.register_table(name.to_owned(), Arc::new(view))?;
            }
        }
        Ok(state)
    }

    /// Names of the functions that SQL may call.
    pub(crate) fn function_names(&self) -> Vec<String> {
        let state = &self.base;
        let mut names: Vec<String> = state
            .scalar_functions()
            .keys()
            .chain(state.aggregate_functions().keys())
            .chain(state.window_functions().keys())
            .cloned()
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// How much of what its conditions have read a reader of a file may keep for its answer: all of them
/// together an eighth of what a query may take.
fn predicate_cache_bytes(config: &Config) -> usize {
    let readers = config.threads_count().max(1) as u64;
    let bytes = config.memory_bytes_max.as_u64() / 8 / readers;
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Rows that operators hand over at a time: fewer where a query may take little, since a scan holds
/// several batches of each reader outside of the memory pool, and a log line may have a kilobyte.
fn batch_rows(config: &Config) -> usize {
    const MEMORY_PER_ROW: u64 = 64 << 10;
    let rows = config.memory_bytes_max.as_u64() / MEMORY_PER_ROW;
    rows.clamp(1024, 8192) as usize
}

fn session_config(config: &Config) -> SessionConfig {
    let mut session = SessionConfig::new()
        .with_target_partitions(config.threads_count())
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_batch_size(batch_rows(config));
    let options = session.options_mut();
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.execution.parquet.enable_page_index = true;
    // Outside of the memory pool, for each reader; 100 MB by default.
    options.execution.parquet.max_predicate_cache_size = Some(predicate_cache_bytes(config));
    options.execution.collect_statistics = false;
    options.sql_parser.collect_spans = true;
    options.sql_parser.map_string_types_to_utf8view = true;
    session
}
