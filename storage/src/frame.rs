//! Frames: one acknowledged request each, as the write-ahead log keeps it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use oriel_proto::{Signal, UnixNanos};

use crate::Batch;
use crate::schema::Schemas;

/// A tenant: a DuckLake schema and a folder under `tables/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The tenant of a request that names none.
    pub fn default_tenant() -> Self {
        TenantId(Arc::from("default"))
    }

    /// A tenant called `name`: 1 to 63 of `a-z 0-9 _`, so that it is a safe path and SQL schema.
    pub fn new(name: &str) -> crate::Result<Self> {
        let good = (1..=63).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if good {
            Ok(TenantId(Arc::from(name)))
        } else {
            Err(crate::Error::Invalid(format!(
                "tenant name {name:?} is not 1 to 63 of a-z, 0-9 and _"
            )))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the payload of a frame is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ContentType {
    /// OTLP in protobuf.
    Protobuf = 1,
    /// OTLP/JSON.
    Json = 2,
}

/// How the payload of a frame is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ContentEncoding {
    /// Not at all.
    Identity = 0,
    /// gzip (RFC 1952).
    Gzip = 1,
    /// Zstandard (RFC 8878).
    Zstd = 2,
    /// zlib (RFC 1950), HTTP's `deflate`.
    Deflate = 3,
}

/// Keyed 128-bit hash of (tenant, signal, inflated body): two requests with one hash are one
/// request sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestHash(pub u128);

/// What the log keeps beside a request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whose rows these are.
    pub tenant: TenantId,
    /// Which OTLP request the payload is.
    pub signal: Signal,
    /// Its format.
    pub content_type: ContentType,
    /// Its compression.
    pub content_encoding: ContentEncoding,
    /// Version of the decoder that accepted it.
    pub decoder_version: u16,
    /// When it was received: replay dates its rows with it.
    pub received_at: UnixNanos,
    /// For de-duplication.
    pub request_hash: RequestHash,
}

/// One request to be logged: header and body as received.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The header.
    pub header: FrameHeader,
    /// The request body as received, still compressed.
    pub payload: Bytes,
}

/// A place in the log: the sequence number of a frame, counted from 1 over the life of a store.
/// Position `n` means: all frames up to and including `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WalPosition(pub u64);

/// Why a logged frame cannot be decoded again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReplayError(pub String);

/// A frame to be decoded again.
#[derive(Debug, Clone, Copy)]
pub struct ReplayFrame<'a> {
    /// Its header.
    pub header: &'a FrameHeader,
    /// The request body as received.
    pub payload: &'a [u8],
}

/// Decodes logged frames again, into the columns of the schemas given; the binary passes the
/// collector's decoder.
///
/// In: one or more frames of one tenant and signal. Out: the rows of all of them, in their order.
/// Errors: one of them cannot be decoded, or they are too many for one call; given one by one, only
/// that frame fails. Called from several threads at once.
pub type ReplayFn =
    Arc<dyn Fn(&Schemas, &[ReplayFrame<'_>]) -> Result<Vec<Batch>, ReplayError> + Send + Sync>;
