//! The last requests that were refused, in whole or in part: who sent what, and why not.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use oriel_proto::{Signal, UnixNanos};
use serde::Serialize;
use utoipa::ToSchema;

use super::{cut, nanos};

/// Refusals that are remembered.
pub(crate) const KEPT: usize = 200;
/// Bytes of a body that are shown.
pub(crate) const SAMPLE_BYTES: usize = 2 << 10;
/// Longest reason and longest header value that are kept, in bytes.
const REASON_MAX: usize = 2 << 10;
const HEADER_MAX: usize = 256;
/// A sample is shown as text while at most one letter in this many is none.
const STRANGE_LETTERS: usize = 10;

/// One request that was refused, in whole or in part.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Rejection {
    /// Number, from 1, in the order of refusal.
    pub(super) id: u64,
    #[serde(serialize_with = "nanos")]
    #[schema(value_type = String)]
    time: UnixNanos,
    /// `traces`, `metrics` or `logs`.
    signal: &'static str,
    /// `grpc` or `http`.
    transport: &'static str,
    /// Address and port of the sender.
    #[schema(value_type = Option<String>)]
    peer: Option<SocketAddr>,
    /// As it was answered: a gRPC code such as `INVALID_ARGUMENT`, or an HTTP status such as `400`.
    status: String,
    /// What the sender was told.
    reason: String,
    /// Records refused of a request whose rest was stored; null when all of it was refused.
    records: Option<u64>,
    /// The header, as sent.
    content_type: String,
    /// The header, as sent; empty when there was none.
    encoding: String,
    /// Size of the body as received, or as announced where it was not read.
    bytes: u64,
    /// The start of the body, at most 2 KiB, decompressed where that was possible.
    sample: String,
    /// How it is written.
    sample_kind: SampleKind,
}

/// How a sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SampleKind {
    /// As text; bytes that are none are replaced.
    Text,
    /// Two digits a byte.
    Hex,
}

/// What is known of a refused request.
#[derive(Debug)]
pub(crate) struct Refused<'a> {
    pub(crate) time: UnixNanos,
    pub(crate) signal: Signal,
    pub(crate) transport: &'static str,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) status: String,
    pub(crate) reason: &'a str,
    pub(crate) records: Option<u64>,
    pub(crate) content_type: &'a [u8],
    pub(crate) encoding: &'a [u8],
    pub(crate) bytes: u64,
    /// The start of the body, decompressed.
    pub(crate) sample: &'a [u8],
}

impl From<Refused<'_>> for Rejection {
    fn from(refused: Refused<'_>) -> Self {
        let header = |value| cut(&String::from_utf8_lossy(value), HEADER_MAX).to_owned();
        let (sample, sample_kind) = show(refused.sample);
        Rejection {
            id: 0,
            time: refused.time,
            signal: refused.signal.as_str(),
            transport: refused.transport,
            peer: refused.peer,
            status: refused.status,
            reason: cut(refused.reason, REASON_MAX).to_owned(),
            records: refused.records,
            content_type: header(refused.content_type),
            encoding: header(refused.encoding),
            bytes: refused.bytes,
            sample,
            sample_kind,
        }
    }
}

impl Rejection {
    /// Size of the body.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The last [`KEPT`] refusals.
#[derive(Debug, Default)]
pub(super) struct Rejections(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    total: u64,
    /// Oldest first.
    last: VecDeque<Arc<Rejection>>,
}

impl Rejections {
    /// Remembers one more, and forgets the oldest.
    pub(super) fn add(&self, rejection: Rejection) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.total += 1;
        let id = ring.total;
        if ring.last.len() == KEPT {
            ring.last.pop_front();
        }
        ring.last.push_back(Arc::new(Rejection { id, ..rejection }));
    }

    /// How many there have been.
    pub(super) fn total(&self) -> u64 {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.total
    }

    /// Those after number `id` that are remembered, newest first, at most `limit`; and how many
    /// there have been since the start.
    pub(super) fn after(&self, id: u64, limit: usize) -> (Vec<Arc<Rejection>>, u64) {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = ring.last.iter().rev().take(limit);
        let after = newest.take_while(|rejection| rejection.id > id);
        (after.map(Arc::clone).collect(), ring.total)
    }
}

/// The start of `body` for people: text if it mostly is text, else hex.
fn show(body: &[u8]) -> (String, SampleKind) {
    let start = &body[..body.len().min(SAMPLE_BYTES)];
    let text = String::from_utf8_lossy(start);
    let strange = |letter: &char| {
        *letter == char::REPLACEMENT_CHARACTER
            || letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')
    };
    let (letters, strange) = text.chars().fold((0, 0), |(letters, found), letter| {
        (letters + 1, found + usize::from(strange(&letter)))
    });
    if strange * STRANGE_LETTERS <= letters {
        return (text.into_owned(), SampleKind::Text);
    }
    let digits = start.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    let hex = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16));
    (hex.collect(), SampleKind::Hex)
}
