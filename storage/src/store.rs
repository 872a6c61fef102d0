//! The store: open, claim, append, snapshot, close. Calls the stages in order and owns the
//! background tasks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use object_store::ObjectStore;
use oriel_proto::{Signal, UnixNanos};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use xxhash_rust::xxh3::{Xxh3, xxh3_128_with_seed};

use crate::engine::{Engine, lock};
use crate::joint::{Pending, Reply, Requests, Room, Rows, refused_count};
use crate::lock::Lock;
use crate::recover::{Machine, recover};
use crate::replay::Backlog;
use crate::schema::{Schemas, Table};
use crate::seen::Ticket;
use crate::slots::Slots;
use crate::tasks::{self, Pressure, Wake};
use crate::wal::writer::Wal;
use crate::{
    Appended, Batch, Clock, Config, Decode, DeleteProgress, Deleted, Error, Following, Frame,
    PartId, Replay, ReplayFn, RequestHash, Result, Selection, Snapshot, TenantId, WalPosition,
    failpoint,
};

/// XXH3 takes secrets of this length.
const HASH_SECRET_BYTES: usize = 192;

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
    /// Parts with a word index.
    pub indexed_parts: u64,
    /// Bytes of the word indexes.
    pub index_bytes: u64,
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
    /// Parts that are damaged; answers lack their rows and say so.
    pub damaged_parts: u64,
    /// Their rows.
    pub damaged_rows: u64,
    /// How far the replay of the log is, while it runs.
    pub replay: Option<Replay>,
    /// Bytes free on the disk.
    pub disk_free_bytes: u64,
    /// Why writes are refused, when they are.
    pub refusing: Option<String>,
}

/// The engine. Cheap to clone; all clones are one store. When the last clone is dropped without
/// [`Store::close`], buffered rows stay in the log and the next open finds them.
#[derive(Debug, Clone)]
pub struct Store(pub(crate) Arc<Inner>);

/// The parts of a store, in the order they end: the log's thread first, the lock last.
#[derive(Debug)]
pub(crate) struct Inner {
    wal: Wal<Pending>,
    pub(crate) engine: Engine,
    pub(crate) wake: Arc<Wake>,
    slots: Slots,
    hash_secret: [u8; HASH_SECRET_BYTES],
    /// Memory of the rows that wait for the log.
    reserved: Arc<AtomicU64>,
    closing: AtomicBool,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    held: Mutex<Option<Lock>>,
}

/// Tells recovery that nobody waits for it any more, when dropped.
#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Store {
    /// Opens the data directory of `config` as [`Store::start`] does, and waits until the log is
    /// replayed: snapshots show all rows.
    ///
    /// Errors: as for [`Store::start`], and those of a flush. Cancel safety: dropped, the replay ends
    /// within a frame, and what it has flushed stays flushed.
    pub async fn open(config: Config, clock: Arc<dyn Clock>, replay: ReplayFn) -> Result<Store> {
        let (store, backlog) = Store::begin(config, clock, Machine::this()).await?;
        store.replay_now(backlog, replay).await?;
        Ok(store)
    }

    /// Opens the data directory of `config`, creating it when it does not exist; reads the log after
    /// the catalog's position; starts the background tasks on the current tokio runtime. Among them
    /// is the replay of the log: until it ends ([`Store::replay`]) snapshots lack rows, and say so.
    ///
    /// Errors: `Locked` when another process holds the directory, `Format` when another version
    /// wrote it, `Corrupt` when the catalog is damaged, `Invalid` for a promoted attribute that
    /// cannot be one. Cancel safety: safe.
    pub async fn start(config: Config, clock: Arc<dyn Clock>, replay: ReplayFn) -> Result<Store> {
        let (store, backlog) = Store::begin(config, clock, Machine::this()).await?;
        store.replay_beside(backlog, replay);
        Ok(store)
    }

    /// Opens a store on some machine, with nothing replayed.
    pub(crate) async fn begin(
        config: Config,
        clock: Arc<dyn Clock>,
        machine: Machine,
    ) -> Result<(Store, Option<Backlog>)> {
        let given_up = GivenUp::default();
        let stop = Arc::clone(&given_up.0);
        let recovery = move || recover(config, clock, machine, &stop);
        let recovered = blocking("recovery", recovery).await?;
        let engine = recovered.engine;
        let slots = Slots::load(&lock(&engine.catalog))?;
        let wake = Arc::new(Wake::default());
        let reserved: Arc<AtomicU64> = Arc::default();
        let requests = Requests {
            state: Arc::clone(&engine.state),
            wake: Arc::clone(&wake),
            reserved: Arc::clone(&reserved),
            buffer_bytes_max: engine.config.buffer_bytes_max.as_u64(),
            flush_bytes: engine.config.flush_threshold(),
        };
        let (stop, stopped) = watch::channel(false);
        let store = Arc::new(Inner {
            wal: Wal::start(recovered.log, requests)?,
            engine,
            wake,
            slots,
            hash_secret: hash_secret(&recovered.secret),
            reserved,
            closing: AtomicBool::new(false),
            stop,
            tasks: Mutex::default(),
            held: Mutex::new(Some(recovered.lock)),
        });
        *lock(&store.tasks) = tasks::start(&store, &stopped);
        Ok((Store(store), recovered.backlog))
    }

    /// Replays `backlog`; snapshots show all rows then.
    ///
    /// Errors: those of a flush; reading the log fails.
    pub(crate) async fn replay_now(
        &self,
        backlog: Option<Backlog>,
        decode: ReplayFn,
    ) -> Result<()> {
        let Some(backlog) = backlog else {
            return Ok(());
        };
        let store = Arc::downgrade(&self.0);
        blocking("replay", move || backlog.replay(&store, &decode)).await
    }

    /// Replays `backlog` in a task of its own, which tries again after an error.
    pub(crate) fn replay_beside(&self, backlog: Option<Backlog>, decode: ReplayFn) {
        if let Some(backlog) = backlog {
            let stop = self.0.stop.subscribe();
            let replay = tasks::replay(Arc::downgrade(&self.0), backlog, decode, stop);
            lock(&self.0.tasks).push(tokio::spawn(replay));
        }
    }

    /// How far the replay of the log is; `None` when all rows are visible.
    pub fn replay(&self) -> Option<Replay> {
        self.0.engine.state.replay()
    }

    /// The schemas that rows must have: the fixed ones and the promoted keys of the catalog.
    pub fn schemas(&self) -> &Schemas {
        &self.0.engine.parts.schemas
    }

    /// Where parts are read from: `PartMeta::path` is a path in it.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        self.0.engine.parts.objects.store()
    }

    /// The hash of a request: keyed with this store's secret, so that nobody can send a request
    /// that passes for another one. XXH3-128 over tenant, signal and body.
    pub fn request_hash(&self, tenant: &TenantId, signal: Signal, inflated: &[u8]) -> RequestHash {
        let mut hash = Xxh3::with_secret(self.0.hash_secret);
        hash.update(tenant.as_str().as_bytes());
        hash.update(&[0, signal as u8]);
        hash.update(inflated);
        RequestHash(hash.digest128())
    }

    /// Claims a request for storing; waits for the outcome of a copy that is in flight.
    ///
    /// Errors: `Unavailable` while the store closes. Cancel safety: safe.
    pub async fn claim(&self, hash: RequestHash) -> Result<Claim> {
        self.0.check_open()?;
        let engine = &self.0.engine;
        Ok(engine.seen.claim(hash, engine.clock.now()).await)
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
        let bytes = batches.iter().map(|batch| batch.memory_bytes() as u64);
        let (reply, outcome) = oneshot::channel();
        let (bytes, reply) = (bytes.sum(), Reply::Position(reply));
        self.submit(claimed, frame, bytes, Rows::Made(batches), answer, reply)
            .await?;
        outcome
            .await
            .unwrap_or(Err(Error::Stopped("the log's writer")))
    }

    /// The same of a small request that is not decoded yet: `decode` makes its rows, together with
    /// those of others that wait for the log, of `plain`, its inflated body.
    ///
    /// Errors and cancel safety: as for [`Store::append`].
    pub async fn append_plain(
        &self,
        claimed: Claimed,
        frame: Frame,
        plain: Bytes,
        decode: Arc<dyn Decode>,
    ) -> Result<Appended> {
        let bytes = Room::of_plain(plain.len());
        let (reply, outcome) = oneshot::channel();
        let (rows, reply) = (Rows::Plain(plain, decode), Reply::Rows(reply, None));
        self.submit(claimed, frame, bytes, rows, Answer::default(), reply)
            .await?;
        outcome
            .await
            .unwrap_or(Err(Error::Stopped("the log's writer")))
    }

    /// Queues a request whose rows take `bytes` of memory for the log.
    async fn submit(
        &self,
        claimed: Claimed,
        mut frame: Frame,
        bytes: u64,
        rows: Rows,
        answer: Answer,
        reply: Reply,
    ) -> Result<()> {
        self.check_writable(frame.payload.len())?;
        let room = self.0.reserve(bytes)?;
        frame.header.request_hash = claimed.hash;
        let rejected = refused_count(&answer);
        let pending = Pending {
            claimed,
            tenant: frame.header.tenant.clone(),
            signal: frame.header.signal,
            received_at: frame.header.received_at,
            rows,
            answer,
            room,
            reply,
        };
        self.0.wal.submit(frame, rejected, pending).await
    }

    /// Whether a request of `bytes` would be refused now, before its body is read.
    ///
    /// Errors: as for [`Store::append`].
    pub fn check_writable(&self, bytes: usize) -> Result<()> {
        let store = &self.0;
        store.check_open()?;
        if let Some(reason) = store.wal.failed() {
            return Err(Error::Unavailable { reason });
        }
        store.engine.disk.check(bytes as u64)?;
        if store.wake.pressure.load(Ordering::Relaxed) >= Pressure::Refuse as u8 {
            return Err(Error::Memory);
        }
        let bytes_max = store.engine.config.buffer_bytes_max.as_u64();
        let bytes = store.engine.state.buffer_bytes() + store.reserved.load(Ordering::Relaxed);
        if bytes >= bytes_max {
            store.wake.flush.notify_one();
            return Err(Error::Overloaded { bytes, bytes_max });
        }
        Ok(())
    }

    /// Memory that rows hold which are in no part: buffered ones and those that wait for the log.
    pub fn buffer_bytes(&self) -> u64 {
        self.0.buffered_bytes()
    }

    /// Memory that flushes and merges which run now take beside the rows, at most.
    pub fn work_bytes(&self) -> u64 {
        self.merge_bytes() + self.0.engine.state.sealed_bytes()
    }

    /// What a merge takes of that.
    pub fn merge_bytes(&self) -> u64 {
        let engine = &self.0.engine;
        let merging = engine.merging.load(Ordering::Relaxed);
        u64::from(merging) * engine.config.compact_memory_bytes.as_u64()
    }

    /// Memory of the window of requests that were stored.
    pub fn window_bytes(&self) -> u64 {
        self.0.engine.seen.bytes()
    }

    /// Says how short the process is of memory; holds until it is called again.
    pub fn set_pressure(&self, pressure: Pressure) {
        let before = self.0.wake.pressure.swap(pressure as u8, Ordering::Relaxed);
        if pressure >= Pressure::Flush && before != pressure as u8 {
            self.0.wake.flush.notify_one();
        }
    }

    /// All tables of `tenant`, one cut. An unknown tenant has empty tables. Summarises the spans
    /// that were buffered since the last snapshot (about a microsecond each).
    pub fn snapshot(&self, tenant: &TenantId) -> Snapshot {
        let engine = &self.0.engine;
        let indexes = Arc::clone(engine.parts.objects.indexes());
        let snapshot = engine.state.snapshot(tenant, self.schemas());
        snapshot.indexed(indexes)
    }

    /// Tells of rows of `table` of `tenant` that become visible from now on. Those of the log that is
    /// replayed are not among them.
    pub fn follow(&self, tenant: &TenantId, table: Table) -> Following {
        self.0.engine.state.followers.follow(tenant, table)
    }

    /// Writes all buffered rows to parts and commits them. While the log is replayed, those of
    /// requests that came since the start stay buffered.
    ///
    /// Errors: the rows stay buffered and in the log; `Unavailable` when the store closes. Cancel safety: the flush goes on.
    pub async fn flush(&self) -> Result<()> {
        self.0.check_open()?;
        let store = Arc::clone(&self.0);
        blocking("flush", move || store.flush()).await
    }

    /// Merges parts until nothing is left to merge.
    ///
    /// Errors: as for [`Store::flush`]; parts that are damaged are reported and passed over.
    pub async fn compact(&self) -> Result<()> {
        self.0.check_open()?;
        let store = Arc::clone(&self.0);
        blocking("compaction", move || store.compact()).await
    }

    /// Applies retention and unlinks files that nobody names any more.
    ///
    /// Errors: as for [`Store::flush`].
    pub async fn expire(&self) -> Result<()> {
        self.0.check_open()?;
        let store = Arc::clone(&self.0);
        blocking("retention", move || store.engine.expire()).await
    }

    /// Deletes the rows of `tenant` that `selection` says: buffered ones are flushed first, then parts
    /// are written anew without them, in one commit. A `dry_run` only counts. `progress` is told how
    /// far it is.
    ///
    /// Errors: `Invalid` for a selection that has no condition or selects nothing for sure,
    /// `Unavailable` while the log is replayed, since it may hold such rows, or when the disk has no
    /// room for the new parts, or when the store closes; the file system or the catalog fails: nothing
    /// is deleted then. Cancel safety: the deletion goes on.
    pub async fn delete(
        &self,
        tenant: &TenantId,
        selection: &Selection,
        dry_run: bool,
        progress: Arc<DeleteProgress>,
    ) -> Result<Deleted> {
        self.0.check_open()?;
        selection.check()?;
        if let Some(replay) = self.replay() {
            let percent = replay.percent();
            return Err(Error::Unavailable {
                reason: format!(
                    "rows can be deleted once the write-ahead log is replayed ({percent} % now)"
                ),
            });
        }
        let store = Arc::clone(&self.0);
        let (tenant, selection) = (tenant.clone(), selection.clone());
        blocking("deletion", move || {
            store.flush()?;
            let go_on = || store.check_open();
            let engine = &store.engine;
            engine.delete(&tenant, &selection, dry_run, &progress, &go_on)
        })
        .await
    }

    /// Reads all files and compares them with their checksums, as fast as the disk allows: damaged
    /// parts vanish from new snapshots, which name them; repaired ones come back.
    ///
    /// Errors: the file system or the catalog fails. Damage is no error.
    pub async fn scrub(&self) -> Result<()> {
        self.0.check_open()?;
        let store = Arc::clone(&self.0);
        blocking("scrub", move || {
            let mut after = PartId(0);
            while let Some((id, _)) = store.engine.scrub(after)? {
                after = id;
            }
            Ok(())
        })
        .await
    }

    /// The colour slots of services, by name: of `names`, and of all that were asked for before. A
    /// new name is given one of 24, which it keeps; beyond 24 services, they share.
    ///
    /// Errors: the catalog cannot remember new ones. Cancel safety: safe.
    pub async fn service_slots(&self, names: Vec<String>) -> Result<BTreeMap<String, u32>> {
        if let Some(known) = self.0.slots.known(&names) {
            return Ok(known);
        }
        let store = Arc::clone(&self.0);
        let give = move || store.slots.give(&names, &store.engine.catalog);
        blocking("slots of services", give).await
    }

    /// Figures for people.
    pub fn stats(&self) -> Stats {
        let engine = &self.0.engine;
        let (indexed_parts, index_bytes) = engine.parts.objects.indexes().count();
        let mut stats = Stats {
            indexed_parts,
            index_bytes,
            dedup_entries: engine.seen.len() as u64,
            disk_free_bytes: engine.disk.free(),
            refusing: self.check_writable(0).err().map(|error| error.to_string()),
            ..Stats::default()
        };
        engine.state.stats(&mut stats);
        stats
    }

    /// Refuses new writes, flushes, stops the background tasks, releases the data directory. A
    /// second call does nothing.
    ///
    /// Errors: the last flush has failed; its rows are in the log, and the store is closed all the
    /// same. Cancel safety: dropped early, the store refuses writes and may not have flushed.
    pub async fn close(&self) -> Result<()> {
        if self.0.closing.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let _ = self.0.stop.send(true);
        let store = Arc::clone(&self.0);
        let flushed = blocking("closing", move || {
            store.wal.close();
            failpoint::pass("close", "before_flush");
            store.flush()
        })
        .await;
        self.0.engine.state.followers.close();
        let tasks = std::mem::take(&mut *lock(&self.0.tasks));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a background task has panicked");
            }
        }
        // A deletion that nobody waits for ends at its next part; the directory is ours until then.
        let store = Arc::clone(&self.0);
        let alone = blocking("closing", move || {
            drop(store.engine.alone());
            Ok(())
        })
        .await;
        drop(lock(&self.0.held).take());
        flushed.and(alone)
    }
}

impl Inner {
    pub(crate) fn flush(&self) -> Result<()> {
        let wanted = self.engine.state.position();
        while let Some(flushed) = self.flush_once()? {
            // After one that failed, what came since is behind what it left.
            if flushed >= wanted {
                break;
            }
        }
        Ok(())
    }

    /// Flushes what is sealed, or may be sealed now. Returns the new position.
    ///
    /// Errors: those of a flush.
    pub(crate) fn flush_once(&self) -> Result<Option<WalPosition>> {
        let flushed = self.engine.flush()?;
        self.trim(flushed);
        Ok(flushed)
    }

    /// Flushes what is sealed, or waits for the flush that runs.
    ///
    /// Errors: those of a flush.
    pub(crate) fn flush_sealed(&self) -> Result<()> {
        let flushed = self.engine.flush_sealed()?;
        self.trim(flushed);
        Ok(())
    }

    fn trim(&self, flushed: Option<WalPosition>) {
        if let Some(flushed) = flushed {
            failpoint::pass("flush", "before_trim");
            self.wal.trim(flushed);
            failpoint::pass("flush", "after_trim");
        }
    }

    /// As [`Store::buffer_bytes`].
    pub(crate) fn buffered_bytes(&self) -> u64 {
        self.engine.state.buffer_bytes() + self.reserved.load(Ordering::Relaxed)
    }

    /// Whether [`Store::close`] was called.
    pub(crate) fn closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    pub(crate) fn compact(&self) -> Result<()> {
        self.compact_until(&|| false)
    }

    /// Merges until no merge is due, the store closes, or `stop` says so before one begins.
    ///
    /// Errors: as for [`Store::flush`].
    pub(crate) fn compact_until(&self, stop: &dyn Fn() -> bool) -> Result<()> {
        let stop = || self.closing.load(Ordering::SeqCst) || stop();
        self.engine.compact(&stop).map(|_| ())
    }

    /// Joins small batches that were buffered.
    ///
    /// Errors: a fault of ours; they stay as they are.
    pub(crate) fn join_small(&self) -> Result<()> {
        let engine = &self.engine;
        while let Some(small) = engine.state.take_small() {
            let joined = small.joined(engine.parts.schemas.of(small.table))?;
            engine.state.put_joined(&small, joined);
        }
        Ok(())
    }

    fn check_open(&self) -> Result<()> {
        if self.closing.load(Ordering::SeqCst) {
            return Err(Error::Unavailable {
                reason: "it is closing; retry after the restart".to_owned(),
            });
        }
        Ok(())
    }

    /// Takes the memory of rows from `buffer_bytes_max` before they are queued, so that however many
    /// come at once, only the last one goes over it.
    ///
    /// Errors: `Overloaded`.
    fn reserve(&self, bytes: u64) -> Result<Room> {
        let bytes_max = self.engine.config.buffer_bytes_max.as_u64();
        let buffered = self.engine.state.buffer_bytes();
        let take = |reserved: u64| (buffered + reserved < bytes_max).then_some(reserved + bytes);
        let taken = self
            .reserved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        if let Err(reserved) = taken {
            self.wake.flush.notify_one();
            return Err(Error::Overloaded {
                bytes: buffered + reserved,
                bytes_max,
            });
        }
        Ok(Room::taken(&self.reserved, bytes))
    }
}

/// A secret as XXH3 wants it, from the store's.
fn hash_secret(secret: &[u8; 32]) -> [u8; HASH_SECRET_BYTES] {
    let mut long = [0; HASH_SECRET_BYTES];
    for (i, bytes) in long.chunks_mut(16).enumerate() {
        bytes.copy_from_slice(&xxh3_128_with_seed(secret, i as u64).to_le_bytes());
    }
    long
}

async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| match error.is_panic() {
        true => Err(Error::Panicked(what)),
        false => Err(Error::Stopped(what)),
    })
}

#[cfg(test)]
mod tests;
