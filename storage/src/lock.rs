//! The data directory: held by one process, of one format.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};

use crate::layout::Layout;
use crate::schema::FORMAT_VERSION;
use crate::wal::{io, sync_dir};
use crate::{Error, Result};

/// Holds the data directory until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Creates the data directory if need be, takes its lock, checks or writes its format version.
///
/// Errors: `Locked` when another process holds it, `Format` when another version wrote it.
pub(crate) fn acquire(layout: &Layout) -> Result<Lock> {
    let root = layout.root();
    std::fs::create_dir_all(root).map_err(|source| io("creating", root, source))?;
    let lock = hold(layout)?;
    check_version(layout)?;
    Ok(lock)
}

/// Takes the lock of a data directory that exists.
///
/// Errors: `Locked` when another process holds it.
pub(crate) fn hold(layout: &Layout) -> Result<Lock> {
    let root = layout.root();
    let path = layout.lock();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|source| io("opening", &path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = file.read_to_string(&mut text);
            return Err(Error::Locked {
                path: root.to_owned(),
                pid: read.ok().and_then(|_| text.trim().parse().ok()),
            });
        }
        Err(TryLockError::Error(source)) => return Err(io("locking", &path, source)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|source| io("writing", &path, source))?;
    Ok(Lock { _file: file })
}

fn check_version(layout: &Layout) -> Result<()> {
    let path = layout.version();
    let want = FORMAT_VERSION.to_string();
    // Whatever bytes a damaged disk has there.
    let found = std::fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    match found {
        Ok(found) if found.trim() == want => Ok(()),
        Ok(found) if !found.trim().is_empty() => Err(Error::Format {
            path: layout.root().to_owned(),
            found: found.trim().to_owned(),
            want: FORMAT_VERSION,
        }),
        // Empty: a crash while the directory was created.
        Ok(_) => write_version(layout, &want),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => write_version(layout, &want),
        Err(source) => Err(io("reading", &path, source)),
    }
}

fn write_version(layout: &Layout, version: &str) -> Result<()> {
    let path = layout.version();
    let mut file = File::create(&path).map_err(|source| io("creating", &path, source))?;
    writeln!(file, "{version}")
        .and_then(|()| file.sync_all())
        .map_err(|source| io("writing", &path, source))?;
    sync_dir(layout.root())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a directory is opened twice, then again after the first holder is gone.
    /// Guarantees: the second is told who holds it; the lock ends with its holder.
    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(&dir.path().join("new"));
        let held = acquire(&layout).unwrap();
        match acquire(&layout) {
            Err(Error::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(held);
        acquire(&layout).unwrap();
    }

    /// Scenario: the directory says it has another format; then the file is empty.
    /// Guarantees: another format is refused by name, and nothing is changed; an empty file, left by
    /// a crash, is written again.
    #[test]
    fn another_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        std::fs::write(layout.version(), "7\n").unwrap();
        match acquire(&layout) {
            Err(Error::Format { found, .. }) => assert_eq!(found, "7"),
            other => panic!("{other:?}"),
        }
        assert_eq!(std::fs::read_to_string(layout.version()).unwrap(), "7\n");
        std::fs::write(layout.version(), "").unwrap();
        acquire(&layout).unwrap();
        assert_eq!(std::fs::read_to_string(layout.version()).unwrap(), "0\n");
    }
}
