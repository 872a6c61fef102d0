//! Who sent a call, as far as its head tells, for the record of refusals.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use oriel_proto::{Signal, UnixNanos};
use oriel_storage::{Answer, ContentEncoding};

use super::rejection::{Refused, Rejection, SAMPLE_BYTES};
use crate::inflate;
use crate::receive::grpc::GRPC_ENCODING;
use crate::receive::{GRPC_PREFIX, Incoming, Transport, encoding, peek};
use crate::{Error, respond};

/// The sender of one export call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) signal: Signal,
    pub(crate) transport: Transport,
    pub(crate) head: &'a Parts,
    /// Its address, where known.
    pub(crate) peer: Option<SocketAddr>,
}

/// What is known of a call's body.
#[derive(Debug)]
pub(crate) struct Seen {
    /// As it was received, whole or as far as it came.
    pub(crate) payload: Bytes,
    pub(crate) encoding: ContentEncoding,
    /// Its size, as received or as announced.
    pub(crate) bytes: u64,
}

impl Seen {
    /// A body that has arrived.
    pub(crate) fn new(payload: Bytes, encoding: ContentEncoding) -> Seen {
        let bytes = payload.len() as u64;
        Seen {
            payload,
            encoding,
            bytes,
        }
    }
}

impl Sender<'_> {
    /// The record of a call that was refused as a whole.
    pub(crate) fn refused(self, at: UnixNanos, error: &Error, seen: &Seen) -> Rejection {
        let status = respond::code(error, self.transport);
        self.record(at, status, &error.to_string(), None, seen)
    }

    /// The record of a call of which `answer` says that a part was refused.
    pub(crate) fn refused_in_part(self, at: UnixNanos, answer: &Answer, seen: &Seen) -> Rejection {
        let status = match self.transport {
            Transport::Grpc => "OK",
            Transport::Http => "200",
        };
        let records = Some(answer.rejected);
        self.record(at, status.to_owned(), &answer.message, records, seen)
    }

    fn record(
        self,
        time: UnixNanos,
        status: String,
        reason: &str,
        records: Option<u64>,
        seen: &Seen,
    ) -> Rejection {
        let plain = inflate::head(seen.encoding, &seen.payload, SAMPLE_BYTES);
        let sample = match plain.is_empty() {
            true => &seen.payload,
            false => &plain[..],
        };
        Rejection::from(Refused {
            time,
            signal: self.signal,
            transport: self.transport.as_str(),
            peer: self.peer,
            status,
            reason,
            records,
            content_type: self.header(&CONTENT_TYPE),
            encoding: self.header(self.encoding_header()),
            bytes: seen.bytes,
            sample,
        })
    }

    /// What a body holds that is refused for its head: its start, where it helps to know that.
    pub(crate) async fn look_at(self, body: &mut impl Incoming, error: &Error) -> Seen {
        let announced = body.size_hint().exact();
        let start = match error {
            // Whoever has no token shows nothing; a good body that came too early is no news.
            Error::Unauthenticated
            | Error::Overloaded
            | Error::TenantOverloaded
            | Error::Store(_)
            | Error::Stopping => Bytes::new(),
            _ => peek(body).await,
        };
        let named = encoding(Some(self.header(self.encoding_header())));
        let named = named.unwrap_or(ContentEncoding::Identity);
        let (encoding, payload) = match (self.transport, start.first()) {
            (Transport::Grpc, Some(flag)) if start.len() > GRPC_PREFIX => match flag {
                0 => (ContentEncoding::Identity, start.slice(GRPC_PREFIX..)),
                _ => (named, start.slice(GRPC_PREFIX..)),
            },
            _ => (named, start),
        };
        Seen {
            bytes: announced.unwrap_or(payload.len() as u64),
            payload,
            encoding,
        }
    }

    fn encoding_header(self) -> &'static HeaderName {
        match self.transport {
            Transport::Grpc => &GRPC_ENCODING,
            Transport::Http => &CONTENT_ENCODING,
        }
    }

    fn header(&self, name: &HeaderName) -> &[u8] {
        let value = self.head.headers.get(name);
        value.map_or(&b""[..], HeaderValue::as_bytes)
    }
}
