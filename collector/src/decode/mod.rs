//! Decodes OTLP requests into batches: protobuf bytes go straight into Arrow columns, without the
//! tree of messages in between; OTLP/JSON is rewritten as protobuf first, so that one path decides
//! what a field means.
//!
//! In: an inflated request body and the time it was received. Out: one batch (rarely more) of the
//! signal's table with the counts of the answer. Pure and synchronous; memory is bounded by the
//! body's size, not by the lengths it claims.
//!
//! 1. [`wire`] walks the protobuf format and borrows from the body.
//! 2. [`rows`] walks resource and scope groups; `resource` encodes what records inherit once.
//! 3. `spans`, `logs` and `metrics` read one record each and set their columns.
//! 4. `attributes` sends promoted attributes to their columns, [`any_value`] writes the rest as
//!    JSON.
//! 5. `column` validates UTF-8 once a column and hands over Arrow arrays.
//!
//! `run` decodes several requests as one: small ones that are logged together, and the log's replay.

mod absent;
mod any_value;
mod attributes;
mod column;
mod exemplars;
mod fields;
mod json;
mod known;
mod logs;
mod metrics;
mod resource;
mod rows;
mod run;
mod series;
mod spans;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::{Signal, UnixNanos};
use oriel_storage::schema::{Schemas, Table};
use oriel_storage::{Batch, ContentType};
use prost::Message;

pub use run::replay;

use rows::{Layout, Records, Room, Rows, Stop};
use wire::{Fault, Problem};

/// Version of the rules by which requests become rows; logged with every frame.
pub const DECODER_VERSION: u16 = 1;

/// Larger bodies are refused, whatever the settings say: text columns have 32-bit offsets, and
/// text may grow sixfold when it is escaped.
const BODY_BYTES_MAX: usize = 256 << 20;

/// Rows of one request may need this much.
const REQUEST_BYTES_MAX: usize = 1 << 30;

/// Why a request cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body is not the protobuf message that it should be.
    #[error("protobuf is malformed at byte {offset}: {problem} (field {field} of {message})")]
    Protobuf {
        /// Where reading stopped, in bytes from the start of the inflated body.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
        /// Number of the field being read.
        field: u32,
        /// Name of the message being read.
        message: &'static str,
    },
    /// The body is well-formed only in part: a message that occurs twice could not be merged.
    #[error("protobuf is malformed: {0}")]
    Merge(String),
    /// The body is not the OTLP/JSON that it should be.
    #[error("JSON is not OTLP{}: {detail}", at(path))]
    Json {
        /// Where, as `resourceSpans[0].scopeSpans[0].spans[2].traceId`; empty at the top.
        path: String,
        /// What is wrong, with line and column.
        detail: String,
    },
    /// The request is too large to be stored as one.
    #[error("the request is too large: {0}")]
    TooLarge(&'static str),
    /// A fault of ours.
    #[error("decoding failed: {0}")]
    Internal(String),
}

fn at(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(" at {path}")
    }
}

/// The rows of a request and what to answer.
#[derive(Debug, Clone, Default)]
pub struct Decoded {
    /// The rows: none for an empty request, several batches for a very large one.
    pub batches: Vec<Batch>,
    /// Spans, log records or data points stored.
    pub accepted: u64,
    /// Those refused, for good.
    pub rejected: u64,
    /// Texts in which invalid UTF-8 was replaced.
    pub repaired: u64,
    /// Why some were refused, or a warning; empty when all is well.
    pub message: String,
    /// How many were accepted and rejected up to the end of each request.
    ends: Vec<(u64, u64)>,
}

/// Columns that are kept for the next request: as many as cores may decode at once, about.
const ROOMS_MAX: usize = 4;

/// Columns that more bytes than this went through are not kept, while requests come one by one.
const ROOM_BYTES_MAX: usize = 2 << 20;

/// Decodes requests into the columns of one store's schemas.
#[derive(Debug)]
pub struct Decoder {
    spans: Layout,
    logs: Layout,
    metrics: Layout,
    /// Columns that more bytes than this went through are not kept.
    room_bytes_max: usize,
    /// Columns to be used again, with those that only one table has.
    spans_rooms: Rooms<spans::Spans>,
    logs_rooms: Rooms<logs::Logs>,
    metrics_rooms: Rooms<()>,
}

/// Columns to be used again.
#[derive(Debug)]
struct Rooms<R>(Mutex<Vec<(Room, R)>>);

impl<R: Default> Rooms<R> {
    fn new() -> Self {
        Rooms(Mutex::new(Vec::new()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Room, R)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Empty columns for `layout`.
    fn take(&self, layout: &Layout) -> (Room, R) {
        let kept = self.lock().pop();
        kept.unwrap_or_else(|| (Room::new(layout), R::default()))
    }

    /// Keeps columns of which all rows were taken, unless more than `bytes_max` went through.
    fn keep(&self, (room, bytes): (Room, usize), records: R, bytes_max: usize) {
        let mut rooms = self.lock();
        if bytes <= bytes_max && rooms.len() < ROOMS_MAX {
            rooms.push((room, records));
        }
    }
}

impl Decoder {
    /// A decoder into the columns of `schemas`.
    pub fn new(schemas: &Schemas) -> Self {
        Decoder {
            spans: Layout::new(schemas.of(Table::Spans)),
            logs: Layout::new(schemas.of(Table::Logs)),
            metrics: Layout::new(schemas.of(Table::Metrics)),
            room_bytes_max: ROOM_BYTES_MAX,
            spans_rooms: Rooms::new(),
            logs_rooms: Rooms::new(),
            metrics_rooms: Rooms::new(),
        }
    }

    /// Decodes `body`, an inflated request of `signal`.
    ///
    /// Shape: batches of the signal's table with rows in the order of the request.
    /// Errors: the body is malformed or too large; nothing of it can be stored then.
    pub fn decode(
        &self,
        signal: Signal,
        content_type: ContentType,
        body: &[u8],
        received_at: UnixNanos,
    ) -> Result<Decoded, DecodeError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(DecodeError::TooLarge("the inflated body exceeds 256 MiB"));
        }
        match content_type {
            ContentType::Protobuf => self.decode_wire(signal, body, received_at),
            ContentType::Json => {
                let body = json::to_protobuf(signal, body)?;
                self.decode_wire(signal, &body, received_at)
            }
        }
    }

    fn decode_wire(
        &self,
        signal: Signal,
        body: &[u8],
        received_at: UnixNanos,
    ) -> Result<Decoded, DecodeError> {
        let read = |body: &[u8]| self.read(signal, &[(body, received_at)], REQUEST_BYTES_MAX);
        match read(body) {
            Err(Stop::Fault(fault)) if fault.problem == Problem::Repeated => {
                let merged = merge(signal, body)?;
                read(&merged).map_err(|stop| error(stop, &merged))
            }
            result => result.map_err(|stop| error(stop, body)),
        }
    }

    /// Reads plain protobuf bodies of `signal`, each with the time it was received, as one. Their rows
    /// may need `bytes_max` bytes.
    fn read(
        &self,
        signal: Signal,
        bodies: &[(&[u8], UnixNanos)],
        bytes_max: usize,
    ) -> Result<Decoded, Stop> {
        match signal {
            Signal::Traces => {
                let rooms = &self.spans_rooms;
                let (room, mut spans) = rooms.take(&self.spans);
                let (decoded, room) = read(&self.spans, room, &mut spans, bodies, bytes_max)?;
                rooms.keep(room, spans, self.room_bytes_max);
                Ok(decoded)
            }
            Signal::Logs => {
                let rooms = &self.logs_rooms;
                let (room, mut logs) = rooms.take(&self.logs);
                let (decoded, room) = read(&self.logs, room, &mut logs, bodies, bytes_max)?;
                rooms.keep(room, logs, self.room_bytes_max);
                Ok(decoded)
            }
            Signal::Metrics => {
                let rooms = &self.metrics_rooms;
                let (room, ()) = rooms.take(&self.metrics);
                let mut metrics = metrics::Metrics::default();
                let (decoded, room) = read(&self.metrics, room, &mut metrics, bodies, bytes_max)?;
                rooms.keep(room, (), self.room_bytes_max);
                Ok(decoded)
            }
        }
    }

    fn is_for(&self, schemas: &Schemas) -> bool {
        [&self.spans, &self.logs, &self.metrics]
            .into_iter()
            .all(|layout| Arc::ptr_eq(&layout.schema, schemas.of(layout.schema.table)))
    }
}

/// Reads `bodies` through `room` and `records`. The room comes back with the bytes that went through.
fn read<'a, R: Records<'a>>(
    layout: &'a Layout,
    room: Room,
    records: &mut R,
    bodies: &[(&'a [u8], UnixNanos)],
    bytes_max: usize,
) -> Result<(Decoded, (Room, usize)), Stop> {
    let mut rows = Rows::new(layout, room, bytes_max);
    let mut ends = Vec::with_capacity(bodies.len());
    for (body, received_at) in bodies {
        rows.read(body, *received_at, records)?;
        ends.push((rows.accepted, rows.rejected));
    }
    rows.cut(records)?;
    let decoded = Decoded {
        accepted: rows.accepted,
        rejected: rows.rejected,
        repaired: rows.repaired,
        message: message(rows.rejected, rows.repaired),
        batches: std::mem::take(&mut rows.batches),
        ends,
    };
    let bytes = rows.bytes();
    Ok((decoded, (rows.room, bytes)))
}

fn message(rejected: u64, repaired: u64) -> String {
    let mut parts = Vec::new();
    if rejected > 0 {
        parts.push(format!(
            "{rejected} spans rejected: trace_id must be 16 bytes and span_id 8 bytes, not all zero"
        ));
    }
    if repaired > 0 {
        parts.push(format!(
            "invalid UTF-8 was replaced by U+FFFD in {repaired} values"
        ));
    }
    parts.join("; ")
}

fn error(stop: Stop, body: &[u8]) -> DecodeError {
    match stop {
        Stop::Error(error) => error,
        Stop::Fault(Fault {
            problem: problem @ (Problem::TooLarge | Problem::Attributes),
            ..
        }) => DecodeError::TooLarge(problem.as_str()),
        Stop::Fault(fault) => DecodeError::Protobuf {
            offset: fault.address.saturating_sub(body.as_ptr() as usize),
            problem: fault.problem.as_str(),
            field: fault.field,
            message: fault.message,
        },
    }
}

/// Merges singular messages that occur twice, as prost does, by way of prost. No known encoder
/// writes such requests.
fn merge(signal: Signal, body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    fn through<M: Message + Default>(body: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
        M::decode(body).map(|message| message.encode_to_vec())
    }
    match signal {
        Signal::Traces => through::<ExportTraceServiceRequest>(body),
        Signal::Logs => through::<ExportLogsServiceRequest>(body),
        Signal::Metrics => through::<ExportMetricsServiceRequest>(body),
    }
    .map_err(|error| DecodeError::Merge(error.to_string()))
}

#[cfg(test)]
mod tests;
