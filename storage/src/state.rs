//! What the store knows now: live parts and buffered rows, one cut under one short lock (S1).
//!
//! Everything that changes the cut is one call: publishing a group of frames, sealing, and applying
//! a commit, which swaps sealed rows for the parts that hold them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::buffer::{Generation, Published};
use crate::catalog::Committed;
use crate::follow::Followers;
use crate::schema::{Schemas, Table};
use crate::small::Small;
use crate::{
    Batch, MissingPart, PartId, PartMeta, Snapshot, Stats, TenantId, WalPosition, invariant,
};

type TableParts = HashMap<Table, Arc<Vec<Arc<PartMeta>>>>;

/// The cut. Locked for pointer copies only, never over I/O.
#[derive(Debug)]
pub(crate) struct State {
    cut: Mutex<Cut>,
    /// Told when a part was found damaged.
    pub(crate) damage: Notify,
    /// Told of rows when they are visible.
    pub(crate) followers: Followers,
}

#[derive(Debug)]
struct Cut {
    snapshot_id: i64,
    parts: HashMap<TenantId, TableParts>,
    /// Rows of frames that an earlier process wrote, as far as they are replayed. They come before
    /// `active`, which begins behind the last of them.
    backlog: Option<Generation>,
    /// How far the replay is, while it runs.
    replay: Option<Replay>,
    /// Rows that are being flushed.
    sealed: Option<Arc<Generation>>,
    active: Generation,
    flushed: WalPosition,
    /// Files of parts that are live no more, while a snapshot may still name them.
    retired: HashMap<String, Weak<PartMeta>>,
    /// Live parts that are damaged: no snapshot, merge or retention by size sees them.
    damaged: HashMap<PartId, Damaged>,
}

/// How far the replay of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Replay {
    /// Bytes of frames that were in no part at the start.
    pub bytes_total: u64,
    /// Bytes of those that are visible again.
    pub bytes_done: u64,
}

impl Replay {
    /// How much is done, rounded down.
    pub fn percent(&self) -> u64 {
        self.bytes_done.min(self.bytes_total) * 100 / self.bytes_total.max(1)
    }
}

/// A live part that cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct Damaged {
    pub(crate) part: Arc<PartMeta>,
    pub(crate) detail: String,
    /// Whether the catalog knows.
    pub(crate) kept: bool,
}

impl State {
    /// The state of a catalog, with nothing buffered.
    pub(crate) fn new(snapshot_id: i64, parts: Vec<Arc<PartMeta>>, flushed: WalPosition) -> Self {
        let cut = Cut {
            snapshot_id,
            parts: grouped(parts),
            backlog: None,
            replay: None,
            sealed: None,
            active: Generation::after(flushed),
            flushed,
            retired: HashMap::new(),
            damaged: HashMap::new(),
        };
        State {
            cut: Mutex::new(cut),
            damage: Notify::new(),
            followers: Followers::default(),
        }
    }

    /// Takes the live part that `is` says out of new snapshots. Returns whether there is one that
    /// was not known to be damaged; `kept` when the catalog knows already.
    pub(crate) fn quarantine(
        &self,
        is: impl Fn(&PartMeta) -> bool,
        detail: &str,
        kept: bool,
    ) -> bool {
        let mut cut = self.lock();
        let Some(part) = cut.all_parts().find(|part| is(part)).cloned() else {
            return false;
        };
        cut.change(Vec::new(), &[Arc::clone(&part)]);
        tracing::error!(
            part = part.path, table = %part.table, rows = part.rows, detail,
            "a part is damaged; answers go on without its rows and say so"
        );
        let damaged = Damaged {
            part,
            detail: detail.to_owned(),
            kept,
        };
        cut.damaged.insert(damaged.part.id, damaged);
        cut.count_damaged();
        self.damage.notify_one();
        true
    }

    /// Shows a part again that was found to be good.
    pub(crate) fn readmit(&self, id: PartId) {
        let mut cut = self.lock();
        if let Some(damaged) = cut.damaged.remove(&id) {
            cut.change(vec![damaged.part], &[]);
            cut.count_damaged();
        }
    }

    /// All damaged parts.
    pub(crate) fn damaged(&self) -> Vec<Damaged> {
        self.lock().damaged.values().cloned().collect()
    }

    /// The catalog knows of these damaged parts now.
    pub(crate) fn damage_kept(&self, ids: &[PartId]) {
        let mut cut = self.lock();
        for id in ids {
            if let Some(damaged) = cut.damaged.get_mut(id) {
                damaged.kept = true;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cut> {
        // Changes are made of steps that do not panic.
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the rows of consecutive frames visible together. Returns the bytes buffered and not
    /// sealed, and whether small batches wait to be joined.
    pub(crate) fn publish(&self, frames: Vec<Published>) -> (u64, bool) {
        let told: Vec<_> = match self.followers.any() {
            true => frames.iter().map(Published::visible).collect(),
            false => Vec::new(),
        };
        let waits = {
            let mut cut = self.lock();
            for frame in frames {
                cut.active.push(frame);
            }
            metrics::gauge!("oriel_buffer_bytes").set(cut.buffer_bytes() as f64);
            (cut.active.bytes, cut.active.has_small())
        };
        for (tenant, batches) in told {
            self.followers.tell(&tenant, &batches);
        }
        waits
    }

    /// Small batches that wait to be joined.
    pub(crate) fn take_small(&self) -> Option<Small> {
        self.lock().active.take_small()
    }

    /// Shows `joined` instead of the batches of `small`, unless these are sealed by now.
    pub(crate) fn put_joined(&self, small: &Small, joined: Batch) {
        self.lock().active.put_joined(small, joined);
    }

    /// The log holds frames up to `last` that are in no part and have to be replayed, `bytes` in all;
    /// new ones come behind them. Called before anything is published.
    pub(crate) fn begin_replay(&self, last: WalPosition, bytes: u64) {
        let mut cut = self.lock();
        cut.backlog = Some(Generation::after(cut.flushed));
        cut.active = Generation::after(last);
        cut.replay = Some(Replay {
            bytes_total: bytes,
            bytes_done: 0,
        });
    }

    /// Shows the rows of the next frames of the backlog together.
    pub(crate) fn restore(&self, frames: Vec<Published>) {
        let mut cut = self.lock();
        let cut = &mut *cut;
        cut.progress(frames.iter().map(|frame| frame.wal_bytes).sum());
        let Some(backlog) = &mut cut.backlog else {
            return;
        };
        for frame in frames {
            backlog.push(frame);
        }
        metrics::gauge!("oriel_buffer_bytes").set(cut.buffer_bytes() as f64);
    }

    /// Memory of the rows of the backlog that are sealed, and that are not.
    pub(crate) fn backlog_bytes(&self) -> (u64, u64) {
        let cut = self.lock();
        let sealed = cut.sealed.as_ref().map_or(0, |sealed| sealed.bytes);
        (
            sealed,
            cut.backlog.as_ref().map_or(0, |backlog| backlog.bytes),
        )
    }

    /// The rows that are sealed and not flushed.
    pub(crate) fn sealed(&self) -> Option<Arc<Generation>> {
        self.lock().sealed.clone()
    }

    /// The replay goes on after `last`: the frames up to there can not be read, `bytes` in all.
    pub(crate) fn skip(&self, last: WalPosition, bytes: u64) {
        let mut cut = self.lock();
        cut.progress(bytes);
        if let Some(backlog) = &mut cut.backlog {
            backlog.skip(last);
        }
    }

    /// The frame up to which the backlog is replayed; `None` when there is no backlog left.
    pub(crate) fn restored(&self) -> Option<WalPosition> {
        self.lock().backlog.as_ref().map(|backlog| backlog.last)
    }

    /// All frames of the backlog are visible.
    pub(crate) fn end_replay(&self) {
        self.lock().replay = None;
    }

    /// How far the replay is; `None` when none runs.
    pub(crate) fn replay(&self) -> Option<Replay> {
        self.lock().replay
    }

    /// The rows to flush, of all tenants and tables up to one frame; `None` when there are none.
    /// Until a commit moves the position over them, the same rows are returned again. Rows behind a
    /// backlog wait until all of it is flushed (W5).
    pub(crate) fn seal(&self) -> Option<Arc<Generation>> {
        let mut cut = self.lock();
        let cut = &mut *cut;
        let next = cut.backlog.as_mut().unwrap_or(&mut cut.active);
        let due = next.last > next.after && invariant::adjoins(cut.flushed, next.after);
        if cut.sealed.is_none() && due {
            let behind = Generation::after(next.last);
            cut.sealed = Some(Arc::new(std::mem::replace(next, behind)));
        }
        cut.sealed.clone()
    }

    /// Shows a commit: new parts instead of removed ones, and instead of the sealed rows when it
    /// moved the position (S1). Commits are applied in the order they were made.
    pub(crate) fn apply(
        &self,
        committed: Committed,
        removed: &[Arc<PartMeta>],
        flushed: Option<WalPosition>,
    ) {
        let mut cut = self.lock();
        cut.retire(removed);
        for part in removed {
            cut.damaged.remove(&part.id);
        }
        cut.count_damaged();
        cut.snapshot_id = committed.snapshot_id;
        match committed.reloaded {
            Some(parts) => cut.replace(parts),
            None => cut.change(committed.added, removed),
        }
        if let Some(flushed) = flushed {
            cut.flushed = flushed;
            cut.sealed = None;
            // All of the backlog is in parts: from now on the rows behind it are flushed.
            let active = cut.active.after;
            cut.backlog
                .take_if(|backlog| backlog.last == active && flushed == active);
        }
        metrics::gauge!("oriel_parts").set(cut.all_parts().count() as f64);
        metrics::gauge!("oriel_buffer_bytes").set(cut.buffer_bytes() as f64);
    }

    /// All live parts.
    pub(crate) fn parts(&self) -> Vec<Arc<PartMeta>> {
        self.lock().all_parts().cloned().collect()
    }

    /// Whether a snapshot that was taken from here still names this file (S2).
    pub(crate) fn pinned(&self, path: &str) -> bool {
        let mut cut = self.lock();
        cut.retired.retain(|_, part| part.strong_count() > 0);
        cut.retired.contains_key(path)
            || cut.all_parts().any(|part| part.path == path)
            || cut
                .damaged
                .values()
                .any(|damaged| damaged.part.path == path)
    }

    /// Memory of the rows in no part.
    pub(crate) fn buffer_bytes(&self) -> u64 {
        self.lock().buffer_bytes()
    }

    /// Memory of the rows that are being flushed.
    pub(crate) fn sealed_bytes(&self) -> u64 {
        self.lock().sealed.as_ref().map_or(0, |sealed| sealed.bytes)
    }

    /// How long until a flush is due by size or age: zero for now, `None` when nothing waits. Rows
    /// whose flush has failed are due.
    pub(crate) fn flush_due(&self, bytes_max: u64, age_max: Duration) -> Option<Duration> {
        let cut = self.lock();
        let next = cut.backlog.as_ref().unwrap_or(&cut.active);
        if cut.sealed.is_some() || next.bytes >= bytes_max {
            return Some(Duration::ZERO);
        }
        let since = next.since.as_ref();
        since.map(|since| age_max.saturating_sub(since.elapsed()))
    }

    /// Position of the last frame.
    pub(crate) fn position(&self) -> WalPosition {
        self.lock().active.last
    }

    /// The cut as `tenant` sees it.
    pub(crate) fn snapshot(&self, tenant: &TenantId, schemas: &Schemas) -> Snapshot {
        let (id, parts, buffered, missing, replaying) = {
            let cut = self.lock();
            let missing = cut.missing(tenant);
            let parts = cut.parts.get(tenant).cloned().unwrap_or_default();
            let buffered: Vec<_> = cut.generations().map(|rows| rows.rows_of(tenant)).collect();
            let replaying = cut.replay.is_some();
            (cut.snapshot_id, parts, buffered, missing, replaying)
        };
        debug_assert!(parts.values().all(|parts| invariant::distinct(parts)));
        let mut buffers = HashMap::new();
        for rows in buffered {
            rows.add_to(schemas, &mut buffers);
        }
        Snapshot::new(id, schemas.clone(), parts, buffers).without(missing, replaying)
    }

    /// Fills in what the state knows.
    pub(crate) fn stats(&self, stats: &mut Stats) {
        let cut = self.lock();
        for part in cut.all_parts() {
            stats.parts += 1;
            stats.part_rows += part.rows;
            stats.part_bytes += part.bytes;
        }
        for damaged in cut.damaged.values() {
            stats.damaged_parts += 1;
            stats.damaged_rows += damaged.part.rows;
        }
        for generation in cut.generations() {
            stats.buffer_rows += generation.rows;
            stats.buffer_bytes += generation.bytes;
            stats.wal_bytes += generation.wal_bytes;
        }
        if let Some(replay) = &cut.replay {
            stats.wal_bytes += replay.bytes_total.saturating_sub(replay.bytes_done);
        }
        stats.replay = cut.replay;
        stats.wal_position = cut.active.last.0;
        stats.flushed_position = cut.flushed.0;
        stats.snapshot_id = cut.snapshot_id;
    }
}

impl Cut {
    fn buffer_bytes(&self) -> u64 {
        self.generations().map(|generation| generation.bytes).sum()
    }

    /// All buffered rows, in the order of their frames.
    fn generations(&self) -> impl Iterator<Item = &Generation> {
        let sealed = self.sealed.as_deref().into_iter();
        sealed.chain(&self.backlog).chain([&self.active])
    }

    fn progress(&mut self, bytes: u64) {
        if let Some(replay) = &mut self.replay {
            replay.bytes_done += bytes;
            let left = replay.bytes_total.saturating_sub(replay.bytes_done);
            metrics::gauge!("oriel_replay_bytes_left").set(left as f64);
        }
    }

    fn all_parts(&self) -> impl Iterator<Item = &Arc<PartMeta>> {
        let tables = self.parts.values().flat_map(HashMap::values);
        tables.flat_map(|parts| parts.iter())
    }

    fn change(&mut self, added: Vec<Arc<PartMeta>>, removed: &[Arc<PartMeta>]) {
        let gone: HashSet<PartId> = removed.iter().map(|part| part.id).collect();
        for part in removed {
            if let Some(parts) = self
                .parts
                .get_mut(&part.tenant)
                .and_then(|tables| tables.get_mut(&part.table))
                && parts.iter().any(|part| gone.contains(&part.id))
            {
                Arc::make_mut(parts).retain(|part| !gone.contains(&part.id));
            }
        }
        for part in added {
            let tables = self.parts.entry(part.tenant.clone()).or_default();
            Arc::make_mut(tables.entry(part.table).or_default()).push(part);
        }
    }

    /// All live parts are these now.
    fn replace(&mut self, mut parts: Vec<Arc<PartMeta>>) {
        let live: HashSet<PartId> = parts.iter().map(|part| part.id).collect();
        self.damaged.retain(|id, _| live.contains(id));
        parts.retain(|part| !self.damaged.contains_key(&part.id));
        self.parts = grouped(parts);
        self.count_damaged();
    }

    fn missing(&self, tenant: &TenantId) -> Vec<MissingPart> {
        let of = self.damaged.values().filter(|d| d.part.tenant == *tenant);
        of.map(|damaged| MissingPart {
            part: Arc::clone(&damaged.part),
            detail: damaged.detail.clone(),
        })
        .collect()
    }

    fn count_damaged(&self) {
        metrics::gauge!("oriel_damaged_parts").set(self.damaged.len() as f64);
        let rows: u64 = self.damaged.values().map(|d| d.part.rows).sum();
        metrics::gauge!("oriel_damaged_rows").set(rows as f64);
    }

    fn retire(&mut self, removed: &[Arc<PartMeta>]) {
        self.retired.retain(|_, part| part.strong_count() > 0);
        for part in removed {
            self.retired.insert(part.path.clone(), Arc::downgrade(part));
        }
    }
}

fn grouped(all: Vec<Arc<PartMeta>>) -> HashMap<TenantId, TableParts> {
    let mut parts: HashMap<TenantId, TableParts> = HashMap::new();
    for part in all {
        let tables = parts.entry(part.tenant.clone()).or_default();
        Arc::make_mut(tables.entry(part.table).or_default()).push(part);
    }
    parts
}
