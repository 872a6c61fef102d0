//! Several requests decoded as one: small ones that are logged together, and those that a replay of
//! the log brings back, since a batch of many rows costs less a row than many batches, here and in the
//! flush.
//!
//! In: bodies, or frames as logged, of one tenant and signal. Out: the rows of all of them in their
//! order, or an error when any cannot be decoded, or when all of them together are too large; the
//! caller hands each in alone then. Memory: at most [`PLAIN_BYTES_MAX`] of bodies and [`ROWS_BYTES_MAX`] of rows,
//! but for a frame alone, which may need what its request was granted.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use oriel_proto::{Signal, UnixNanos};
use oriel_storage::schema::Schemas;
use oriel_storage::{
    Answer, Batch, ContentType, Decode, Joint, ReplayError, ReplayFn, ReplayFrame,
};

use super::rows::Stop;
use super::{BODY_BYTES_MAX, Decoded, Decoder, REQUEST_BYTES_MAX, error, json, message};
use crate::inflate::inflate;

/// Bodies of several frames, inflated.
const PLAIN_BYTES_MAX: usize = 16 << 20;

/// Rows of requests that wait for the log.
const JOINT_BYTES_MAX: usize = 8 << 20;

/// Rows of several frames.
const ROWS_BYTES_MAX: usize = 64 << 20;

/// The function that a store replays its log with: inflates each frame to at most
/// `inflated_bytes_max` bytes and decodes them, with one decoder kept for all.
pub fn replay(inflated_bytes_max: usize) -> ReplayFn {
    let cache: Mutex<Option<Arc<Decoder>>> = Mutex::new(None);
    Arc::new(move |schemas, frames| {
        let decoder = {
            let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
            match cache.take().filter(|decoder| decoder.is_for(schemas)) {
                Some(decoder) => Arc::clone(cache.insert(decoder)),
                None => Arc::clone(cache.insert(Arc::new(decoder(schemas)))),
            }
        };
        decode(&decoder, frames, inflated_bytes_max)
    })
}

/// A decoder that keeps the columns of large batches for the next ones.
fn decoder(schemas: &Schemas) -> Decoder {
    Decoder {
        room_bytes_max: ROWS_BYTES_MAX,
        ..Decoder::new(schemas)
    }
}

fn decode(
    decoder: &Decoder,
    frames: &[ReplayFrame<'_>],
    inflated_bytes_max: usize,
) -> Result<Vec<Batch>, ReplayError> {
    let Some(first) = frames.first() else {
        return Ok(Vec::new());
    };
    if let [frame] = frames {
        return decode_alone(decoder, frame, inflated_bytes_max);
    }
    let signal = first.header.signal;
    let mut bodies: Vec<Cow<'_, [u8]>> = Vec::with_capacity(frames.len());
    let mut bytes_max = inflated_bytes_max.min(PLAIN_BYTES_MAX);
    for frame in frames {
        let body = inflate(frame.header.content_encoding, frame.payload, bytes_max);
        let body = body.map_err(|error| ReplayError(error.to_string()))?;
        bytes_max -= body.len();
        bodies.push(match frame.header.content_type {
            ContentType::Protobuf => body,
            ContentType::Json => {
                let body = json::to_protobuf(signal, &body);
                Cow::Owned(body.map_err(|error| ReplayError(error.to_string()))?)
            }
        });
    }
    let requests = bodies.iter().zip(frames);
    let requests: Vec<_> = requests
        .map(|(body, frame)| (&body[..], frame.header.received_at))
        .collect();
    let decoded = decoder.read(signal, &requests, ROWS_BYTES_MAX);
    decoded.map(|decoded| decoded.batches).map_err(|stop| {
        ReplayError(match stop {
            // Where it is can be said when the request is read alone.
            Stop::Fault(fault) => fault.problem.as_str().to_owned(),
            stop => error(stop, &[]).to_string(),
        })
    })
}

fn decode_alone(
    decoder: &Decoder,
    frame: &ReplayFrame<'_>,
    inflated_bytes_max: usize,
) -> Result<Vec<Batch>, ReplayError> {
    let header = frame.header;
    let body = inflate(header.content_encoding, frame.payload, inflated_bytes_max);
    let body = body.map_err(|error| ReplayError(error.to_string()))?;
    let received_at = header.received_at;
    decoder
        .decode(header.signal, header.content_type, &body, received_at)
        .map(|decoded| decoded.batches)
        .map_err(|error| ReplayError(error.to_string()))
}

impl Decode for Decoder {
    fn decode(&self, signal: Signal, requests: &[(&[u8], UnixNanos)]) -> Option<Joint> {
        let read = || self.read(signal, requests, JOINT_BYTES_MAX);
        // A panic is met again, and told, where the request is decoded alone.
        let decoded = catch_unwind(AssertUnwindSafe(read)).ok()?.ok()?;
        joint(decoded)
    }
}

/// `None` when it is not clear whose text was repaired, or when there is more than one batch.
fn joint(mut decoded: Decoded) -> Option<Joint> {
    let batch = decoded.batches.pop();
    if decoded.repaired > 0 || !decoded.batches.is_empty() {
        return None;
    }
    let (mut before, mut requests) = ((0, 0), Vec::with_capacity(decoded.ends.len()));
    for (accepted, rejected) in decoded.ends {
        let (rows, rejected_here) = (accepted - before.0, rejected - before.1);
        let answer = Answer {
            rejected: rejected_here,
            message: message(rejected_here, 0),
        };
        requests.push((usize::try_from(rows).ok()?, answer));
        before = (accepted, rejected);
    }
    Some(Joint { batch, requests })
}

const _: () = assert!(PLAIN_BYTES_MAX <= BODY_BYTES_MAX && ROWS_BYTES_MAX <= REQUEST_BYTES_MAX);
