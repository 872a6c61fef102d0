//! The indexes of all parts: what the catalog says of them, the open ones, the damaged ones.
//!
//! An index is read through memory that is mapped; each block is compared with its checksum before
//! its first use, as blocks of parts are. Whatever is wrong with an index, the answer is that there
//! is none: the part is scanned then, and the damage is told once.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tantivy::HasLen;
use tantivy::directory::{Directory, FileHandle, MmapDirectory, OwnedBytes};

use super::{Index, Search, failed};
use crate::checked::Checks;
use crate::layout::index_path;
use crate::{Error, PartMeta, Result};

/// Indexes that are held open; more are opened again when they are needed.
const OPEN_MAX: usize = 512;

/// What an index says about the rows of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidates {
    /// There is no index, or none that can be read.
    Unindexed,
    /// So many rows may match that a scan is as fast.
    Many,
    /// These rows may match, and no others; ascending.
    Rows(Vec<u32>),
}

/// What the catalog says of an index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct IndexRow {
    /// Size of the file.
    pub(crate) bytes: u64,
    /// XXH3-64 of the whole file.
    pub(crate) checksum: u64,
    /// Those of its blocks; empty for a file of one block.
    pub(crate) sums: Vec<u64>,
}

/// All indexes, by path of the part.
pub(crate) struct Indexes {
    root: PathBuf,
    checks: Arc<Checks>,
    known: Mutex<HashMap<String, Kept>>,
    attributes: OnceLock<Vec<String>>,
}

#[derive(Default)]
struct Kept {
    row: IndexRow,
    open: Option<Index>,
    damaged: bool,
}

impl fmt::Debug for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indexes").finish_non_exhaustive()
    }
}

impl Indexes {
    /// No index below `root`; their blocks are compared by `checks`.
    pub(crate) fn new(root: PathBuf, checks: Arc<Checks>) -> Self {
        Indexes {
            root,
            checks,
            known: Mutex::default(),
            attributes: OnceLock::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        // Nothing under this lock can panic half way.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// New indexes hold the words of the attributes with these keys.
    pub(crate) fn keep_attributes(&self, keys: Vec<String>) {
        // One store has one setting.
        let _ = self.attributes.set(keys);
    }

    /// Keys of the attributes whose words indexes may hold.
    pub(crate) fn attributes(&self) -> &[String] {
        self.attributes.get().map_or(&[], Vec::as_slice)
    }

    /// The part at `part` has this index.
    pub(crate) fn expect(&self, part: &str, row: IndexRow) {
        let path = index_path(part);
        let sums = row.sums.clone();
        self.checks.expect(&path, row.bytes, row.checksum, sums);
        let kept = Kept {
            row,
            ..Kept::default()
        };
        self.lock().insert(part.to_owned(), kept);
    }

    /// What is known of the index of the part at `part`, for the catalog.
    pub(crate) fn row(&self, part: &str) -> Option<IndexRow> {
        self.lock().get(part).map(|kept| kept.row.clone())
    }

    /// The part at `part` is no part any more.
    pub(crate) fn forget(&self, part: &str) {
        self.lock().remove(part);
        self.checks.forget(&index_path(part));
    }

    /// How many there are, and their bytes.
    pub(crate) fn count(&self) -> (u64, u64) {
        let known = self.lock();
        let bytes = known.values().map(|kept| kept.row.bytes).sum();
        (known.len() as u64, bytes)
    }

    /// The rows of `part` that may match `search`: at most `rows_max`. Blocking.
    pub(crate) fn candidates(
        &self,
        part: &PartMeta,
        search: &Search,
        rows_max: usize,
    ) -> Candidates {
        let Some((row, open)) = self.usable(&part.path) else {
            return Candidates::Unindexed;
        };
        // Tantivy trusts bytes; they are compared before, but a panic would end the query.
        let asked = catch_unwind(AssertUnwindSafe(|| {
            let index = self.opened(part, &row, open)?;
            index.candidates(search, rows_max)
        }));
        let asked = asked.unwrap_or_else(|_| Err(failed("asking it panicked")));
        match asked {
            Ok(None) => Candidates::Many,
            Ok(Some(rows)) => Candidates::Rows(rows),
            Err(error) => {
                self.damaged(&part.path, &error);
                Candidates::Unindexed
            }
        }
    }

    fn usable(&self, part: &str) -> Option<(IndexRow, Option<Index>)> {
        let known = self.lock();
        let kept = known.get(part).filter(|kept| !kept.damaged)?;
        Some((kept.row.clone(), kept.open.clone()))
    }

    fn opened(&self, part: &PartMeta, row: &IndexRow, open: Option<Index>) -> Result<Index> {
        let path = index_path(&part.path);
        let full = self.root.join(&path);
        // Reading mapped memory behind the end of a file would end the process.
        let bytes = full.metadata().map_err(failed)?.len();
        if bytes != row.bytes {
            return Err(failed(format!("it has {bytes} bytes, not {}", row.bytes)));
        }
        if let Some(index) = open {
            return Ok(index);
        }
        let index = Index::open(Arc::new(CheckedFile::open(path, &full, &self.checks)?))?;
        if u64::from(index.rows()) != part.rows {
            let (rows, want) = (index.rows(), part.rows);
            return Err(failed(format!("it has {rows} rows, not {want}")));
        }
        let mut known = self.lock();
        if known.values().filter(|kept| kept.open.is_some()).count() >= OPEN_MAX {
            known.values_mut().for_each(|kept| kept.open = None);
        }
        if let Some(kept) = known.get_mut(&part.path) {
            kept.open = Some(index.clone());
        }
        Ok(index)
    }

    /// The index of `part` is not used any more until it is found to be good.
    fn damaged(&self, part: &str, error: &Error) {
        if let Some(kept) = self.lock().get_mut(part)
            && !kept.damaged
        {
            kept.damaged = true;
            kept.open = None;
            let path = index_path(part);
            tracing::error!(index = path, %error, "a word index is damaged; its part is scanned instead");
            metrics::counter!("oriel_index_damage_total").increment(1);
        }
    }

    /// Compares the index of the part at `part` with its checksum, reading all of it: one that
    /// differs is used no more, one that was damaged and is good again is used again. Returns its
    /// size, 0 without one. Blocking.
    pub(crate) fn scrub(&self, part: &str) -> u64 {
        let Some(row) = self.row(part) else {
            return 0;
        };
        match verify(&self.root, part, &row) {
            Ok(()) => {
                if let Some(kept) = self.lock().get_mut(part) {
                    kept.damaged = false;
                }
            }
            Err(error) => self.damaged(part, &error),
        }
        row.bytes
    }
}

/// Compares the index of the part at `part` below `root` with what the catalog says, reading all of
/// it. Errors: `Corrupt`.
pub(crate) fn verify(root: &Path, part: &str, row: &IndexRow) -> Result<()> {
    let file = std::fs::File::open(root.join(index_path(part))).map_err(failed)?;
    let found = crate::checked::sum(&file).map_err(failed)?;
    match found == (row.bytes, row.checksum) {
        true => Ok(()),
        false => Err(failed("its checksum differs from the catalog's")),
    }
}

/// A mapped file whose blocks are compared with their checksums before they are first read.
struct CheckedFile {
    name: String,
    file: OwnedBytes,
    checks: Arc<Checks>,
}

impl CheckedFile {
    fn open(name: String, full: &Path, checks: &Arc<Checks>) -> Result<Self> {
        let (Some(folder), Some(file)) = (full.parent(), full.file_name()) else {
            return Err(failed(format!("{} is not a file", full.display())));
        };
        let folder = MmapDirectory::open(folder).map_err(failed)?;
        let file = folder.get_file_handle(Path::new(file)).map_err(failed)?;
        let file = file.read_bytes(0..file.len()).map_err(failed)?;
        Ok(CheckedFile {
            name,
            file,
            checks: Arc::clone(checks),
        })
    }
}

impl fmt::Debug for CheckedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckedFile({})", self.name)
    }
}

impl HasLen for CheckedFile {
    fn len(&self) -> usize {
        self.file.len()
    }
}

impl FileHandle for CheckedFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.start > range.end || range.end > self.file.len() {
            return Err(io::Error::other("bytes behind the end of the file"));
        }
        let wanted = range.start as u64..range.end as u64;
        self.checks
            .ensure(&self.name, wanted)
            .map_err(io::Error::other)?;
        Ok(self.file.slice(range))
    }
}
