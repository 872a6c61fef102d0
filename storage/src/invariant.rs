//! The numbered invariants, as predicates: asserted in debug builds and by the tests.
//!
//! | Id | Invariant |
//! |---|---|
//! | W1 | A request is acknowledged only after its frame is fsynced |
//! | W2 | A part is durable before the commit that names it |
//! | W3 | One commit adds parts, removes parts and moves the WAL position together, for all tenants and tables sealed at one sequence; replay neither loses nor doubles a row |
//! | W4 | A WAL segment is reused only when wholly at or below the committed position |
//! | W5 | The WAL position moves from frame to frame without a gap: frames behind a backlog that is still replayed are in no part before all of the backlog is, and no segment of it is reused (with W4) |
//! | W6 | A request whose frame is in the log is known to the window of stored requests before the first new request is claimed, replayed or not |
//! | P1 | A part holds one tenant, one table and one UTC day (odd times apart); compaction never crosses any |
//! | P2 | Compaction and flush keep the multiset of rows; output is sorted by the schema's sort key |
//! | S1 | A snapshot never changes and shows no row twice, though a flush completes during the query |
//! | S2 | A file is deleted only when no catalog snapshot in use and no living snapshot names it |
//! | Q1 | Pruning removes only parts that cannot match: same answer as a full scan |
//!
//! W2 is kept by the order of calls in a flush, Q1 is tested where pruning is.

use std::sync::Arc;

use crate::schema::Table;
use crate::{PartMeta, WalPosition};

/// W1, W3: frames become visible in sequence order without a gap, after `published`.
pub(crate) fn follows(published: WalPosition, next: WalPosition) -> bool {
    next.0 == published.0 + 1
}

/// W5: rows behind `after` may be flushed when `flushed` is the position.
pub(crate) fn adjoins(flushed: WalPosition, after: WalPosition) -> bool {
    flushed == after
}

/// W4: whether the segment before the one that starts with `next_first` may be reused.
pub(crate) fn trimmable(next_first: u64, flushed: WalPosition) -> bool {
    next_first <= flushed.0 + 1
}

/// P1: whether all parts may be rows of one part.
pub(crate) fn same_place(parts: &[Arc<PartMeta>]) -> bool {
    parts.windows(2).all(|pair| {
        let place = |part: &PartMeta| (part.tenant.clone(), part.day, part.odd);
        place(&pair[0]) == place(&pair[1])
    })
}

/// P2, as far as counts tell: rows out equal rows in. Trace summaries may join on the way.
pub(crate) fn rows_kept(from: &[Arc<PartMeta>], into: &[PartMeta]) -> bool {
    let rows_in: u64 = from.iter().map(|part| part.rows).sum();
    let rows_out: u64 = into.iter().map(|part| part.rows).sum();
    let derived = from.iter().all(|part| part.table == Table::Traces);
    rows_out == rows_in || (derived && rows_out < rows_in)
}

/// S1: no part occurs twice.
pub(crate) fn distinct(parts: &[Arc<PartMeta>]) -> bool {
    let mut ids: Vec<_> = parts.iter().map(|part| part.id).collect();
    ids.sort_unstable();
    ids.windows(2).all(|pair| pair[0] != pair[1])
}
