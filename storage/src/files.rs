//! Changes to files: every write, sync, rename and removal of the log and of parts goes through
//! [`Files`], so that a test can make each one of them fail, or die half way.
//!
//! Without a [`Gate`] the calls are those of the standard library.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::{Error, Result};

/// A change that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// An empty file is created.
    Create,
    /// Bytes are written at this offset.
    Write {
        /// From the start of the file.
        at: u64,
        /// How many.
        bytes: usize,
    },
    /// A file's bytes are made durable.
    Sync,
    /// The names in a directory are made durable.
    SyncDirectory,
    /// A file gets another name.
    Rename,
    /// A file is unlinked.
    Remove,
}

/// What a gate lets happen.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "gates are for tests"))]
pub(crate) enum Verdict {
    /// The whole change.
    Pass,
    /// Nothing; the caller gets the error.
    Fail(io::Error),
    /// Only the first bytes of a write, then the error.
    Torn(usize, io::Error),
}

/// Decides about each change before it is made, and hears of those that were made.
pub(crate) trait Gate: std::fmt::Debug + Send + Sync {
    /// May `op` on `path` happen?
    fn ask(&self, op: Op, path: &Path) -> Verdict;
    /// `op` on `path` was made; `to` is the new name of a rename.
    fn done(&self, op: Op, path: &Path, to: Option<&Path>);
}

/// The way to change files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files(Option<Arc<dyn Gate>>);

impl Files {
    /// Every change asks `gate` first.
    #[cfg(test)]
    pub(crate) fn behind(gate: Arc<dyn Gate>) -> Self {
        Files(Some(gate))
    }

    fn pass<T>(
        &self,
        op: Op,
        path: &Path,
        to: Option<&Path>,
        change: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let Some(gate) = &self.0 else {
            return change();
        };
        match gate.ask(op, path) {
            Verdict::Pass => {}
            Verdict::Fail(error) | Verdict::Torn(_, error) => return Err(error),
        }
        let made = change()?;
        gate.done(op, path, to);
        Ok(made)
    }

    /// A new file, for writing; an old one of that name is an error.
    pub(crate) fn create_new(&self, path: &Path) -> io::Result<File> {
        self.pass(Op::Create, path, None, || File::create_new(path))
    }

    /// An empty file, for writing.
    pub(crate) fn create(&self, path: &Path) -> io::Result<File> {
        self.pass(Op::Create, path, None, || File::create(path))
    }

    /// Writes all of `bytes` at offset `at` of `file`, which is `path`.
    pub(crate) fn write_at(
        &self,
        file: &File,
        path: &Path,
        bytes: &[u8],
        at: u64,
    ) -> io::Result<()> {
        let op = Op::Write {
            at,
            bytes: bytes.len(),
        };
        let (len, then) = match self.0.as_ref().map(|gate| gate.ask(op, path)) {
            None | Some(Verdict::Pass) => (bytes.len(), Ok(())),
            Some(Verdict::Fail(error)) => return Err(error),
            Some(Verdict::Torn(len, error)) => (len.min(bytes.len()), Err(error)),
        };
        file.write_all_at(&bytes[..len], at)?;
        if let Some(gate) = &self.0 {
            gate.done(op, path, None);
        }
        then
    }

    /// Writes some of `bytes` at the end of `file`, which is `path`; returns how many.
    pub(crate) fn append(
        &self,
        file: &mut File,
        path: &Path,
        bytes: &[u8],
        at: u64,
    ) -> io::Result<usize> {
        let op = Op::Write {
            at,
            bytes: bytes.len(),
        };
        self.pass(op, path, None, || file.write(bytes))
    }

    /// Makes the bytes of `file`, which is `path`, durable; with `metadata`, its size as well.
    pub(crate) fn sync(&self, file: &File, path: &Path, metadata: bool) -> io::Result<()> {
        self.pass(Op::Sync, path, None, || match metadata {
            true => file.sync_all(),
            false => file.sync_data(),
        })
    }

    /// Makes the names in `directory` durable.
    pub(crate) fn sync_directory(&self, directory: &Path) -> Result<()> {
        let sync = || File::open(directory).and_then(|opened| opened.sync_all());
        self.pass(Op::SyncDirectory, directory, None, sync)
            .map_err(|source| failed("syncing", directory, source))
    }

    /// Gives `from` the name `to`, replacing what had it.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.pass(Op::Rename, from, Some(to), || fs::rename(from, to))
            .map_err(|source| failed("renaming", from, source))
    }

    /// Unlinks `path`; that it is gone already is fine.
    pub(crate) fn remove(&self, path: &Path) -> Result<()> {
        match self.pass(Op::Remove, path, None, || fs::remove_file(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("removing", path, error))
            }
            _ => Ok(()),
        }
    }
}

/// The error for `action` on `path`.
pub(crate) fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Raises the number of files this process may have open to what the system allows it. Returns the
/// limit in force.
pub(crate) fn raise_open_files() -> Option<u64> {
    // As many as Linux's own default for a hard limit; more only makes tables larger.
    rlimit::increase_nofile_limit(1 << 20).ok()
}
