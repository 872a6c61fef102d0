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

use crate::checked::{CheckedStore, Checks, Summer};
use crate::files::{Files, failed};
use crate::index::Indexes;
use crate::layout::index_path;
use crate::{Error, Result};

/// The data directory as a store of immutable files. Paths are relative to it, with `/`.
#[derive(Debug)]
pub(crate) struct Objects {
    root: PathBuf,
    store: Arc<dyn ObjectStore>,
    checks: Arc<Checks>,
    indexes: Arc<Indexes>,
    files: Files,
    /// Directories whose entry in their parent this process has fsynced.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Objects {
    /// The store over `root`, which must exist; `files` makes its changes.
    ///
    /// Errors: `Object` when `root` is not a directory that can be read.
    pub(crate) fn open(root: &Path, files: Files) -> Result<Self> {
        let store = LocalFileSystem::new_with_prefix(root).map_err(|source| Error::Object {
            action: "opening",
            path: root.display().to_string(),
            source,
        })?;
        let checks = Arc::new(Checks::new(root.to_owned()));
        Ok(Objects {
            root: root.to_owned(),
            store: Arc::new(CheckedStore::new(Arc::new(store), Arc::clone(&checks))),
            indexes: Arc::new(Indexes::new(root.to_owned(), Arc::clone(&checks))),
            checks,
            files,
            durable: Mutex::new(HashSet::from([root.to_owned()])),
        })
    }

    /// What the bytes of each part must be.
    pub(crate) fn checks(&self) -> &Arc<Checks> {
        &self.checks
    }

    /// The word indexes of parts.
    pub(crate) fn indexes(&self) -> &Arc<Indexes> {
        &self.indexes
    }

    /// Unlinks the part at `path` and its word index, and forgets what their bytes must be.
    ///
    /// Errors: a file cannot be removed; nothing is forgotten then.
    pub(crate) fn remove_part(&self, path: &str) -> Result<()> {
        // The index first: while the part's file is there, somebody will try again.
        self.files.remove(&self.root.join(index_path(path)))?;
        self.files.remove(&self.root.join(path))?;
        self.indexes.forget(path);
        self.checks.forget(path);
        Ok(())
    }

    /// How files are changed.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// For asynchronous readers (queries): each block is compared with its checksum at first.
    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Opens a file for blocking reads.
    pub(crate) fn read(&self, path: &str) -> Result<File> {
        let full = self.root.join(path);
        File::open(&full).map_err(|source| failed("opening", &full, source))
    }

    /// Creates a file that must not exist yet, with the directories above it.
    pub(crate) fn create(self: &Arc<Self>, path: &str) -> Result<NewFile> {
        let full = self.root.join(path);
        if let Some(parent) = full.parent() {
            fs::create_dir_all(parent).map_err(|source| failed("creating", parent, source))?;
        }
        let file = self
            .files
            .create_new(&full)
            .map_err(|source| failed("creating", &full, source))?;
        Ok(NewFile {
            objects: Arc::clone(self),
            name: path.to_owned(),
            path: full,
            file: Some(file),
            summer: Summer::default(),
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
        self.files.sync_directory(parent)?;
        let mut directory = parent;
        while !durable.contains(directory) {
            let Some(above) = directory.parent() else {
                break;
            };
            self.files.sync_directory(above)?;
            durable.insert(directory.to_owned());
            directory = above;
        }
        Ok(())
    }
}

/// What a finished file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// XXH3-64 of the whole file.
    pub(crate) checksum: u64,
    /// Those of its blocks.
    pub(crate) sums: Vec<u64>,
    /// Its last eight bytes.
    pub(crate) tail: [u8; 8],
}

/// A file being written. Dropped unfinished, it is removed.
pub(crate) struct NewFile {
    objects: Arc<Objects>,
    name: String,
    path: PathBuf,
    file: Option<File>,
    summer: Summer,
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
            let files = &self.objects.files;
            files
                .sync(file, &self.path, true)
                .map_err(|source| failed("syncing", &self.path, source))?;
        }
        self.objects.sync_directories(&self.path)?;
        self.file = None;
        let (checksum, sums) = std::mem::take(&mut self.summer).finish();
        let checks = &self.objects.checks;
        checks.expect(&self.name, self.bytes, checksum, sums.clone());
        Ok(Written {
            bytes: self.bytes,
            checksum,
            sums,
            tail: self.tail,
        })
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(file) = &mut self.file else {
            return Err(io::Error::other("the file is finished"));
        };
        let files = &self.objects.files;
        let written = files.append(file, &self.path, bytes, self.bytes)?;
        self.summer.update(&bytes[..written]);
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
        let objects = Arc::new(Objects::open(directory.path(), Files::default()).unwrap());
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
        let objects = Arc::new(Objects::open(directory.path(), Files::default()).unwrap());
        let mut file = objects.create("x").unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
