//! For which query a task works: known on every thread that works for it.
//!
//! DataFusion starts tasks of its own for a query. Each keeps the query's [`Ticket`], so that a
//! query is listed, and has its place among those that run, until the last of them has ended; and
//! functions that take long ask [`over`] whether anybody still waits.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use datafusion::common::runtime::{JoinSetTracer, set_join_set_tracer};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::running::Ticket;

tokio::task_local! {
    static TICKET: Arc<Ticket>;
}

/// `work` for the query of `ticket`, with all tasks that it starts.
pub(crate) fn of<F: Future>(ticket: Arc<Ticket>, work: F) -> impl Future<Output = F::Output> {
    TICKET.scope(ticket, work)
}

/// Whether the query that this thread works for is over: nobody waits for what it makes.
pub(crate) fn over() -> bool {
    let over = TICKET.try_with(|ticket| ticket.cancelled().is_cancelled());
    over.unwrap_or(false)
}

/// Makes tasks that DataFusion starts belong to the query of the task that starts them; once for
/// the process.
pub(crate) fn follow_tasks() {
    // An engine before this one has done so.
    let _ = set_join_set_tracer(&Follow);
}

struct Follow;

impl JoinSetTracer for Follow {
    fn trace_future(
        &self,
        work: BoxFuture<'static, Box<dyn Any + Send>>,
    ) -> BoxFuture<'static, Box<dyn Any + Send>> {
        match TICKET.try_with(Arc::clone) {
            Ok(ticket) => TICKET.scope(ticket, work).boxed(),
            Err(_) => work,
        }
    }

    fn trace_block(
        &self,
        work: Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>,
    ) -> Box<dyn FnOnce() -> Box<dyn Any + Send> + Send> {
        match TICKET.try_with(Arc::clone) {
            Ok(ticket) => Box::new(move || TICKET.sync_scope(ticket, work)),
            Err(_) => work,
        }
    }
}
