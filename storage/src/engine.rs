//! The steps that change what is in parts, each one blocking call: flush, compact, expire, unlink.
//!
//! A step writes files, makes one catalog commit and shows it in the state, the last two under the
//! catalog's lock, so that commits are shown in the order they were made. Flushes run one at a
//! time; so do the steps that remove parts.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oriel_proto::UnixNanos;

use crate::buffer::Generation;
use crate::catalog::{Catalog, Commit, CommitKind};
use crate::disk::Disk;
use crate::flush::{remove_parts, summarise_part, write_parts};
use crate::layout::Layout;
use crate::part::reader::verify;
use crate::part::writer::PartContext;
use crate::seen::{self, Seen};
use crate::state::State;
use crate::trust::Trust;
use crate::{
    Clock, Config, Error, PartId, PartMeta, Result, WalPosition, compact, expire, failpoint,
    invariant, orphans,
};

/// The time believed is remembered when it has moved this far, in nanoseconds.
const CLOCK_STEP: u64 = 3_600_000_000_000;
/// Files that are unlinked before the catalog forgets them.
const UNLINK_COUNT: usize = 1000;

/// The parts side of a store: everything but the log's writer.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) state: Arc<State>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) parts: PartContext,
    pub(crate) catalog: Mutex<Catalog>,
    /// Parts that a flush has written and not committed, with the position they go up to.
    unsure: Mutex<Option<(WalPosition, Vec<PartMeta>)>>,
    /// Held while parts are removed; those that could not be read are left out of merges.
    removing: Mutex<HashSet<PartId>>,
    /// Steps that wait for `removing`: a pass of merges ends for them, since one can last as long as
    /// rows arrive.
    waiting: AtomicUsize,
    /// Whether a merge or a deletion runs.
    pub(crate) merging: AtomicBool,
    /// Most bytes of all parts.
    bytes_max: u64,
    trust: Mutex<(Trust, Option<UnixNanos>)>,
    /// Newest time of a row that came at about that time, of those committed by this process.
    newest_row: AtomicI64,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in a step leaves files without a commit, or a commit that the next start reads.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts that recovery has put together"
    )]
    pub(crate) fn new(
        config: Config,
        clock: Arc<dyn Clock>,
        state: Arc<State>,
        seen: Arc<Seen>,
        disk: Arc<Disk>,
        parts: PartContext,
        catalog: Catalog,
        remembered: Option<UnixNanos>,
    ) -> Self {
        let trust = Trust::new(remembered, clock.now(), config.retention_clock_jump_max);
        let quarantine = Arc::clone(&state);
        parts
            .objects
            .checks()
            .report_to(Box::new(move |path, detail| {
                quarantine.quarantine(|part| part.path == path, detail, false);
            }));
        let own: u64 = state.parts().iter().map(|part| part.bytes).sum();
        let own = own + parts.objects.indexes().count().1;
        let bytes_max = expire::bytes_max(&config, disk.free(), own);
        Engine {
            config,
            clock,
            state,
            seen,
            disk,
            parts,
            catalog: Mutex::new(catalog),
            unsure: Mutex::new(None),
            removing: Mutex::default(),
            waiting: AtomicUsize::new(0),
            merging: AtomicBool::new(false),
            bytes_max,
            trust: Mutex::new((trust, None)),
            newest_row: AtomicI64::new(i64::MIN),
        }
    }

    /// Writes the buffered rows to parts and commits them with the position (W2, W3). Returns that
    /// position, or `None` when nothing was buffered.
    ///
    /// Errors: rows stay buffered and visible; the next call tries the same rows again.
    pub(crate) fn flush(&self) -> Result<Option<WalPosition>> {
        self.flush_what(State::seal)
    }

    /// The same of the rows that are sealed already, if there are; waits for a flush of them that runs.
    ///
    /// Errors: as for [`Engine::flush`].
    pub(crate) fn flush_sealed(&self) -> Result<Option<WalPosition>> {
        self.flush_what(State::sealed)
    }

    fn flush_what(
        &self,
        what: impl FnOnce(&State) -> Option<Arc<Generation>>,
    ) -> Result<Option<WalPosition>> {
        let mut unsure = lock(&self.unsure);
        let Some(sealed) = what(&self.state) else {
            return Ok(None);
        };
        let start = Instant::now();
        failpoint::pass("flush", "before_parts");
        let parts = match unsure.take() {
            Some((last, parts)) if last == sealed.last => parts,
            _ => write_parts(&self.parts, &sealed.sealed())?,
        };
        failpoint::pass("flush", "after_parts");
        let in_time = parts.iter().filter(|part| !part.odd);
        if let Some(newest) = in_time.map(|part| part.time_max.0).max() {
            self.newest_row.fetch_max(newest, Ordering::Relaxed);
        }
        let (parts_count, rows, bytes) = (parts.len(), sealed.rows, sealed.bytes);
        *unsure = Some((sealed.last, parts.clone()));
        self.commit(Commit {
            add: parts,
            remove: Vec::new(),
            flushed: Some(sealed.last),
            seen: Some(seen::encode(&sealed.seen)),
            why: CommitKind::Flush,
        })?;
        *unsure = None;
        let seconds = start.elapsed().as_secs_f64();
        metrics::counter!("oriel_flushes_total").increment(1);
        metrics::counter!("oriel_flushed_rows_total").increment(rows);
        metrics::histogram!("oriel_flush_seconds").record(seconds);
        tracing::debug!(parts_count, rows, bytes, seconds, "flushed");
        Ok(Some(sealed.last))
    }

    /// Waits until no other step removes parts; a pass of merges ends after the merge at hand.
    pub(crate) fn alone(&self) -> MutexGuard<'_, HashSet<PartId>> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let alone = lock(&self.removing);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        alone
    }

    /// Merges parts until no merge is due, `stop` says so, or another step waits. Returns the number
    /// of merges. Parts that cannot be merged are reported and left alone until a restart.
    ///
    /// Errors: the disk is nearly full, or the catalog fails.
    pub(crate) fn compact(&self, stop: &dyn Fn() -> bool) -> Result<usize> {
        let mut unreadable = lock(&self.removing);
        let stop = || stop() || self.waiting.load(Ordering::SeqCst) > 0;
        let mut merges_count = 0;
        loop {
            let mut parts = self.state.parts();
            parts.retain(|part| !unreadable.contains(&part.id));
            let backlog = compact::backlog(&parts, &self.config);
            metrics::gauge!("oriel_small_parts_max").set(backlog as f64);
            let merges = compact::plan(&parts, self.clock.now(), &self.config);
            if merges.is_empty() || stop() {
                return Ok(merges_count);
            }
            for merge in merges {
                if stop() {
                    return Ok(merges_count);
                }
                match self.merge(&merge) {
                    Ok(()) => merges_count += 1,
                    // Of these parts alone: the others go on.
                    Err(Error::Corrupt { .. }) if self.quarantine_bad(&merge.parts)? => break,
                    Err(
                        error @ (Error::Corrupt { .. } | Error::Invalid(_) | Error::Arrow { .. }),
                    ) => {
                        tracing::error!(error = %full(&error), "parts cannot be merged");
                        unreadable.extend(merge.parts.iter().map(|part| part.id));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn merge(&self, merge: &compact::Merge) -> Result<()> {
        debug_assert!(invariant::same_place(&merge.parts));
        let bytes_in: u64 = merge.parts.iter().map(|part| part.bytes).sum();
        self.disk.refresh();
        self.disk.check(bytes_in)?;
        let start = Instant::now();
        self.merging.store(true, Ordering::Relaxed);
        // A merge that panics ends as well.
        let merged = catch_unwind(AssertUnwindSafe(|| compact::merge(&self.parts, merge)));
        self.merging.store(false, Ordering::Relaxed);
        let merged = merged.unwrap_or_else(|panic| resume_unwind(panic))?;
        failpoint::pass("compact", "after_output");
        debug_assert!(invariant::rows_kept(&merge.parts, &merged));
        let bytes_out: u64 = merged.iter().map(|part| part.bytes).sum();
        let parts_count = merge.parts.len();
        self.replace(merged, merge.parts.clone(), CommitKind::Compact)?;
        failpoint::pass("compact", "after_merge");
        let seconds = start.elapsed().as_secs_f64();
        metrics::counter!("oriel_merges_total").increment(1);
        metrics::histogram!("oriel_merge_seconds").record(seconds);
        let table = merge.table.as_str();
        tracing::debug!(table, parts_count, bytes_in, bytes_out, seconds, "merged");
        Ok(())
    }

    /// Commits parts that replace others. Files whose commit was refused are removed again.
    pub(crate) fn replace(
        &self,
        add: Vec<PartMeta>,
        remove: Vec<Arc<PartMeta>>,
        why: CommitKind,
    ) -> Result<()> {
        let written = add.clone();
        let commit = Commit {
            add,
            remove,
            flushed: None,
            seen: None,
            why,
        };
        self.commit(commit).inspect_err(|error| {
            // After an error of the disk the commit may have been made.
            if matches!(error, Error::Invalid(_) | Error::Unavailable { .. }) {
                remove_parts(&self.parts, &written);
            }
        })
    }

    /// Quarantines those of `parts` that are damaged. Returns whether there were any.
    fn quarantine_bad(&self, parts: &[Arc<PartMeta>]) -> Result<bool> {
        let mut any = false;
        for part in parts {
            if let Err(Error::Corrupt { detail, .. }) = verify(&self.parts.objects, part) {
                // Somebody else may have found it before.
                self.state
                    .quarantine(|live| live.id == part.id, &detail, false);
                any = true;
            }
        }
        self.keep_damage()?;
        Ok(any)
    }

    /// Writes down which parts were found damaged.
    ///
    /// Errors: the catalog fails; a later call does it.
    pub(crate) fn keep_damage(&self) -> Result<()> {
        let new = self.state.damaged().into_iter().filter(|d| !d.kept);
        let marks: Vec<_> = new.map(|d| (d.part.id, Some(d.detail))).collect();
        if marks.is_empty() {
            return Ok(());
        }
        lock(&self.catalog).mark(&marks)?;
        let ids: Vec<PartId> = marks.iter().map(|(id, _)| *id).collect();
        self.state.damage_kept(&ids);
        Ok(())
    }

    /// Compares the part behind `after`, by id, with its checksum: one that differs is quarantined,
    /// one that was damaged and is good again is shown again. Returns its id and size, `None` behind
    /// the last.
    ///
    /// Errors: the file system or the catalog fails.
    pub(crate) fn scrub(&self, after: PartId) -> Result<Option<(PartId, u64)>> {
        let damaged = self.state.damaged();
        let mut parts = self.state.parts();
        parts.extend(damaged.iter().map(|damaged| Arc::clone(&damaged.part)));
        let next = parts.into_iter().filter(|part| part.id > after);
        let Some(part) = next.min_by_key(|part| part.id) else {
            return Ok(None);
        };
        let was_damaged = damaged.iter().any(|damaged| damaged.part.id == part.id);
        match verify(&self.parts.objects, &part) {
            Ok(()) if was_damaged => {
                tracing::info!(part = part.path, "a damaged part is good again");
                self.readmit(&part)?;
            }
            Ok(()) => {}
            Err(Error::Corrupt { detail, .. }) => {
                self.state
                    .quarantine(|live| live.id == part.id, &detail, false);
                self.keep_damage()?;
            }
            Err(error) => return Err(error),
        }
        let bytes = part.bytes + self.parts.objects.indexes().scrub(&part.path);
        metrics::counter!("oriel_scrubbed_parts_total").increment(1);
        metrics::counter!("oriel_scrubbed_bytes_total").increment(bytes);
        Ok(Some((part.id, bytes)))
    }

    /// Shows a part again. While it was away its spans may have been left out of summaries made anew,
    /// or its summaries may count spans that are gone: those of its place are made from all spans.
    fn readmit(&self, part: &Arc<PartMeta>) -> Result<()> {
        let _alone = self.alone();
        lock(&self.catalog).mark(&[(part.id, None)])?;
        self.state.readmit(part.id);
        let summed = expire::summed(&self.state.parts(), part);
        let Some(expire::Torn { spans, summaries }) = summed else {
            return Ok(());
        };
        let mut add = Vec::new();
        self.summarise_anew(spans.iter(), &mut add)
            .inspect_err(|_| remove_parts(&self.parts, &add))?;
        self.replace(add, summaries, CommitKind::Delete)
    }

    /// Removes what retention says, ends old catalog snapshots, unlinks files that nobody names.
    /// When the disk is nearly full, files of ended snapshots go without grace, and so do orphans.
    ///
    /// Errors: the catalog or a file fails; the rest is done by a later call.
    pub(crate) fn expire(&self) -> Result<()> {
        self.keep_damage()?;
        let now = self.believed()?;
        self.remove_expired(now)?;
        let (mut grace, mut orphan_bytes) = (
            self.config.unlink_grace,
            self.config.orphan_bytes_max.as_u64(),
        );
        if self.disk.nearly_full() {
            (grace, orphan_bytes) = (Duration::ZERO, 0);
        }
        self.unlink(now, grace)?;
        let layout = Layout::new(&self.config.data_dir);
        let files = self.parts.objects.files();
        orphans::expire(
            &layout,
            files,
            now,
            self.config.orphan_age_max,
            orphan_bytes,
        )
    }

    /// Most bytes of all parts: the rest of what may be used is for their word indexes.
    fn parts_bytes_max(&self, parts: &[Arc<PartMeta>]) -> u64 {
        let own: u64 = parts.iter().map(|part| part.bytes).sum();
        let with_indexes = u128::from(own + self.parts.objects.indexes().count().1);
        let max = u128::from(self.bytes_max) * u128::from(own) / with_indexes.max(1);
        match self.bytes_max {
            0 => 0,
            _ => (max as u64).max(1),
        }
    }

    /// Takes out of the lake what retention says. Merges and deletions wait for it.
    fn remove_expired(&self, now: UnixNanos) -> Result<()> {
        let _alone = self.alone();
        let parts = self.state.parts();
        let mut remove = expire::plan(&parts, now, &self.config, self.parts_bytes_max(&parts));
        let torn = expire::torn(&parts, &remove);
        // Damaged parts go with their age, like others; not for their size.
        let damaged: Vec<_> = self.state.damaged().into_iter().map(|d| d.part).collect();
        remove.extend(expire::plan(&damaged, now, &self.config, 0));
        if !remove.is_empty() {
            let parts_count = remove.len();
            let bytes: u64 = remove.iter().map(|part| part.bytes).sum();
            let mut add = Vec::new();
            let spans = torn.iter().flat_map(|torn| &torn.spans);
            self.summarise_anew(spans, &mut add)
                .inspect_err(|_| remove_parts(&self.parts, &add))?;
            remove.extend(torn.into_iter().flat_map(|torn| torn.summaries));
            let why = match add.is_empty() {
                true => CommitKind::Expire,
                false => CommitKind::Delete,
            };
            self.replace(add, remove, why)?;
            tracing::info!(parts_count, bytes, "retention has removed parts");
        }
        Ok(())
    }

    /// Adds summaries of these parts of spans to `made`. One that is damaged is quarantined, so that a
    /// later try goes on without it.
    ///
    /// Errors: `Corrupt`, and those of files and the catalog; what was added to `made` stays there.
    pub(crate) fn summarise_anew<'a>(
        &self,
        spans: impl Iterator<Item = &'a Arc<PartMeta>>,
        made: &mut Vec<PartMeta>,
    ) -> Result<()> {
        for part in spans {
            let checked = verify(&self.parts.objects, part);
            if matches!(checked, Err(Error::Corrupt { .. })) {
                self.quarantine_bad(std::slice::from_ref(part))?;
            }
            checked?;
            summarise_part(&self.parts, part, made)?;
        }
        Ok(())
    }

    /// The time that ages are judged by.
    fn believed(&self) -> Result<UnixNanos> {
        let newest_row = UnixNanos(self.newest_row.load(Ordering::Relaxed));
        let mut trust = lock(&self.trust);
        let (trust, remembered) = &mut *trust;
        let now = trust.judge(self.clock.now(), Instant::now(), newest_row);
        let moved = remembered.is_none_or(|known| now.0.abs_diff(known.0) >= CLOCK_STEP);
        if moved && !trust.doubts() {
            lock(&self.catalog).set_clock(now)?;
            *remembered = Some(now);
        }
        Ok(now)
    }

    fn unlink(&self, now: UnixNanos, grace: Duration) -> Result<()> {
        let before = i64::try_from(grace.as_nanos()).unwrap_or(i64::MAX);
        let mut due = {
            let mut catalog = lock(&self.catalog);
            catalog.expire_snapshots(UnixNanos(now.0.saturating_sub(before)))?;
            failpoint::pass("unlink", "snapshots_ended");
            catalog.files_due(now, grace)?
        };
        due.retain(|file| !self.state.pinned(&file.path));
        // Some at a time, so that a restart need not begin again.
        for some in due.chunks(UNLINK_COUNT) {
            for file in some {
                failpoint::pass("unlink", "before_file");
                self.parts.objects.remove_part(&file.path)?;
                failpoint::pass("unlink", "after_file");
            }
            failpoint::pass("unlink", "after_files");
            metrics::counter!("oriel_files_unlinked_total").increment(some.len() as u64);
            lock(&self.catalog).forget_files(some)?;
        }
        Ok(())
    }

    /// Commits and shows it, under one lock.
    fn commit(&self, commit: Commit) -> Result<()> {
        let (remove, flushed) = (commit.remove.clone(), commit.flushed);
        let mut catalog = lock(&self.catalog);
        let start = Instant::now();
        let committed = catalog.commit(commit)?;
        metrics::histogram!("oriel_commit_seconds").record(start.elapsed().as_secs_f64());
        self.state.apply(committed, &remove, flushed);
        Ok(())
    }

    /// Moves files aside that the catalog does not name. Nothing may be writing parts.
    ///
    /// Errors: the catalog or a directory cannot be read.
    pub(crate) fn sweep(&self) -> Result<()> {
        let named = lock(&self.catalog).named_files()?;
        let layout = Layout::new(&self.config.data_dir);
        let files = self.parts.objects.files();
        orphans::move_aside(&layout, files, &named, self.clock.now())?;
        orphans::remove_indexes(&layout, files, &named)
    }
}

/// The error with its causes, for the log.
pub(crate) fn full(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
