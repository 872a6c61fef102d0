//! The catalog: DuckLake 1.0 tables and our own `oriel_*` tables in one SQLite database, the single
//! moment of truth (W3).
//!
//! One commit adds parts, removes parts and moves the WAL position in one transaction. Foreign
//! programs attach the same database with DuckDB's `ducklake` extension, read-only; a foreign
//! writer is noticed by the snapshot id and either harmless (the parts are read again) or refused.
//! Everything here blocks: callers run it on the blocking pool.
//!
//! ```text
//! ducklake.rs  the tables of DuckLake, as the extension writes them     value.rs  statistics as text
//! tables.rs    oriel_meta, oriel_tenant, oriel_part, oriel_wal, oriel_seen, oriel_promoted
//! open.rs      create, check, reconcile columns     load.rs  live parts     commit.rs  one transaction
//! vacate.rs    snapshots expire, files become due for deletion
//! ```

mod commit;
mod ducklake;
mod fault;
mod load;
mod open;
mod tables;
mod vacate;
mod value;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use crate::schema::{Schemas, Table};
use crate::{Clock, PartMeta, TenantId, WalPosition};

pub use ducklake::ducklake_type;

/// The open catalog; its one writer in this process.
#[derive(Debug)]
pub(crate) struct Catalog {
    db: Connection,
    path: PathBuf,
    clock: Arc<dyn Clock>,
    schemas: Schemas,
    columns: load::Columns,
    lake: Lake,
    secret: [u8; 32],
    seen_window: Duration,
}

/// What [`Catalog::open`] found.
#[derive(Debug)]
pub(crate) struct CatalogState {
    /// The newest DuckLake snapshot.
    pub snapshot_id: i64,
    /// All live parts, with ids and statistics, by id.
    pub parts: Vec<Arc<PartMeta>>,
    /// Frames up to here are in parts.
    pub flushed: WalPosition,
    /// Raised at each open, from 1.
    pub epoch: u64,
    /// The blobs of [`Commit::seen`] that are young enough, oldest first.
    pub seen: Vec<Vec<u8>>,
}

/// Why a commit is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitKind {
    /// Buffered rows became parts.
    Flush,
    /// Parts were merged: those added hold the rows of those removed.
    Compact,
    /// Retention: parts are only removed.
    Expire,
}

/// One step of the store, made durable and visible at once.
#[derive(Debug)]
pub(crate) struct Commit {
    /// Durable parts (W2), `id` 0.
    pub add: Vec<PartMeta>,
    /// Live parts that vanish from new snapshots.
    pub remove: Vec<Arc<PartMeta>>,
    /// The new WAL position, where it moves.
    pub flushed: Option<WalPosition>,
    /// Hashes of the requests in `add`, in the caller's encoding.
    pub seen: Option<Vec<u8>>,
    /// Why.
    pub why: CommitKind,
}

/// The outcome of a commit.
#[derive(Debug)]
pub(crate) struct Committed {
    /// The DuckLake snapshot that shows it.
    pub snapshot_id: i64,
    /// The parts added, in the order given, with their ids.
    pub added: Vec<Arc<PartMeta>>,
    /// All live parts, when another program had changed the catalog since the last commit: the
    /// caller's own list is then out of date. `None` nearly always.
    pub reloaded: Option<Vec<Arc<PartMeta>>>,
}

/// What the catalog holds, as of its newest snapshot that we know.
#[derive(Debug, Clone)]
struct Lake {
    snapshot_id: i64,
    tenants: HashMap<TenantId, TenantTables>,
}

/// DuckLake ids of a tenant's tables, in the order of [`Table::ALL`].
#[derive(Debug, Clone, Copy)]
struct TenantTables([i64; Table::ALL.len()]);

impl TenantTables {
    fn id(&self, table: Table) -> i64 {
        self.0[table as usize]
    }
}

impl Catalog {
    /// The schemas that parts are written with from now on.
    pub(crate) fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// A random key of this store, made at its creation, for request hashes.
    pub(crate) fn secret(&self) -> [u8; 32] {
        self.secret
    }

    /// Keeps the blobs of [`Commit::seen`] for this long. 15 minutes unless called.
    pub(crate) fn keep_seen(&mut self, window: Duration) {
        self.seen_window = window;
    }

    /// All live parts, read again.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> crate::Result<Vec<Arc<PartMeta>>> {
        load::parts(&self.db, &self.columns, &self.lake)
            .map_err(|fault| fault.at(&self.path, "reading parts"))
    }
}
