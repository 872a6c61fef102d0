//! What can go wrong in the engine, and what a caller can do about it.

use std::path::PathBuf;

/// A result of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input is wrong for good: do not retry.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// Too much at once: retry later.
    Overloaded,
    /// The store cannot take writes now (disk full, read-only, closing): retry later.
    Unavailable,
    /// Stored bytes are damaged.
    Corrupt,
    /// A fault of ours.
    Internal,
}

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Buffered rows have reached `buffer_bytes_max`.
    #[error("buffers hold {bytes} bytes, the limit is {bytes_max}")]
    Overloaded {
        /// Bytes held.
        bytes: u64,
        /// The setting.
        bytes_max: u64,
    },
    /// The process is short of memory.
    #[error("the process is short of memory; send again later")]
    Memory,
    /// Writes are refused: the reason says why and what to do.
    #[error("the store does not accept writes: {reason}")]
    Unavailable {
        /// Why, and what to do.
        reason: String,
    },
    /// The data directory is held by another process.
    #[error("data directory {} is in use by another oriel process{}; stop it or choose another --data-dir", path.display(), pid.map(|p| format!(" (pid {p})")).unwrap_or_default())]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// The process that holds it, where it could be read.
        pid: Option<u32>,
    },
    /// The data directory was written in another format.
    #[error("data directory {} has format {found}; this oriel reads format {want}: use the version that wrote it, or another --data-dir", path.display())]
    Format {
        /// The data directory.
        path: PathBuf,
        /// Format found.
        found: String,
        /// Format of this build.
        want: u32,
    },
    /// Stored bytes are damaged.
    #[error("{what} is damaged: {detail}")]
    Corrupt {
        /// Which file or frame.
        what: String,
        /// How.
        detail: String,
    },
    /// A value does not belong where it was given.
    #[error("{0}")]
    Invalid(String),
    /// An operation on a file failed.
    #[error("{action} {}", path.display())]
    Io {
        /// What was being done, a verb: `opening`, `writing`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The catalog database failed.
    #[error("{action} in the catalog")]
    Catalog {
        /// What was being done.
        action: &'static str,
        /// The cause.
        source: rusqlite::Error,
    },
    /// Parquet failed.
    #[error("{action} part {path}")]
    Parquet {
        /// What was being done.
        action: &'static str,
        /// Path of the part.
        path: String,
        /// The cause.
        source: parquet::errors::ParquetError,
    },
    /// Arrow failed.
    #[error("{action}")]
    Arrow {
        /// What was being done.
        action: &'static str,
        /// The cause.
        source: arrow::error::ArrowError,
    },
    /// The object store failed.
    #[error("{action} {path}")]
    Object {
        /// What was being done.
        action: &'static str,
        /// Path of the object.
        path: String,
        /// The cause.
        source: object_store::Error,
    },
    /// A background task or thread ended unexpectedly.
    #[error("{0} stopped unexpectedly")]
    Stopped(&'static str),
    /// A piece of work met a fault of ours that it would meet again.
    #[error("the {0} failed by a fault in oriel; the log says more, please report it")]
    Panicked(&'static str),
}

impl Error {
    /// What a caller can do.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Overloaded { .. } | Error::Memory => ErrorKind::Overloaded,
            Error::Unavailable { .. } | Error::Locked { .. } | Error::Stopped(_) => {
                ErrorKind::Unavailable
            }
            Error::Format { .. } | Error::Invalid(_) => ErrorKind::Invalid,
            Error::Corrupt { .. } => ErrorKind::Corrupt,
            Error::Io { .. }
            | Error::Catalog { .. }
            | Error::Parquet { .. }
            | Error::Arrow { .. }
            | Error::Object { .. }
            | Error::Panicked(_) => ErrorKind::Internal,
        }
    }
}
