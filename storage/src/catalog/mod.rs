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
//! tables.rs    oriel_meta, oriel_tenant, oriel_part, oriel_wal, oriel_promoted, oriel_block,
//!              oriel_damaged, oriel_sum, oriel_service     seen.rs  oriel_seen
//! indexes.rs   oriel_index
//! open.rs      create, check, reconcile columns     load.rs  live parts     commit.rs  one transaction
//! digest.rs    checksums of the rows themselves     check.rs  everything, for `doctor`
//! vacate.rs    snapshots expire, files become due for deletion     state.rs  damage, the clock
//! ```

pub(crate) mod check;
mod commit;
mod digest;
mod ducklake;
mod fault;
mod indexes;
mod load;
mod open;
mod seen;
mod state;
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

use oriel_proto::UnixNanos;

use crate::checked::Checks;
use crate::index::{IndexRow, Indexes};
use crate::schema::{Schemas, Table};
use crate::{Clock, PartId, PartMeta, TenantId, WalPosition};

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
    seen_bytes_max: u64,
    /// Where the sums of new files are found.
    checks: Option<Arc<Checks>>,
    indexes: Option<Arc<Indexes>>,
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
    /// Checksums of the blocks of parts that have several.
    pub sums: HashMap<PartId, Vec<u64>>,
    /// Word indexes of parts.
    pub indexes: HashMap<PartId, IndexRow>,
    /// Parts that are damaged, and why; they are among `parts`.
    pub damaged: Vec<(PartId, String)>,
    /// The time that was last believed; that of the newest snapshot where none is remembered.
    pub clock: Option<UnixNanos>,
}

/// Why a commit is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitKind {
    /// Buffered rows became parts.
    Flush,
    /// Rows were deleted, or summaries made anew: those added hold what is left of those removed.
    Delete,
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
    /// Of the live parts.
    digest: digest::Digest,
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

    /// Keeps the blobs of [`Commit::seen`] for this long, and this many bytes of them at most.
    /// 15 minutes and 64 MiB unless called.
    pub(crate) fn keep_seen(&mut self, window: Duration, bytes_max: u64) {
        self.seen_window = window;
        self.seen_bytes_max = bytes_max;
    }

    /// Keeps the sums that `checks` has of new files.
    pub(crate) fn keep_sums_of(&mut self, checks: Arc<Checks>) {
        self.checks = Some(checks);
    }

    /// Keeps what `indexes` knows of new parts.
    pub(crate) fn keep_indexes_of(&mut self, indexes: Arc<Indexes>) {
        self.indexes = Some(indexes);
    }

    /// The colour slots that services were given.
    pub(crate) fn service_slots(&self) -> crate::Result<Vec<(String, u32)>> {
        tables::service_slots(&self.db).map_err(|fault| fault.at(&self.path, "reading services"))
    }

    /// Remembers the colour slots of more services; those known keep theirs.
    pub(crate) fn keep_service_slots(&mut self, slots: &[(String, u32)]) -> crate::Result<()> {
        let keep = |db: &mut Connection| -> fault::Result<()> {
            let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            for (name, slot) in slots {
                tables::keep_service_slot(&tx, name, *slot)?;
            }
            Ok(tx.commit()?)
        };
        keep(&mut self.db).map_err(|fault| fault.at(&self.path, "remembering services"))
    }

    /// All live parts, read again.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> crate::Result<Vec<Arc<PartMeta>>> {
        load::parts(&self.db, &self.columns, &self.lake)
            .map_err(|fault| fault.at(&self.path, "reading parts"))
    }
}
