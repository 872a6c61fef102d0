//! How much of the disk is free, and whether that is enough to take writes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytesize::ByteSize;

use crate::{Error, Result};

/// Asks the file system how many bytes are free; tests pass their own.
pub(crate) type FreeBytes = Arc<dyn Fn(&Path) -> std::io::Result<u64> + Send + Sync>;

/// Watches the free space of the data directory's disk.
pub(crate) struct Disk {
    path: PathBuf,
    free_min: u64,
    free: AtomicU64,
    ask: FreeBytes,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("free", &self.free()).finish()
    }
}

/// Bytes that an unprivileged process may still write on the disk that holds `path`.
pub(crate) fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

impl Disk {
    /// Watches the disk of `path`, an existing directory; writes stop below `free_min` bytes.
    pub(crate) fn new(path: &Path, free_min: u64, ask: FreeBytes) -> Self {
        let disk = Disk {
            path: path.to_owned(),
            free_min,
            free: AtomicU64::new(u64::MAX),
            ask,
        };
        disk.refresh();
        disk
    }

    /// Asks again. Keeps the last figure when the file system does not answer.
    pub(crate) fn refresh(&self) -> u64 {
        match (self.ask)(&self.path) {
            Ok(free) => {
                self.free.store(free, Ordering::Relaxed);
                metrics::gauge!("oriel_disk_free_bytes").set(free as f64);
            }
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "cannot read the free space of the disk")
            }
        }
        self.free()
    }

    /// Bytes free when last asked.
    pub(crate) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// Whether so little is free that old data should go now.
    pub(crate) fn nearly_full(&self) -> bool {
        self.free() < self.free_min.saturating_add(self.free_min / 4)
    }

    /// Errors: `Unavailable` when less than the minimum is free after writing `bytes` more.
    pub(crate) fn check(&self, bytes: u64) -> Result<()> {
        let free = self.free();
        if free.saturating_sub(bytes) >= self.free_min {
            return Ok(());
        }
        Err(Error::Unavailable {
            reason: format!(
                "the disk of {} has {} free and disk_free_min is {}; free some space, lower retention_bytes or lower disk_free_min",
                self.path.display(),
                ByteSize::b(free),
                ByteSize::b(self.free_min),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the real disk; then a made-up one that fills up and empties again.
    /// Guarantees: writes are refused below the minimum with a reason that names the setting, and
    /// admitted again once there is space, with nothing to restart.
    #[test]
    fn refuses_below_the_minimum() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_bytes(dir.path()).unwrap() > 0);
        let free = Arc::new(AtomicU64::new(1000));
        let told = Arc::clone(&free);
        let disk = Disk::new(
            dir.path(),
            1000,
            Arc::new(move |_| Ok(told.load(Ordering::SeqCst))),
        );
        disk.check(0).unwrap();
        assert!(disk.nearly_full());
        let reason = disk.check(1).unwrap_err().to_string();
        assert!(
            reason.contains("disk_free_min") && reason.contains("1000 B"),
            "{reason}"
        );
        free.store(5000, Ordering::SeqCst);
        disk.check(1).unwrap_err();
        disk.refresh();
        disk.check(1).unwrap();
        assert!(!disk.nearly_full());
    }
}
