//! The files of parts: read through `object_store`, written durably by ourselves.
//!
//! object_store's local backend does not fsync, so a new file is written here, under its unique
//! final name, and is durable when [`NewFile::finish`] returns: the file is fsynced, and so is the
//! entry of every directory on its path (W2). Until a catalog commit names it nobody reads it;
//! what a crash leaves behind is an orphan that recovery sweeps.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use xxhash_rust::xxh3::Xxh3Default;

use crate::{Error, Result};

/// The data directory as a store of immutable files. Paths are relative to it, with `/`.
#[derive(Debug)]
pub(crate) struct Objects {
    root: PathBuf,
    store: Arc<dyn ObjectStore>,
    /// Directories whose entry in their parent this process has fsynced.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Objects {
    /// The store over `root`, which must exist.
    ///
    /// Errors: `Object` when `root` is not a directory that can be read.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let store = LocalFileSystem::new_with_prefix(root).map_err(|source| Error::Object {
            action: "opening",
            path: root.display().to_string(),
            source,
        })?;
        Ok(Objects {
            root: root.to_owned(),
            store: Arc::new(store),
            durable: Mutex::new(HashSet::from([root.to_owned()])),
        })
    }

    /// For asynchronous readers (queries).
    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Opens a file for blocking reads.
    pub(crate) fn read(&self, path: &str) -> Result<File> {
        let full = self.root.join(path);
        File::open(&full).map_err(|source| io_error("opening", &full, source))
    }

    /// Creates a file that must not exist yet, with the directories above it.
    pub(crate) fn create(self: &Arc<Self>, path: &str) -> Result<NewFile> {
        let full = self.root.join(path);
        if let Some(parent) = full.parent() {
            fs::create_dir_all(parent).map_err(|source| io_error("creating", parent, source))?;
        }
        let file = File::create_new(&full).map_err(|source| io_error("creating", &full, source))?;
        Ok(NewFile {
            objects: Arc::clone(self),
            path: full,
            file: Some(file),
            hash: Box::new(Xxh3Default::new()),
            bytes: 0,
            tail: [0; 8],
        })
    }

    /// Fsyncs the directory of `file`, and the parents of directories not known to be durable.
    fn sync_directories(&self, file: &Path) -> Result<()> {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(parent) = file.parent() else {
            return Ok(());
        };
        sync_directory(parent)?;
        let mut directory = parent;
        while !durable.contains(directory) {
            let Some(above) = directory.parent() else {
                break;
            };
            sync_directory(above)?;
            durable.insert(directory.to_owned());
            directory = above;
        }
        Ok(())
    }
}

/// What a finished file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// XXH3-64 of the whole file.
    pub(crate) checksum: u64,
    /// Its last eight bytes.
    pub(crate) tail: [u8; 8],
}

/// A file being written. Dropped unfinished, it is removed.
pub(crate) struct NewFile {
    objects: Arc<Objects>,
    path: PathBuf,
    file: Option<File>,
    hash: Box<Xxh3Default>,
    bytes: u64,
    tail: [u8; 8],
}

impl std::fmt::Debug for NewFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl NewFile {
    /// Makes the file durable.
    ///
    /// Errors: `Io` when a sync fails; the file is then removed, never synced again.
    pub(crate) fn finish(mut self) -> Result<Written> {
        if let Some(file) = &self.file {
            file.sync_all()
                .map_err(|source| io_error("syncing", &self.path, source))?;
        }
        self.objects.sync_directories(&self.path)?;
        self.file = None;
        Ok(Written {
            bytes: self.bytes,
            checksum: self.hash.digest(),
            tail: self.tail,
        })
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(file) = &mut self.file else {
            return Err(io::Error::other("the file is finished"));
        };
        let written = file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        let last = &bytes[written.saturating_sub(8)..written];
        self.tail.rotate_left(last.len());
        self.tail[8 - last.len()..].copy_from_slice(last);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.take().is_some()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove an unfinished part");
        }
    }
}

fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| io_error("syncing", path, source))
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    /// Scenario: a file in directories that do not exist yet is written in pieces and finished.
    /// Guarantees: it holds the bytes, its size and checksum are those of the bytes, and a second
    /// file of that name is refused.
    #[test]
    fn writes_once_with_checksum() {
        let directory = tempfile::tempdir().unwrap();
        let objects = Arc::new(Objects::open(directory.path()).unwrap());
        let mut file = objects.create("tables/a/b.parquet").unwrap();
        file.write_all(b"first ").unwrap();
        file.write_all(b"second").unwrap();
        let written = file.finish().unwrap();
        assert_eq!(written.bytes, 12);
        assert_eq!(&written.tail, b"t second");
        assert_eq!(written.checksum, xxh3_64(b"first second"));
        let path = directory.path().join("tables/a/b.parquet");
        assert_eq!(fs::read(path).unwrap(), b"first second");
        assert!(objects.create("tables/a/b.parquet").is_err());
    }

    /// Scenario: writing fails half way: the file is dropped.
    /// Guarantees: nothing is left under its name.
    #[test]
    fn removes_what_is_not_finished() {
        let directory = tempfile::tempdir().unwrap();
        let objects = Arc::new(Objects::open(directory.path()).unwrap());
        let mut file = objects.create("x").unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
