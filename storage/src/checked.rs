//! Checksums of parts, compared when bytes are first read.
//!
//! A file is summed in blocks of [`BLOCK_BYTES`] while it is written; the sums lie in the catalog
//! beside the checksum of the whole. [`CheckedStore`] hands queries the bytes of a block only after
//! the block was compared once in this process: damage is an error that names the part, never rows.
//! Later damage on disk is found by the scrubber, which reads whole files again and again. A part
//! from before there were sums is compared whole at its first read.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::{Error, Result};

/// Bytes that share one sum: small beside what a scan reads, large beside a sum.
pub(crate) const BLOCK_BYTES: usize = 256 << 10;

/// XXH3-64 of the whole and of each block, taken while bytes go by.
#[derive(Default)]
pub(crate) struct Summer {
    whole: Box<Xxh3Default>,
    block: Box<Xxh3Default>,
    block_bytes: usize,
    sums: Vec<u64>,
}

impl Summer {
    /// Takes in the next bytes.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.block_bytes));
            self.block.update(now);
            self.block_bytes += now.len();
            bytes = later;
            if self.block_bytes == BLOCK_BYTES {
                self.end_block();
            }
        }
    }

    fn end_block(&mut self) {
        self.sums.push(self.block.digest());
        self.block.reset();
        self.block_bytes = 0;
    }

    /// The sum of all, and those of the blocks.
    pub(crate) fn finish(mut self) -> (u64, Vec<u64>) {
        if self.block_bytes > 0 {
            self.end_block();
        }
        (self.whole.digest(), self.sums)
    }
}

/// Hears of damage: path and what is wrong.
pub(crate) type Report = Box<dyn Fn(&str, &str) + Send + Sync>;

/// What the bytes of each part must be, by path.
#[derive(Default)]
pub(crate) struct Checks {
    root: PathBuf,
    parts: Mutex<HashMap<String, Arc<Check>>>,
    report: OnceLock<Report>,
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checks").finish_non_exhaustive()
    }
}

/// One part's sums, and which blocks were compared.
struct Check {
    bytes: u64,
    checksum: u64,
    /// Empty when only the checksum of the whole is known.
    sums: Vec<u64>,
    good: Mutex<Good>,
}

#[derive(Default)]
struct Good {
    all: bool,
    blocks: Vec<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checks {
    pub(crate) fn new(root: PathBuf) -> Self {
        Checks {
            root,
            ..Checks::default()
        }
    }

    /// Damage is told to `report` from now on.
    pub(crate) fn report_to(&self, report: Report) {
        let _ = self.report.set(report);
    }

    /// The file at `path` must have these bytes. `sums` may be empty when they are not known.
    pub(crate) fn expect(&self, path: &str, bytes: u64, checksum: u64, mut sums: Vec<u64>) {
        if bytes <= BLOCK_BYTES as u64 {
            sums = vec![checksum];
        }
        let check = Check {
            bytes,
            checksum,
            sums,
            good: Mutex::default(),
        };
        lock(&self.parts).insert(path.to_owned(), Arc::new(check));
    }

    /// The file at `path` is no part any more.
    pub(crate) fn forget(&self, path: &str) {
        lock(&self.parts).remove(path);
    }

    /// The sums of a part of more than one block, for the catalog.
    pub(crate) fn sums(&self, path: &str) -> Option<Vec<u64>> {
        let parts = lock(&self.parts);
        let check = parts.get(path)?;
        (check.sums.len() > 1).then(|| check.sums.clone())
    }

    /// Says that the part at `path` is damaged.
    pub(crate) fn damaged(&self, path: &str, detail: &str) {
        if let Some(report) = self.report.get() {
            report(path, detail);
        }
    }

    /// Compares the blocks that `range` of `path` lies in, where that was not done yet. Blocking.
    ///
    /// Errors: `Corrupt` when they differ or cannot be read.
    pub(crate) fn ensure(&self, path: &str, range: Range<u64>) -> Result<()> {
        let range = Wanted::Ranges(vec![range]);
        match self.due(path, &range) {
            Some(check) => self.compare(path, &check, &range),
            None => Ok(()),
        }
    }

    /// What must be compared before `range` of `path` may be read; `None` for nothing.
    fn due(&self, path: &str, range: &Wanted) -> Option<Arc<Check>> {
        let check = Arc::clone(lock(&self.parts).get(path)?);
        let due = !lock(&check.good).has(check.blocks(range));
        due.then_some(check)
    }

    /// Compares the blocks that `range` of `path` lies in. Blocking.
    ///
    /// Errors: `Corrupt` when they differ or cannot be read; it is reported, too.
    fn compare(&self, path: &str, check: &Check, range: &Wanted) -> Result<()> {
        let compared = self.compare_blocks(path, check, range);
        if let Err(Error::Corrupt { detail, .. }) = &compared {
            self.damaged(path, detail);
        }
        compared
    }

    fn compare_blocks(&self, path: &str, check: &Check, range: &Wanted) -> Result<()> {
        let full = self.root.join(path);
        let corrupt = |detail: String| Error::Corrupt {
            what: format!("part {path}"),
            detail,
        };
        let unread = |source: std::io::Error| match damage(&source) {
            Some(detail) => corrupt(detail),
            None => crate::files::failed("reading", &full, source),
        };
        let file = File::open(&full).map_err(unread)?;
        if check.sums.is_empty() {
            return self.compare_whole(path, check, &file);
        }
        let mut block = vec![0; BLOCK_BYTES];
        for at in check.blocks(range) {
            if lock(&check.good).has(at..at + 1) {
                continue;
            }
            let start = at as u64 * BLOCK_BYTES as u64;
            let len = (check.bytes - start).min(BLOCK_BYTES as u64) as usize;
            file.read_exact_at(&mut block[..len], start)
                .map_err(unread)?;
            if xxh3_64(&block[..len]) != check.sums[at] {
                return Err(corrupt(format!(
                    "the checksum of bytes {start} to {} differs from the catalog's",
                    start + len as u64 - 1
                )));
            }
            lock(&check.good).add(at, check.sums.len());
        }
        Ok(())
    }

    fn compare_whole(&self, path: &str, check: &Check, file: &File) -> Result<()> {
        let found = sum(file).map_err(|source| Error::Corrupt {
            what: format!("part {path}"),
            detail: source.to_string(),
        })?;
        if found != (check.bytes, check.checksum) {
            return Err(Error::Corrupt {
                what: format!("part {path}"),
                detail: "its checksum differs from the catalog's".to_owned(),
            });
        }
        lock(&check.good).all = true;
        Ok(())
    }
}

/// Length and XXH3-64 of a file.
pub(crate) fn sum(file: &File) -> std::io::Result<(u64, u64)> {
    let mut hash = Xxh3Default::new();
    let mut block = vec![0; BLOCK_BYTES];
    let mut bytes = 0;
    loop {
        let read = match file.read_at(&mut block, bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Ok((bytes, hash.digest()));
        }
        bytes += read as u64;
        hash.update(&block[..read]);
    }
}

/// What is wrong with a file that cannot be read, if it is the file's fault.
pub(crate) fn damage(error: &std::io::Error) -> Option<String> {
    const EIO: i32 = 5;
    match error.kind() {
        std::io::ErrorKind::NotFound => Some("its file is gone".to_owned()),
        std::io::ErrorKind::UnexpectedEof => Some("its file is cut off".to_owned()),
        _ if error.raw_os_error() == Some(EIO) => Some(format!("it cannot be read: {error}")),
        _ => None,
    }
}

/// Bytes that somebody wants.
#[derive(Debug, Clone)]
enum Wanted {
    Ranges(Vec<Range<u64>>),
    Last(u64),
    From(u64),
    All,
}

impl Wanted {
    fn of(options: &GetOptions) -> Self {
        use object_store::GetRange;
        match &options.range {
            None => Wanted::All,
            Some(GetRange::Bounded(range)) => Wanted::Ranges(vec![range.clone()]),
            Some(GetRange::Offset(from)) => Wanted::From(*from),
            Some(GetRange::Suffix(bytes)) => Wanted::Last(*bytes),
        }
    }
}

impl Check {
    /// The blocks from the first to the last that `wanted` touches.
    fn blocks(&self, wanted: &Wanted) -> Range<usize> {
        let range = match wanted {
            Wanted::Ranges(ranges) => {
                let start = ranges.iter().map(|range| range.start).min().unwrap_or(0);
                let end = ranges.iter().map(|range| range.end).max().unwrap_or(0);
                start..end
            }
            Wanted::Last(bytes) => self.bytes.saturating_sub(*bytes)..self.bytes,
            Wanted::From(from) => *from..self.bytes,
            Wanted::All => 0..self.bytes,
        };
        let block = BLOCK_BYTES as u64;
        let end = range.end.min(self.bytes).div_ceil(block) as usize;
        ((range.start / block) as usize).min(end)..end
    }
}

impl Good {
    fn has(&self, blocks: Range<usize>) -> bool {
        self.all
            || blocks
                .into_iter()
                .all(|at| self.blocks.get(at) == Some(&true))
    }

    fn add(&mut self, at: usize, blocks_count: usize) {
        self.blocks.resize(blocks_count, false);
        self.blocks[at] = true;
        self.all = self.blocks.iter().all(|good| *good);
    }
}

/// A store of files that compares what it is asked for first. Read-only use is meant: what is
/// written through it is not summed.
#[derive(Debug)]
pub(crate) struct CheckedStore {
    inner: Arc<dyn ObjectStore>,
    checks: Arc<Checks>,
}

impl CheckedStore {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, checks: Arc<Checks>) -> Self {
        CheckedStore { inner, checks }
    }

    async fn check(&self, location: &Path, wanted: Wanted) -> object_store::Result<()> {
        let Some(check) = self.checks.due(location.as_ref(), &wanted) else {
            return Ok(());
        };
        let checks = Arc::clone(&self.checks);
        let path = location.to_string();
        let compare = move || checks.compare(&path, &check, &wanted);
        let compared = tokio::task::spawn_blocking(compare).await;
        compared
            .unwrap_or(Err(Error::Stopped("a comparison of checksums")))
            .map_err(|error| object_store::Error::Generic {
                store: "oriel",
                source: Box::new(error),
            })
    }

    /// A part that is gone is damage, too.
    fn seen<T>(&self, location: &Path, read: object_store::Result<T>) -> object_store::Result<T> {
        if let Err(object_store::Error::NotFound { .. }) = &read
            && lock(&self.checks.parts).contains_key(location.as_ref())
        {
            self.checks.damaged(location.as_ref(), "its file is gone");
        }
        read
    }
}

impl fmt::Display for CheckedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, with checksums", self.inner)
    }
}

#[async_trait]
impl ObjectStore for CheckedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        if !options.head {
            self.check(location, Wanted::of(&options)).await?;
        }
        self.seen(location, self.inner.get_opts(location, options).await)
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[Range<u64>],
    ) -> object_store::Result<Vec<Bytes>> {
        for range in ranges {
            self.check(location, Wanted::Ranges(vec![range.clone()]))
                .await?;
        }
        self.seen(location, self.inner.get_ranges(location, ranges).await)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::local::LocalFileSystem;

    use super::*;

    fn file(blocks: usize) -> Vec<u8> {
        (0..blocks * BLOCK_BYTES + 1000)
            .map(|at| (at * 31 % 251) as u8)
            .collect()
    }

    /// Scenario: a file of three blocks and a bit; a byte of the second block is changed; ranges in
    /// every block are read; then a file without sums.
    /// Guarantees: exactly reads of the changed block fail, naming the part, and are reported.
    #[tokio::test]
    async fn damage_is_an_error_and_not_rows() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let mut bytes = file(3);
        let mut summer = Summer::default();
        bytes.chunks(70_001).for_each(|some| summer.update(some));
        let (checksum, sums) = summer.finish();
        assert_eq!((checksum, sums.len()), (xxh3_64(&bytes), 4));
        let len = bytes.len() as u64;
        bytes[BLOCK_BYTES + 5] ^= 4;
        std::fs::write(root.join("p"), &bytes).unwrap();
        std::fs::write(root.join("q"), &bytes).unwrap();
        let checks = Arc::new(Checks::new(root.clone()));
        checks.expect("p", len, checksum, sums);
        checks.expect("q", len, checksum, Vec::new());
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        checks.report_to(Box::new(move |path, _| {
            tell.lock().unwrap().push(path.to_owned())
        }));
        let inner = Arc::new(LocalFileSystem::new_with_prefix(&root).unwrap());
        let store = CheckedStore::new(inner, Arc::clone(&checks));
        let at = Path::from("p");
        let block = BLOCK_BYTES as u64;
        for range in [0..10, 2 * block..len, block - 9..block] {
            let got = store.get_range(&at, range.clone()).await.unwrap();
            assert_eq!(got, bytes[range.start as usize..range.end as usize]);
        }
        assert!(told.lock().unwrap().is_empty());
        let error = store
            .get_range(&at, block - 1..block + 1)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("part p is damaged"), "{error}");
        store
            .get_ranges(&at, &[0..1, block + 9..block + 10])
            .await
            .unwrap_err();
        store.get(&at).await.unwrap_err();
        assert_eq!(told.lock().unwrap().len(), 3);
        store.get_range(&Path::from("q"), 0..1).await.unwrap_err();
        std::fs::remove_file(root.join("p")).unwrap();
        store.get_range(&at, 0..1).await.unwrap_err();
        assert_eq!(*told.lock().unwrap(), ["p", "p", "p", "q", "p"]);
        checks.forget("q");
        store.get_range(&Path::from("q"), 0..1).await.unwrap();
    }
}
