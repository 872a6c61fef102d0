//! The queries that run now: who asks what, how far it is, and stopping it.
//!
//! A query is listed from its start until its work has ended, also when nobody waits for it any
//! more: what is not listed uses no processor.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use datafusion::physical_plan::ExecutionPlan;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::error::{Code, Error};
use crate::plan::table::Counters;
use crate::receipt::{Progress, Receipt};

/// Longest id that a client may give a query.
const ID_MAX: usize = 64;

/// All queries that run. Cheap to clone; all clones are one list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queries(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    started: u64,
    /// Whether none may start.
    refuse: bool,
    /// By number, in the order of their start.
    running: BTreeMap<u64, Arc<Running>>,
}

/// One query that runs.
#[derive(Debug)]
pub(crate) struct Running {
    id: String,
    sql: String,
    since: (SystemTime, Instant),
    /// Whether it has a place among those that run, or waits for one.
    placed: AtomicBool,
    plan: Mutex<Option<Arc<dyn ExecutionPlan>>>,
    counters: Arc<Counters>,
    cancelled: CancellationToken,
}

/// Keeps a query on the list; dropped when its work has ended.
#[derive(Debug)]
pub(crate) struct Ticket {
    queries: Queries,
    number: u64,
    running: Arc<Running>,
    place: OnceLock<OwnedSemaphorePermit>,
}

/// A query that runs, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunningQuery {
    /// The client's `query_id`, or one of ours.
    id: String,
    sql: String,
    /// When it came: nanoseconds since 1970.
    started: String,
    state: QueryState,
    /// Rows read so far, from files and memory.
    rows_read: u64,
    /// Bytes of files read so far.
    bytes_read: u64,
    /// Files that were read to their end.
    files_done: u64,
    /// Files to read; those that the catalog excludes are not among them.
    files_total: u64,
    /// How long it has taken so far, in milliseconds.
    elapsed_ms: u64,
}

/// What a query does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum QueryState {
    /// `query.running_max` others run.
    Waiting,
    /// It is planned or executed.
    Running,
}

impl Queries {
    /// Lists a query, under `id` or one that is made here.
    ///
    /// Errors: `id` is malformed, or a query with it runs, or none may start now.
    pub(crate) fn enter(
        &self,
        id: Option<String>,
        sql: &str,
        counters: Arc<Counters>,
    ) -> Result<Ticket, Error> {
        let id = match id {
            Some(id) => checked(id)?,
            None => uuid::Uuid::new_v4().to_string(),
        };
        let mut list = self.list();
        if list.refuse {
            return Err(no_memory());
        }
        if list.running.values().any(|running| running.id == id) {
            let message = format!("a query with the id {id} runs already");
            return Err(Error::new(Code::BadRequest, message).hint("give each query a new id"));
        }
        let running = Arc::new(Running {
            id,
            sql: sql.to_owned(),
            since: (SystemTime::now(), Instant::now()),
            placed: AtomicBool::new(false),
            plan: Mutex::default(),
            counters,
            cancelled: CancellationToken::new(),
        });
        list.started += 1;
        let number = list.started;
        list.running.insert(number, Arc::clone(&running));
        Ok(Ticket {
            queries: self.clone(),
            number,
            running,
            place: OnceLock::new(),
        })
    }

    /// Whether queries are refused from now on. Those that run go on.
    pub(crate) fn refuse_new(&self, refuse: bool) {
        self.list().refuse = refuse;
    }

    /// How many run or wait.
    pub(crate) fn count(&self) -> usize {
        self.list().running.len()
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<RunningQuery> {
        let running: Vec<_> = self.list().running.values().map(Arc::clone).collect();
        running.iter().map(|running| running.show()).collect()
    }

    /// The one called `id`. Errors: `NotFound`.
    pub(crate) fn find(&self, id: &str) -> Result<RunningQuery, Error> {
        self.running(id).map(|running| running.show())
    }

    /// Stops the one called `id`. Errors: `NotFound`.
    pub(crate) fn cancel(&self, id: &str) -> Result<(), Error> {
        self.running(id).map(|running| running.cancelled.cancel())
    }

    fn running(&self, id: &str) -> Result<Arc<Running>, Error> {
        let list = self.list();
        let found = list.running.values().find(|running| running.id == id);
        found.map(Arc::clone).ok_or_else(|| {
            Error::new(Code::NotFound, format!("no query {id} runs"))
                .hint("queries that have ended are not listed")
        })
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn checked(id: String) -> Result<String, Error> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if id.is_empty() || id.len() > ID_MAX || !id.chars().all(fits) {
        let message = format!("query_id must be 1 to {ID_MAX} letters, digits, - or _");
        return Err(Error::new(Code::BadRequest, message).hint("a random UUID is a good id"));
    }
    Ok(id)
}

impl Running {
    fn plan(&self) -> MutexGuard<'_, Option<Arc<dyn ExecutionPlan>>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self) -> RunningQuery {
        let (at, clock) = self.since;
        let started = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let plan = self.plan().clone();
        let Progress { receipt, files } = match &plan {
            Some(plan) => Receipt::progress(plan.as_ref(), &self.counters),
            None => Progress::default(),
        };
        RunningQuery {
            id: self.id.clone(),
            sql: self.sql.clone(),
            started: started.as_nanos().to_string(),
            state: match self.placed.load(Ordering::Relaxed) {
                true => QueryState::Running,
                false => QueryState::Waiting,
            },
            rows_read: receipt.rows_read,
            bytes_read: receipt.bytes_read,
            files_done: files,
            files_total: receipt.files_considered - receipt.files_pruned,
            elapsed_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Ticket {
    /// Says that the query does not wait any more; it keeps `place` until its work has ended.
    pub(crate) fn placed(&self, place: OwnedSemaphorePermit) {
        let _ = self.place.set(place);
        self.running.placed.store(true, Ordering::Relaxed);
    }

    /// Says what is executed, from whose metrics the progress is read until the answer is dropped.
    pub(crate) fn planned(&self, plan: &Arc<dyn ExecutionPlan>) -> Planned {
        *self.running.plan() = Some(Arc::clone(plan));
        Planned(Arc::clone(&self.running))
    }

    /// Is cancelled when somebody stops the query.
    pub(crate) fn cancelled(&self) -> CancellationToken {
        self.running.cancelled.clone()
    }
}

/// While it lives, the plan of a query is known. The plan owns tasks, and they keep the ticket: it
/// must not be kept by the ticket when nobody executes it any more.
#[derive(Debug)]
pub(crate) struct Planned(Arc<Running>);

impl Drop for Planned {
    fn drop(&mut self) {
        let plan = self.0.plan().take();
        drop(plan);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queries.list().running.remove(&self.number);
    }
}

/// What a query that was stopped answers.
pub(crate) fn stopped() -> Error {
    Error::new(Code::Cancelled, "the query was cancelled")
}

fn no_memory() -> Error {
    let message = "the server is short of memory and starts no query now";
    Error::new(Code::Unavailable, message)
        .hint("ask again in a few seconds; a shorter time range needs less memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(queries: &Queries, id: &str) -> Result<Ticket, Error> {
        queries.enter(Some(id.to_owned()), "SELECT 1", Arc::default())
    }

    /// Scenario: queries with ids of all kinds come and go.
    /// Guarantees: an id is taken once at a time; who has left is not found; bad ids are refused, and
    /// all while none may start.
    #[test]
    fn the_list_is_what_runs() {
        let queries = Queries::default();
        let first = enter(&queries, "a-1").expect("fits");
        let _second = queries
            .enter(None, "SELECT 2", Arc::default())
            .expect("fits");
        assert_eq!(queries.count(), 2);
        let taken = enter(&queries, "a-1").expect_err("is taken");
        assert_eq!(taken.code, Code::BadRequest);
        for bad in ["", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(
                enter(&queries, bad).expect_err("bad").code,
                Code::BadRequest
            );
        }
        let shown = serde_json::to_value(queries.find("a-1").expect("runs")).expect("JSON");
        assert_eq!(
            (&shown["state"], &shown["sql"]),
            (&"waiting".into(), &"SELECT 1".into())
        );
        queries.cancel("a-1").expect("runs");
        assert!(first.cancelled().is_cancelled());
        drop(first);
        assert_eq!(
            queries.cancel("a-1").expect_err("left").code,
            Code::NotFound
        );
        assert_eq!(queries.all().len(), 1);
        enter(&queries, "a-1").expect("is free again");
        queries.refuse_new(true);
        let refused = enter(&queries, "b").expect_err("none may start");
        assert_eq!(refused.code, Code::Unavailable);
        assert_eq!(queries.all().len(), 1, "those that run go on");
        queries.refuse_new(false);
        enter(&queries, "b").expect("may start again");
    }
}
