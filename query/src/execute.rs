//! One query from text to rows: parse -> session on a snapshot -> plan -> run -> receipt.
//!
//! Queries run on a runtime of their own. In: SQL and a snapshot. Out: an [`Answer`], whose rows
//! arrive through a bounded channel; dropping it cancels the query.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SQLOptions;
use futures::StreamExt;
use object_store::ObjectStore;
use oriel_storage::Snapshot;
use oriel_storage::schema::{Schemas, Table};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use crate::Config;
use crate::error::{self, Code, Error, Known};
use crate::parse;
use crate::plan::memory::Memory;
use crate::plan::session::Environment;
use crate::plan::table::{Counters, sql_schema};
use crate::plan::views_names;
use crate::receipt::{IndexUse, Receipt, millis};
use crate::result::type_name;
use crate::running::{Queries, Ticket, stopped};
use crate::work;

/// Batches that wait for a slow client.
const BATCHES_WAITING_MAX: usize = 2;
/// Stack of the threads that plan: deep expressions recurse.
const STACK_BYTES: usize = 32 << 20;

/// Runs queries. Cheap to share behind an [`Arc`].
#[derive(Debug)]
pub(crate) struct Engine {
    config: Config,
    environment: Arc<Environment>,
    known: Arc<Known>,
    places: Arc<Semaphore>,
    queries: Queries,
    runtime: Option<Runtime>,
}

/// What comes from a running query, in this order: rows, then one end or failure.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Some rows.
    Rows(RecordBatch),
    /// No more rows.
    End(Receipt),
    /// No more rows, because of an error.
    Failed(Error),
}

/// The answer to a query while it is made.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its columns, with the names that people see.
    pub(crate) schema: SchemaRef,
    pieces: mpsc::Receiver<Piece>,
    cut: Arc<AtomicBool>,
    _task: AbortOnDropHandle<()>,
    _over: DropGuard,
}

impl Answer {
    /// The next piece; after an end or a failure there is none.
    pub(crate) async fn next(&mut self) -> Option<Piece> {
        self.pieces.recv().await
    }

    /// Set, it asks for no more rows: the end follows soon.
    pub(crate) fn cutter(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cut)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Engine {
    /// An engine over the parts in `objects`. Errors: threads or the spill directory cannot be had.
    pub(crate) fn new(
        config: Config,
        objects: Arc<dyn ObjectStore>,
        schemas: &Schemas,
    ) -> Result<Self, Error> {
        let internal = |what: String| Error::new(Code::Internal, what);
        work::follow_tasks();
        let environment = Environment::new(&config, objects, schemas)
            .map_err(|error| internal(format!("preparing queries: {error}")))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("oriel-query")
            .worker_threads(config.threads_count())
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|error| internal(format!("starting query threads: {error}")))?;
        let known = Known {
            tables: table_names(),
            columns: Vec::new(),
            functions: environment.function_names(),
        };
        Ok(Engine {
            places: Arc::new(Semaphore::new(config.running_max.max(1))),
            environment: Arc::new(environment),
            known: Arc::new(known),
            queries: Queries::default(),
            runtime: Some(runtime),
            config,
        })
    }

    /// The settings.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// What runs.
    pub(crate) fn queries(&self) -> &Queries {
        &self.queries
    }

    /// What queries hold.
    pub(crate) fn memory(&self) -> &Memory {
        self.environment.memory()
    }

    /// Starts `work` on the threads of queries, where it holds up nobody who sends. It ends at its
    /// next await when the handle is dropped.
    ///
    /// Errors: the server closes.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<AbortOnDropHandle<T>, Error> {
        let Some(runtime) = &self.runtime else {
            return Err(Error::new(Code::Unavailable, "the server is closing"));
        };
        Ok(AbortOnDropHandle::new(runtime.spawn(work)))
    }

    /// Does `work` as [`Engine::spawn`] does, and waits for it.
    ///
    /// Errors: it panicked, or the server closes. Cancel safety: dropped, the work ends.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.spawn(work)?.await;
        done.map_err(|_| Error::new(Code::Internal, "the work stopped"))
    }

    /// Tasks at work for queries, those that nobody waits for any more included.
    #[cfg(test)]
    pub(crate) fn working(&self) -> usize {
        let runtime = self.runtime.as_ref();
        runtime.map_or(0, |runtime| runtime.metrics().num_alive_tasks())
    }

    /// As [`Engine::query_as`], without an id of the client.
    pub(crate) async fn query(
        &self,
        snapshot: Arc<Snapshot>,
        sql: String,
    ) -> Result<Answer, Error> {
        self.query_as(None, snapshot, sql).await
    }

    /// As [`Engine::query`], for rows that are not kept: as many as there are.
    pub(crate) async fn query_whole(
        &self,
        snapshot: Arc<Snapshot>,
        sql: String,
    ) -> Result<Answer, Error> {
        self.start(None, snapshot, sql, usize::MAX).await
    }

    /// Starts `sql` on `snapshot`, listed under `id`; returns when its columns are known.
    ///
    /// Errors: the query does not parse or plan, it has waited too long for a place, it was
    /// stopped, or `id` cannot be used.
    /// Cancel safety: dropped, the query is cancelled.
    pub(crate) async fn query_as(
        &self,
        id: Option<String>,
        snapshot: Arc<Snapshot>,
        sql: String,
    ) -> Result<Answer, Error> {
        self.start(id, snapshot, sql, self.config.rows_max).await
    }

    async fn start(
        &self,
        id: Option<String>,
        snapshot: Arc<Snapshot>,
        sql: String,
        rows_max: usize,
    ) -> Result<Answer, Error> {
        if sql.len() as u64 > self.config.sql_bytes_max.as_u64() {
            return Err(longer_than(self.config.sql_bytes_max));
        }
        let (head_tx, head) = oneshot::channel();
        let (pieces_tx, pieces) = mpsc::channel(BATCHES_WAITING_MAX);
        let cut = Arc::new(AtomicBool::new(false));
        let counters = Arc::new(Counters::default());
        let ticket = Arc::new(self.queries.enter(id, &sql, Arc::clone(&counters))?);
        let cancelled = ticket.cancelled();
        // However this ends: what still runs of it shall end.
        let over = cancelled.clone().drop_guard();
        let run = Run {
            environment: Arc::clone(&self.environment),
            known: Arc::clone(&self.known),
            snapshot,
            sql,
            rows_max,
            cut: Arc::clone(&cut),
            counters,
            started: Instant::now(),
            ticket: Arc::clone(&ticket),
        };
        let places = Arc::clone(&self.places);
        let time_limit = self.config.time_limit;
        let Some(runtime) = &self.runtime else {
            return Err(Error::new(Code::Unavailable, "the server is closing"));
        };
        let stop = cancelled.clone();
        let work = async move {
            let Ok(place) = places.acquire_owned().await else {
                return;
            };
            run.ticket.placed(place);
            run.run(head_tx, pieces_tx).await;
        };
        let work = async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        };
        let task = runtime.spawn(work::of(ticket, work));
        let task = AbortOnDropHandle::new(task);
        let deadline = Instant::now() + time_limit;
        let schema = tokio::time::timeout_at(deadline, head)
            .await
            .map_err(|_| timed_out(time_limit))?
            .map_err(|_| match cancelled.is_cancelled() {
                true => stopped(),
                false => Error::new(
                    Code::Internal,
                    "planning failed: the server's log says more",
                ),
            })??;
        Ok(Answer {
            schema,
            pieces: with_deadline(pieces, deadline, time_limit, cancelled),
            cut,
            _task: task,
            _over: over,
        })
    }
}

/// The same pieces, or a failure when they have not ended at `deadline` or were `cancelled`.
fn with_deadline(
    pieces: mpsc::Receiver<Piece>,
    deadline: Instant,
    time_limit: Duration,
    cancelled: CancellationToken,
) -> mpsc::Receiver<Piece> {
    let (to, timed) = mpsc::channel(1);
    tokio::spawn(async move {
        // Waiting for a client that does not read is within the limit, too.
        let passed = tokio::time::timeout_at(deadline, pass(pieces, &to, &cancelled)).await;
        let error = passed.unwrap_or_else(|_| {
            cancelled.cancel();
            Some(timed_out(time_limit))
        });
        if let Some(error) = error {
            let _ = to.send(Piece::Failed(error)).await;
        }
    });
    timed
}

/// Passes on what comes until the last piece, or until nobody reads. Returns why it ends otherwise.
async fn pass(
    mut pieces: mpsc::Receiver<Piece>,
    to: &mpsc::Sender<Piece>,
    cancelled: &CancellationToken,
) -> Option<Error> {
    loop {
        let piece = tokio::select! {
            piece = pieces.recv() => piece,
            () = to.closed() => return None,
        };
        match piece {
            Some(piece) => {
                let last = !matches!(piece, Piece::Rows(_));
                if to.send(piece).await.is_err() || last {
                    return None;
                }
            }
            None if cancelled.is_cancelled() => return Some(stopped()),
            None => {
                let message = "the query stopped: the server's log says more";
                return Some(Error::new(Code::Internal, message));
            }
        }
    }
}

/// The error for SQL of more bytes than `max`.
pub(crate) fn longer_than(max: bytesize::ByteSize) -> Error {
    let message = format!("the query is longer than {max}");
    Error::new(Code::TooLarge, message).hint("send less text, or raise query.sql_bytes_max")
}

fn timed_out(time_limit: Duration) -> Error {
    let limit = time_limit.as_secs_f64();
    Error::new(
        Code::Timeout,
        format!("the query took longer than {limit} s"),
    )
    .hint("read less: add a time range or a LIMIT, or raise query.time_limit")
}

fn table_names() -> Vec<String> {
    let tables = Table::ALL.iter().map(Table::to_string);
    tables.chain(views_names().map(str::to_owned)).collect()
}

/// One query on its way.
struct Run {
    environment: Arc<Environment>,
    known: Arc<Known>,
    snapshot: Arc<Snapshot>,
    sql: String,
    rows_max: usize,
    cut: Arc<AtomicBool>,
    counters: Arc<Counters>,
    started: Instant,
    ticket: Arc<Ticket>,
}

impl Run {
    async fn run(
        self,
        head: oneshot::Sender<Result<SchemaRef, Error>>,
        pieces: mpsc::Sender<Piece>,
    ) {
        // What fails because the query is over says so.
        let cancelled = self.ticket.cancelled();
        let told = |error| match cancelled.is_cancelled() {
            true => stopped(),
            false => error,
        };
        let (state, plan, explains) = match self.plan().await {
            Ok(planned) => planned,
            Err(error) => {
                let _ = head.send(Err(told(error)));
                return;
            }
        };
        let _planned = self.ticket.planned(&plan);
        let plan_ms = millis(self.started.elapsed());
        let schema = shown_schema(&plan.schema());
        if head.send(Ok(Arc::clone(&schema))).is_err() {
            return;
        }
        let told_index = IndexUse::of(&self.counters).filter(|_| explains);
        let index_row = told_index.and_then(|used| explained(&schema, &used));
        let last = match self.rows(&state, &plan, schema, &pieces).await {
            Ok(mut receipt) => {
                if let Some(row) = index_row {
                    receipt.rows_returned += 1;
                    let _ = pieces.send(Piece::Rows(row)).await;
                }
                receipt.plan_ms = plan_ms;
                receipt.execution_ms = (millis(self.started.elapsed()) - plan_ms).max(0.0);
                receipt.measure(plan.as_ref(), &self.counters);
                Piece::End(receipt)
            }
            Err(error) => Piece::Failed(told(error)),
        };
        let _ = pieces.send(last).await;
    }

    /// The plan, and whether it only explains one.
    async fn plan(&self) -> Result<(SessionState, Arc<dyn ExecutionPlan>, bool), Error> {
        let statement = parse::statement(&self.sql, &self.known)?;
        let told = |error| error::from_datafusion(&error, &self.sql, &self.known);
        let state = self
            .environment
            .session(
                &self.snapshot,
                &self.counters,
                &self.sql,
                self.ticket.cancelled(),
            )
            .await
            .map_err(told)?;
        let plan = state.statement_to_plan(statement).await.map_err(|error| {
            let columns = columns_of(self.snapshot.schemas());
            let known = Known {
                tables: self.known.tables.clone(),
                functions: self.known.functions.clone(),
                columns,
            };
            error::from_datafusion(&error, &self.sql, &known)
        })?;
        check_read_only(&plan)?;
        let physical = state.create_physical_plan(&plan).await.map_err(told)?;
        let explains = matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_));
        Ok((state, physical, explains))
    }

    async fn rows(
        &self,
        state: &SessionState,
        plan: &Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        pieces: &mpsc::Sender<Piece>,
    ) -> Result<Receipt, Error> {
        let told = |error| error::from_datafusion(&error, &self.sql, &self.known);
        let mut receipt = Receipt {
            snapshot: self.snapshot.id(),
            ..Receipt::default()
        };
        let mut left = self.rows_max;
        let mut stream = execute_stream(Arc::clone(plan), state.task_ctx()).map_err(told)?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(told)?;
            if batch.num_rows() == 0 {
                continue;
            }
            if left == 0 || self.cut.load(Ordering::Relaxed) {
                receipt.truncated = true;
                break;
            }
            let taken = batch.num_rows().min(left);
            receipt.truncated |= taken < batch.num_rows();
            left -= taken;
            receipt.rows_returned += taken as u64;
            let rows = renamed(&batch.slice(0, taken), &schema)?;
            if pieces.send(Piece::Rows(rows)).await.is_err() || receipt.truncated {
                break;
            }
        }
        receipt.complete = !receipt.truncated;
        Ok(receipt)
    }
}

/// What word indexes did, as a row of an explained plan; `None` when `schema` is not that of one.
fn explained(schema: &SchemaRef, used: &IndexUse) -> Option<RecordBatch> {
    let texts = ["word_index".to_owned(), used.to_string()];
    let columns = schema.fields().iter().zip(texts).map(|(field, text)| {
        let text: ArrayRef = Arc::new(StringArray::from(vec![text]));
        cast(&text, field.data_type())
    });
    let columns = columns.collect::<Result<Vec<_>, _>>().ok()?;
    RecordBatch::try_new(Arc::clone(schema), columns).ok()
}

/// `batch` with the names of `schema`.
fn renamed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)
        .map_err(|error| Error::new(Code::Internal, format!("naming columns: {error}")))
}

/// `schema` with names as people wrote them: `attributes['x']`, not `spans.attributes['x']`, where
/// that leaves them distinct. All fields may be NULL, so that no operator's claim can fail an answer.
fn shown_schema(schema: &SchemaRef) -> SchemaRef {
    use arrow::datatypes::{Field, Schema};
    let short = |name: &str| match name.split_once(".") {
        Some((table, rest)) if name.ends_with("']") && !table.contains(['(', '[', ' ']) => {
            rest.to_owned()
        }
        _ => name.to_owned(),
    };
    let names: Vec<String> = schema.fields().iter().map(|f| short(f.name())).collect();
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .zip(&names)
        .map(|(field, name)| {
            let unique = names.iter().filter(|other| *other == name).count() == 1;
            let name = if unique { name } else { field.name() };
            field.as_ref().clone().with_name(name).with_nullable(true)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn check_read_only(plan: &LogicalPlan) -> Result<(), Error> {
    let options = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    options.verify_plan(plan).map_err(|error| {
        let message = error.find_root().message().into_owned();
        Error::new(Code::NotAllowed, message)
            .hint("queries only read: SELECT, EXPLAIN, SHOW TABLES")
    })
}

fn columns_of(schemas: &Schemas) -> Vec<String> {
    let mut columns: Vec<String> = Table::ALL
        .into_iter()
        .flat_map(|table| {
            let schema = sql_schema(schemas.of(table));
            let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
            names
        })
        .collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Names of the tables that people query.
pub(crate) fn shown_tables() -> impl Iterator<Item = Table> {
    Table::ALL.into_iter()
}

/// Names, types and meanings of the columns of `table`.
pub(crate) fn columns_of_table(schemas: &Schemas, table: Table) -> Vec<serde_json::Value> {
    let schema = schemas.of(table);
    let fields = sql_schema(schema);
    schema
        .columns
        .iter()
        .zip(fields.fields())
        .map(|(column, field)| {
            let attribute = column.promoted.as_ref().map(|promoted| {
                let key = promoted.key.replace('\'', "''");
                format!("{}['{key}']", promoted.level.column())
            });
            serde_json::json!({
                "name": column.name,
                "type": type_name(field),
                "nullable": column.nullable,
                "attribute": attribute,
                "doc": column.doc,
            })
        })
        .collect()
}
