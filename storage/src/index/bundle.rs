//! One file for all files of an index, and Tantivy's view of it.
//!
//! ```text
//! file bytes … | table: JSON {pieces: [{rows, files: [[name, offset, length], …]}, …], attributes: [name, …],
//!                             trace_ids: bool}
//!              | table length u32 | CRC32C of the table u32 | magic "ORIELIX1"
//! ```
//!
//! The files of a piece are Tantivy's, and `ids` (`ids.rs`), which format 0, with magic "ORIELIX0", lacks.
//! All integers little-endian. A piece is a Tantivy index of its own over the next rows of the part.
//! The table is checked when the bundle is opened; every block has a checksum in the catalog.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, FileSlice, Lock, WatchCallback, WatchHandle, WritePtr,
};

use super::failed;
use crate::Result;

const MAGIC: &[u8; 8] = b"ORIELIX1";
const MAGIC_0: &[u8; 8] = b"ORIELIX0";
const TAIL_BYTES: usize = 16;
/// The file of a piece that has the sets of its ids.
pub(super) const IDS: &str = "ids";

#[derive(Default, Serialize, Deserialize)]
struct Contents {
    pieces: Vec<PieceContents>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// What is indexed beside bodies.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Attributes {
    /// Attributes whose words are.
    #[serde(rename = "attributes", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) names: Vec<String>,
    /// Whether trace ids are.
    #[serde(default)]
    pub(super) trace_ids: bool,
}

#[derive(Serialize, Deserialize)]
struct PieceContents {
    rows: u32,
    files: Vec<(String, u64, u64)>,
}

/// A bundle being written, piece by piece.
pub(super) struct BundleWriter<W> {
    out: W,
    written: u64,
    contents: Contents,
}

impl<W: Write> BundleWriter<W> {
    pub(super) fn new(out: W) -> Self {
        BundleWriter {
            out,
            written: 0,
            contents: Contents::default(),
        }
    }

    /// Says what is indexed beside bodies.
    pub(super) fn set_attributes(&mut self, attributes: Attributes) {
        self.contents.attributes = attributes;
    }

    /// Adds the next piece.
    pub(super) fn add(&mut self, rows: u32, files: &[(PathBuf, Vec<u8>)]) -> io::Result<()> {
        let mut piece = PieceContents {
            rows,
            files: Vec::with_capacity(files.len()),
        };
        for (path, bytes) in files {
            let name = path.to_string_lossy().into_owned();
            piece.files.push((name, self.written, bytes.len() as u64));
            self.out.write_all(bytes)?;
            self.written += bytes.len() as u64;
        }
        self.contents.pieces.push(piece);
        Ok(())
    }

    /// Completes the bundle.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let table = serde_json::to_vec(&self.contents)?;
        self.out.write_all(&table)?;
        self.out.write_all(&(table.len() as u32).to_le_bytes())?;
        self.out.write_all(&crc32c::crc32c(&table).to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        Ok(self.out)
    }
}

/// The files of one piece of a bundle, read only.
#[derive(Clone)]
pub(super) struct Piece {
    file: FileSlice,
    files: Arc<BTreeMap<PathBuf, (usize, usize)>>,
    pub(super) rows: u32,
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Piece({} files)", self.files.len())
    }
}

/// The pieces of a bundle, in the order of rows, and what is indexed beside bodies. Errors: `Corrupt`
/// when it is not one, or its table is damaged.
pub(super) fn open(file: &FileSlice) -> Result<(Vec<Piece>, Attributes)> {
    let length = file.len();
    if length < TAIL_BYTES {
        return Err(failed("the file is cut short"));
    }
    let bytes = |from: usize, to: usize| file.read_bytes_slice(from..to).map_err(failed);
    let tail = bytes(length - TAIL_BYTES, length)?;
    let word = |at: usize| u32::from_le_bytes([tail[at], tail[at + 1], tail[at + 2], tail[at + 3]]);
    let current = &tail[8..] == MAGIC;
    if !current && &tail[8..] != MAGIC_0 {
        return Err(failed("the file does not end as an index does"));
    }
    let Some(table_at) = (length - TAIL_BYTES).checked_sub(word(0) as usize) else {
        return Err(failed("the table is longer than the file"));
    };
    let table = bytes(table_at, length - TAIL_BYTES)?;
    if crc32c::crc32c(&table) != word(4) {
        return Err(failed("the table does not have its checksum"));
    }
    let contents: Contents = serde_json::from_slice(&table).map_err(failed)?;
    let piece = |piece: PieceContents| {
        let mut files = BTreeMap::new();
        for (name, offset, bytes) in piece.files {
            let end = offset.checked_add(bytes);
            if end.is_none_or(|end| end > table_at as u64) {
                return Err(failed(format!("{name} lies beyond the file")));
            }
            files.insert(PathBuf::from(name), (offset as usize, bytes as usize));
        }
        if current != files.contains_key(Path::new(IDS)) {
            return Err(failed("a piece has ids in format 0, or none in format 1"));
        }
        Ok(Piece {
            file: file.clone(),
            files: Arc::new(files),
            rows: piece.rows,
        })
    };
    let pieces = contents.pieces.into_iter().map(piece);
    Ok((pieces.collect::<Result<_>>()?, contents.attributes))
}

impl Piece {
    /// The sets of its ids, if it has them.
    pub(super) fn ids(&self) -> Option<FileSlice> {
        self.slice(Path::new(IDS)).ok()
    }

    fn slice(&self, path: &Path) -> std::result::Result<FileSlice, OpenReadError> {
        let Some(&(offset, bytes)) = self.files.get(path) else {
            return Err(OpenReadError::FileDoesNotExist(path.to_owned()));
        };
        Ok(self.file.slice(offset..offset + bytes))
    }
}

impl Directory for Piece {
    fn get_file_handle(
        &self,
        path: &Path,
    ) -> std::result::Result<Arc<dyn FileHandle>, OpenReadError> {
        Ok(Arc::new(self.slice(path)?))
    }

    fn exists(&self, path: &Path) -> std::result::Result<bool, OpenReadError> {
        Ok(self.files.contains_key(path))
    }

    fn atomic_read(&self, path: &Path) -> std::result::Result<Vec<u8>, OpenReadError> {
        let bytes = self.slice(path)?.read_bytes();
        let bytes = bytes.map_err(|error| OpenReadError::IoError {
            io_error: Arc::new(error),
            filepath: path.to_owned(),
        })?;
        Ok(bytes.to_vec())
    }

    fn acquire_lock(&self, _lock: &Lock) -> std::result::Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn delete(&self, path: &Path) -> std::result::Result<(), DeleteError> {
        Err(DeleteError::FileDoesNotExist(path.to_owned()))
    }

    fn open_write(&self, path: &Path) -> std::result::Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::FileAlreadyExists(path.to_owned()))
    }

    fn atomic_write(&self, _path: &Path, _data: &[u8]) -> io::Result<()> {
        Err(io::Error::other("an index bundle is read only"))
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn watch(&self, _callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}
