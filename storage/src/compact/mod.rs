//! Compaction: small parts of one tenant, table and day become few large sorted ones.
//!
//! `plan` says which (pure), `merge` does one merge with bounded memory; the caller commits the
//! swap. The multiset of rows stays (P2), and no merge crosses tenant, table, day or oddity (P1).

mod merge;
mod plan;

pub(crate) use merge::merge;
pub(crate) use plan::{Merge, backlog, plan};
