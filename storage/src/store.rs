//! The store: open, claim, append, snapshot, close. Calls the stages in order and owns the
//! background tasks.

use std::sync::Arc;

use object_store::ObjectStore;

use crate::schema::Schemas;
use crate::seen::Ticket;
use crate::{
    Batch, Clock, Config, Error, Frame, ReplayFn, RequestHash, Result, Snapshot, TenantId,
    WalPosition,
};
use oriel_proto::{Signal, UnixNanos};

/// What a request was answered; remembered so that a retry gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Records that were refused (OTLP partial success).
    pub rejected: u64,
    /// Why, or a warning; empty when there is nothing to say.
    pub message: String,
}

/// What [`Store::claim`] found.
#[derive(Debug)]
pub enum Claim {
    /// Not seen before: store it, then it is remembered.
    New(Claimed),
    /// Stored already (or just now, by a copy that was in flight): answer this.
    Duplicate(Answer),
}

/// The right to store one request. Dropped unused, the request is forgotten and a waiting copy of
/// it takes over.
#[derive(Debug)]
pub struct Claimed {
    hash: RequestHash,
    ticket: Ticket,
}

impl Claimed {
    pub(crate) fn new(hash: RequestHash, ticket: Ticket) -> Self {
        Claimed { hash, ticket }
    }

    /// The request is stored and has this answer.
    pub(crate) fn complete(self, received_at: UnixNanos, answer: Answer) {
        self.ticket.store(self.hash, received_at, answer);
    }

    /// The hash to put into the frame's header.
    pub fn hash(&self) -> RequestHash {
        self.hash
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.ticket.release(self.hash);
    }
}

/// Figures of a running store, for the status page.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Stats {
    /// Parts in the newest snapshot.
    pub parts: u64,
    /// Their rows.
    pub part_rows: u64,
    /// Their bytes.
    pub part_bytes: u64,
    /// Rows in buffers.
    pub buffer_rows: u64,
    /// Memory of the buffers.
    pub buffer_bytes: u64,
    /// Bytes of frames in the WAL that are not flushed yet.
    pub wal_bytes: u64,
    /// Sequence of the last durable frame.
    pub wal_position: u64,
    /// Sequence up to which rows are in parts.
    pub flushed_position: u64,
    /// The newest DuckLake snapshot.
    pub snapshot_id: i64,
    /// Requests in the de-duplication window.
    pub dedup_entries: u64,
    /// Bytes free on the disk.
    pub disk_free_bytes: u64,
    /// Why writes are refused, when they are.
    pub refusing: Option<String>,
}

/// The engine. Cheap to clone; all clones are one store.
#[derive(Debug, Clone)]
pub struct Store {
    schemas: Schemas,
    objects: Arc<dyn ObjectStore>,
}

impl Store {
    /// Opens the data directory of `config`, creating it when it does not exist; replays the WAL
    /// after the catalog's position; starts the background tasks.
    ///
    /// Errors: `Locked` when another process holds the directory, `Format` when another version
    /// wrote it, `Corrupt` when the catalog is damaged.
    pub async fn open(config: Config, clock: Arc<dyn Clock>, replay: ReplayFn) -> Result<Store> {
        let _ = (config, clock, replay);
        Err(Error::Stopped("store"))
    }

    /// The schemas that rows must have: the fixed ones and the promoted keys of the catalog.
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// Where parts are read from: `PartMeta::path` is a path in it.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// The hash of a request: keyed with this store's secret.
    pub fn request_hash(&self, tenant: &TenantId, signal: Signal, inflated: &[u8]) -> RequestHash {
        let _ = (tenant, signal, inflated);
        RequestHash(0)
    }

    /// Claims a request for storing; waits for the outcome of a copy that is in flight.
    ///
    /// Cancel safety: safe.
    pub async fn claim(&self, hash: RequestHash) -> Result<Claim> {
        let _ = hash;
        Err(Error::Stopped("store"))
    }

    /// Makes `frame` durable, then its `batches` visible to new snapshots, together.
    ///
    /// Returns the position after the frame once it is fsynced (W1) and visible.
    /// Errors: `Overloaded` when buffers are full, `Unavailable` when the disk is (nearly) full, a
    /// sync has failed or the store closes; nothing is kept on error, and the claim is released.
    /// Cancel safety: if dropped while waiting the frame may still be stored; its claim is then
    /// kept, so that a retry is a duplicate.
    pub async fn append(
        &self,
        claimed: Claimed,
        frame: Frame,
        batches: Vec<Batch>,
        answer: Answer,
    ) -> Result<WalPosition> {
        let _ = (claimed, frame, batches, answer);
        Err(Error::Stopped("store"))
    }

    /// Whether a request of `bytes` would be refused now, before its body is read.
    ///
    /// Errors: as for [`Store::append`].
    pub fn check_writable(&self, bytes: usize) -> Result<()> {
        let _ = bytes;
        Ok(())
    }

    /// All tables of `tenant`, one cut. An unknown tenant has empty tables.
    pub fn snapshot(&self, tenant: &TenantId) -> Snapshot {
        let _ = tenant;
        unimplemented!("being written")
    }

    /// Writes all buffered rows to parts and commits them.
    pub async fn flush(&self) -> Result<()> {
        Ok(())
    }

    /// Merges parts until nothing is left to merge.
    pub async fn compact(&self) -> Result<()> {
        Ok(())
    }

    /// Figures for people.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Refuses new writes, flushes, stops the background tasks, releases the data directory.
    pub async fn close(&self) -> Result<()> {
        Ok(())
    }
}
