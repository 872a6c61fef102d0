//! The next segment, filled with zeros beside the writer: filling one takes a tenth of a second, in
//! which nobody would be acknowledged.
//!
//! In: that a segment is a quarter full and none is left to be used again. Out: a file of zeros called
//! `spare.tmp`, which the writer gives a segment's name. It is made by a thread of low priority, synced
//! piece by piece, so that the log's own syncs wait for a piece at most. It goes with the process: what a
//! crash leaves of one is removed at the next start, since it may not be whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::SegmentFile;
use super::writer::fill;
use crate::background::step_back;
use crate::disk::Disk;
use crate::failpoint;
use crate::files::Files;

/// The next segment, if it is being made or waits.
#[derive(Debug, Default)]
pub(super) struct Spare {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<SegmentFile>>>,
}

fn path(dir: &Path) -> PathBuf {
    dir.join("spare.tmp")
}

impl Spare {
    /// Removes what an earlier process has left in `dir`.
    pub(super) fn clear(files: &Files, dir: &Path) {
        let path = path(dir);
        if path.exists() {
            let _ = files.remove(&path);
        }
    }

    /// Begins to make one of `bytes` in `dir`, if there is none.
    pub(super) fn begin(&mut self, files: &Files, dir: &Path, bytes: u64, disk: &Arc<Disk>) {
        if self.thread.is_some() || disk.check(bytes).is_err() {
            return;
        }
        let (stop, files, path) = (Arc::clone(&self.stop), files.clone(), path(dir));
        let make = move || {
            step_back();
            let stopped = || stop.load(Ordering::Relaxed);
            let made = fill(&files, &path, bytes, &stopped).is_ok();
            failpoint::pass("rotate", "zeroed");
            if !made || stopped() {
                // The writer makes one itself when it has to.
                let _ = std::fs::remove_file(&path);
                return None;
            }
            Some(SegmentFile {
                path,
                first: 0,
                bytes,
                bad: false,
            })
        };
        let thread = std::thread::Builder::new().name("oriel-spare".to_owned());
        self.thread = thread.spawn(make).ok();
    }

    /// The one that was made, if it has `bytes`.
    pub(super) fn take(&mut self, bytes: u64) -> Option<SegmentFile> {
        let made = self.thread.take_if(|thread| thread.is_finished())?;
        let made = made.join().ok().flatten()?;
        if made.bytes != bytes {
            let _ = std::fs::remove_file(&made.path);
            return None;
        }
        Some(made)
    }
}

/// Nothing writes to it any more.
impl Drop for Spare {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Ok(Some(spare))) = self.thread.take().map(JoinHandle::join) {
            let _ = std::fs::remove_file(&spare.path);
        }
    }
}
