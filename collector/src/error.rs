//! What can go wrong with a request; `respond` says how each is answered.

use crate::decode::DecodeError;
use crate::inflate::InflateError;

/// A result of the collector.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request is refused, or why a port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No token, or a wrong one.
    #[error("the request does not carry the right token: send authorization: Bearer <token>")]
    Unauthenticated,
    /// The gRPC method does not exist.
    #[error("unknown method {0}")]
    UnknownMethod(String),
    /// The content type is none of OTLP's.
    #[error("content type {0:?} is not supported: send {1}")]
    ContentType(String, &'static str),
    /// The compression is unknown.
    #[error("content encoding {0:?} is not supported: send gzip, zstd, deflate or identity")]
    ContentEncoding(String),
    /// The request is larger than `body_bytes_max`.
    #[error("the request is larger than {max} bytes: send smaller batches or raise body_bytes_max")]
    TooLarge {
        /// The setting, in bytes.
        max: usize,
    },
    /// The request's framing or compression is broken.
    #[error("{0}")]
    Malformed(String),
    /// The request is not OTLP.
    #[error("the request is not valid OTLP: {0}")]
    Decode(DecodeError),
    /// Decoding the request failed by a fault of ours, which the same bytes would meet again.
    #[error("the request cannot be decoded: {0}")]
    Poison(String),
    /// More bytes are in flight than `in_flight_bytes_max`.
    #[error("too many bytes in flight: send again later")]
    Overloaded,
    /// A tenant has more bytes in flight than `tenant_in_flight_percent` lets it.
    #[error("this tenant has too many bytes in flight: send again later")]
    TenantOverloaded,
    /// The body did not arrive within `body_timeout`.
    #[error("the request body took longer than body_timeout")]
    Slow,
    /// The connection broke while the body was read.
    #[error("the request body ended early: {0}")]
    Interrupted(String),
    /// The store refused the rows.
    #[error("{0}")]
    Store(#[from] oriel_storage::Error),
    /// A task of ours ended unexpectedly, as it does when the process stops.
    #[error("the server is stopping")]
    Stopping,
}

impl Error {
    /// A word for counters.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Error::Unauthenticated => "unauthenticated",
            Error::UnknownMethod(_) => "unknown_method",
            Error::ContentType(..) => "content_type",
            Error::ContentEncoding(_) => "content_encoding",
            Error::TooLarge { .. } | Error::Decode(DecodeError::TooLarge(_)) => "too_large",
            Error::Malformed(_) | Error::Decode(_) => "malformed",
            Error::Poison(_) => "poison",
            Error::Overloaded => "in_flight",
            Error::TenantOverloaded => "tenant_in_flight",
            Error::Slow => "slow",
            Error::Interrupted(_) => "interrupted",
            Error::Store(_) => "store",
            Error::Stopping => "stopping",
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Internal(detail) => Error::Poison(detail),
            error => Error::Decode(error),
        }
    }
}

impl From<InflateError> for Error {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::TooLarge { max } => Error::TooLarge { max },
            InflateError::Malformed { .. } => Error::Malformed(error.to_string()),
            InflateError::OverBudget => Error::Overloaded,
        }
    }
}
