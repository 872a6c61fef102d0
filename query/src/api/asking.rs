//! The SQL behind one request: all of it on one snapshot, with one receipt.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use oriel_storage::Snapshot;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Code, Error};
use crate::execute::{Answer, Engine, Piece};
use crate::http::Api;
use crate::receipt::Receipt;

/// What the statements behind an answer cost together, and what they were.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct Receipts {
    /// Sums over the statements; the times are sums as well, though statements run side by side.
    #[serde(flatten)]
    pub(crate) receipt: Receipt,
    /// The statements, as they can be sent to `POST /api/v1/sql`.
    pub(crate) sql: Vec<String>,
}

/// One request's questions to one snapshot. Statements may run side by side.
#[derive(Debug)]
pub(crate) struct Asking {
    engine: Arc<Engine>,
    snapshot: Arc<Snapshot>,
    spent: Mutex<Receipts>,
}

impl Asking {
    /// Questions to what the store holds now.
    pub(crate) fn new(api: &Api) -> Self {
        Asking::of(Arc::clone(&api.engine), (api.source.snapshot)())
    }

    /// Questions to `snapshot`.
    pub(crate) fn of(engine: Arc<Engine>, snapshot: Snapshot) -> Self {
        Asking {
            engine,
            snapshot: Arc::new(snapshot),
            spent: Mutex::default(),
        }
    }

    /// The snapshot that is asked.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The same, to ask it more.
    pub(crate) fn shared_snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// All rows of `sql`, in batches without empty ones.
    ///
    /// Errors: those of queries; more rows than `query.rows_max` are an error, not a part of them.
    /// Cancel safety: dropped, the query is cancelled.
    pub(crate) async fn rows(&self, sql: String) -> Result<Vec<RecordBatch>, Error> {
        let mut batches = Vec::new();
        let answer = self.engine.query(Arc::clone(&self.snapshot), sql.clone());
        self.read(sql, answer.await, |rows| batches.push(rows))
            .await?;
        Ok(batches)
    }

    /// Hands the rows of `sql` to `take`, batch by batch, however many there are.
    ///
    /// Errors: those of queries. Cancel safety: dropped, the query is cancelled.
    pub(crate) async fn fold(
        &self,
        sql: String,
        take: impl FnMut(RecordBatch),
    ) -> Result<(), Error> {
        let answer = self
            .engine
            .query_whole(Arc::clone(&self.snapshot), sql.clone());
        self.read(sql, answer.await, take).await
    }

    async fn read(
        &self,
        sql: String,
        answer: Result<Answer, Error>,
        mut take: impl FnMut(RecordBatch),
    ) -> Result<(), Error> {
        let mut answer = answer.map_err(|error| ours(error, &sql))?;
        loop {
            match answer.next().await {
                Some(Piece::Rows(rows)) => take(rows),
                Some(Piece::End(receipt)) if receipt.truncated => {
                    let message = "this needs more rows than an answer may have";
                    return Err(Error::new(Code::MemoryLimit, message)
                        .hint("choose a shorter time range, or raise query.rows_max"));
                }
                Some(Piece::End(receipt)) => {
                    let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
                    spent.receipt.absorb(&receipt);
                    spent.sql.push(sql);
                    return Ok(());
                }
                Some(Piece::Failed(error)) => return Err(ours(error, &sql)),
                None => return Err(Error::new(Code::Internal, "the query stopped")),
            }
        }
    }

    /// What was spent so far; `rows_returned` is for the caller to set when it is not the sum.
    pub(crate) fn receipt(&self) -> Receipts {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spent = spent.clone();
        // What needed no statement lacks nothing.
        spent.receipt.complete |= spent.sql.is_empty();
        spent
    }
}

/// An error in a statement of ours: its position means nothing to who did not write the SQL, and
/// SQL that does not plan is our fault.
fn ours(error: Error, sql: &str) -> Error {
    let code = match error.code {
        Code::Syntax | Code::InvalidQuery | Code::NotAllowed => Code::Internal,
        code => code,
    };
    if code == Code::Internal {
        tracing::error!(error = %error.message, sql, "a statement of the server itself failed");
    }
    Error {
        code,
        position: None,
        ..error
    }
}
