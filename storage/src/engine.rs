//! The steps that change what is in parts, each one blocking call: flush, compact, expire, unlink.
//!
//! A step writes files, makes one catalog commit and shows it in the state, the last two under the
//! catalog's lock, so that commits are shown in the order they were made. Flushes run one at a
//! time; so do the steps that remove parts.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oriel_proto::UnixNanos;

use crate::catalog::{Catalog, Commit, CommitKind};
use crate::disk::Disk;
use crate::flush::write_parts;
use crate::part::writer::PartContext;
use crate::seen::{self, Seen};
use crate::state::State;
use crate::wal::io;
use crate::{
    Clock, Config, Error, PartId, PartMeta, Result, WalPosition, compact, expire, invariant,
};

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
    /// Most bytes of all parts.
    bytes_max: u64,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in a step leaves files without a commit, or a commit that the next start reads.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    pub(crate) fn new(
        config: Config,
        clock: Arc<dyn Clock>,
        state: Arc<State>,
        seen: Arc<Seen>,
        disk: Arc<Disk>,
        parts: PartContext,
        catalog: Catalog,
    ) -> Self {
        let own: u64 = state.parts().iter().map(|part| part.bytes).sum();
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
            bytes_max,
        }
    }

    /// Writes the buffered rows to parts and commits them with the position (W2, W3). Returns that
    /// position, or `None` when nothing was buffered.
    ///
    /// Errors: rows stay buffered and visible; the next call tries the same rows again.
    pub(crate) fn flush(&self) -> Result<Option<WalPosition>> {
        let mut unsure = lock(&self.unsure);
        let Some(sealed) = self.state.seal() else {
            return Ok(None);
        };
        let start = Instant::now();
        let parts = match unsure.take() {
            Some((last, parts)) if last == sealed.last => parts,
            _ => {
                write_parts(&self.parts, &sealed.sealed()).inspect_err(|_| self.sweep_if_idle())?
            }
        };
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

    /// Merges parts until no merge is due or `stop` says so. Returns the number of merges. Parts
    /// that cannot be merged are reported and left alone until a restart.
    ///
    /// Errors: the disk is nearly full, or the catalog fails.
    pub(crate) fn compact(&self, stop: &dyn Fn() -> bool) -> Result<usize> {
        let mut unreadable = lock(&self.removing);
        let mut merges_count = 0;
        loop {
            let mut parts = self.state.parts();
            parts.retain(|part| !unreadable.contains(&part.id));
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
        let merged = compact::merge(&self.parts, merge)?;
        debug_assert!(invariant::rows_kept(&merge.parts, &merged));
        let bytes_out: u64 = merged.iter().map(|part| part.bytes).sum();
        let parts_count = merge.parts.len();
        self.commit(Commit {
            add: merged,
            remove: merge.parts.clone(),
            flushed: None,
            seen: None,
            why: CommitKind::Compact,
        })?;
        let seconds = start.elapsed().as_secs_f64();
        metrics::counter!("oriel_merges_total").increment(1);
        metrics::histogram!("oriel_merge_seconds").record(seconds);
        let table = merge.table.as_str();
        tracing::debug!(table, parts_count, bytes_in, bytes_out, seconds, "merged");
        Ok(())
    }

    /// Removes what retention says, ends old catalog snapshots, unlinks files that nobody names.
    /// When the disk is nearly full, files of ended snapshots go without grace.
    ///
    /// Errors: the catalog or a file fails; the rest is done by a later call.
    pub(crate) fn expire(&self) -> Result<()> {
        let _alone = lock(&self.removing);
        let now = self.clock.now();
        let parts = self.state.parts();
        let remove = expire::plan(&parts, now, &self.config, self.bytes_max);
        if !remove.is_empty() {
            let parts_count = remove.len();
            let bytes: u64 = remove.iter().map(|part| part.bytes).sum();
            self.commit(Commit {
                add: Vec::new(),
                remove,
                flushed: None,
                seen: None,
                why: CommitKind::Expire,
            })?;
            tracing::info!(parts_count, bytes, "retention has removed parts");
        }
        let grace = if self.disk.nearly_full() {
            Duration::ZERO
        } else {
            self.config.unlink_grace
        };
        self.unlink(now, grace)
    }

    fn unlink(&self, now: UnixNanos, grace: Duration) -> Result<()> {
        let before = i64::try_from(grace.as_nanos()).unwrap_or(i64::MAX);
        let mut due = {
            let mut catalog = lock(&self.catalog);
            catalog.expire_snapshots(UnixNanos(now.0.saturating_sub(before)))?;
            catalog.files_due(now, grace)?
        };
        due.retain(|file| !self.state.pinned(&file.path));
        for file in &due {
            remove_file(&self.config.data_dir.join(&file.path))?;
        }
        if due.is_empty() {
            return Ok(());
        }
        metrics::counter!("oriel_files_unlinked_total").increment(due.len() as u64);
        lock(&self.catalog).forget_files(&due)
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

    /// Removes files that a failed flush left, unless a merge is writing its own.
    fn sweep_if_idle(&self) {
        if let Ok(_alone) = self.removing.try_lock()
            && let Err(error) = self.sweep()
        {
            tracing::warn!(error = %full(&error), "cannot remove files of a failed flush");
        }
    }

    /// Removes files below `tables/` that the catalog does not name. Nothing may be writing parts.
    ///
    /// Errors: the catalog or a directory cannot be read.
    pub(crate) fn sweep(&self) -> Result<()> {
        let tables = self.config.data_dir.join(crate::layout::TABLES);
        let mut found = Vec::new();
        list_files(&tables, &mut found)?;
        if found.is_empty() {
            return Ok(());
        }
        let named = lock(&self.catalog).named_files()?;
        for path in found {
            let relative = path.strip_prefix(&self.config.data_dir).ok();
            if relative
                .and_then(Path::to_str)
                .is_some_and(|path| !named.contains(path))
            {
                tracing::info!(path = %path.display(), "removing a part that was never committed");
                remove_file(&path)?;
            }
        }
        Ok(())
    }
}

fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io("removing", path, error))
        }
        _ => Ok(()),
    }
}

/// Parquet files below `directory`.
fn list_files(directory: &Path, found: &mut Vec<std::path::PathBuf>) -> Result<()> {
    let failed = |source| io("listing", directory, source);
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            list_files(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "parquet")
        {
            found.push(path);
        }
    }
    Ok(())
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
