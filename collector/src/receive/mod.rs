//! The edge: OTLP calls as they come over gRPC and HTTP, and their bodies, read within limits.
//!
//! Input: an HTTP request whose headers say what it is. Output: its body, whole, as received.

pub(crate) mod grpc;
pub(crate) mod http;

use std::fmt::Display;
use std::time::Duration;

use std::net::SocketAddr;

use ::http::Extensions;
use axum::body::HttpBody;
use axum::extract::ConnectInfo;
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use oriel_proto::Signal;
use oriel_storage::{ContentEncoding, ContentType};

use crate::admit::Permit;
use crate::live::rejection::SAMPLE_BYTES;
use crate::{Error, Result};

/// Bytes before a message in gRPC: a flag and the length.
pub(crate) const GRPC_PREFIX: usize = 5;

/// How long a refusal waits for the start of the body that it refuses.
const PEEK_TIME: Duration = Duration::from_millis(100);

/// The body of a request, as hyper or axum has it.
pub(crate) trait Incoming: HttpBody<Data = Bytes, Error: Display> + Send + Unpin {}

impl<B: HttpBody<Data = Bytes, Error: Display> + Send + Unpin> Incoming for B {}

/// Where a request that came by a router is from.
fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| *peer)
}

/// How a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// One length-prefixed message.
    Grpc,
    /// The plain body.
    Http,
}

impl Transport {
    /// The name in counters.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Transport::Grpc => "grpc",
            Transport::Http => "http",
        }
    }
}

/// What the headers of an export call say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) signal: Signal,
    pub(crate) transport: Transport,
    pub(crate) content_type: ContentType,
    /// Compression of the body; in gRPC, of messages flagged as compressed.
    pub(crate) content_encoding: ContentEncoding,
    /// Content-Length, where given.
    pub(crate) declared: Option<usize>,
}

/// The payload of a call as received, and how it is compressed.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) bytes: Bytes,
    pub(crate) encoding: ContentEncoding,
}

/// The encoding called `name`, in any case; an absent or empty name is identity.
pub(crate) fn encoding(name: Option<&[u8]>) -> Result<ContentEncoding> {
    let name = name.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    match &name[..] {
        b"" | b"identity" => Ok(ContentEncoding::Identity),
        b"gzip" | b"x-gzip" => Ok(ContentEncoding::Gzip),
        b"zstd" => Ok(ContentEncoding::Zstd),
        b"deflate" => Ok(ContentEncoding::Deflate),
        _ => Err(Error::ContentEncoding(
            String::from_utf8_lossy(&name).into_owned(),
        )),
    }
}

/// The start of a body that is refused unread, for the record: what comes within [`PEEK_TIME`].
pub(crate) async fn peek(body: &mut impl Incoming) -> Bytes {
    let mut start = BytesMut::new();
    let peeking = async {
        while start.len() < SAMPLE_BYTES
            && let Some(Ok(frame)) = body.frame().await
        {
            let data = frame.into_data().unwrap_or_default();
            start.extend_from_slice(&data[..data.len().min(SAMPLE_BYTES)]);
        }
    };
    let _ = tokio::time::timeout(PEEK_TIME, peeking).await;
    start.freeze()
}

/// Reads the body of `call`, at most `max` bytes, within `timeout`; `permit` covers what arrives.
///
/// Errors: `TooLarge`, `Overloaded`, `Slow`, `Interrupted`; `Malformed` for broken gRPC framing.
/// What had arrived until then is left in `seen`.
pub(crate) async fn read(
    call: &Call,
    body: &mut impl Incoming,
    max: usize,
    timeout: Duration,
    permit: &mut Permit,
    seen: &mut Bytes,
) -> Result<Payload> {
    let mut arrived = BytesMut::new();
    let reading = read_all(call.transport, body, max, permit, &mut arrived);
    let read = tokio::time::timeout(timeout, reading).await;
    let bytes = match read.map_err(|_| Error::Slow).flatten() {
        Ok(bytes) => bytes,
        Err(error) => {
            *seen = arrived.freeze();
            return Err(error);
        }
    };
    match call.transport {
        Transport::Http => Ok(Payload {
            bytes,
            encoding: call.content_encoding,
        }),
        Transport::Grpc => unframe(bytes, call.content_encoding),
    }
}

async fn read_all(
    transport: Transport,
    body: &mut impl Incoming,
    max: usize,
    permit: &mut Permit,
    whole: &mut BytesMut,
) -> Result<Bytes> {
    let limit = match transport {
        Transport::Http => max,
        Transport::Grpc => max.saturating_add(GRPC_PREFIX),
    };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::Interrupted(error.to_string()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let len = whole.len() + data.len();
        if len > limit {
            whole.extend_from_slice(&data[..data.len().min(SAMPLE_BYTES)]);
            return Err(Error::TooLarge { max });
        }
        permit.cover(len)?;
        let fresh = whole.len() < GRPC_PREFIX;
        let done = whole.is_empty() && body.is_end_stream();
        if !done {
            whole.extend_from_slice(&data);
        }
        if transport == Transport::Grpc && fresh {
            let message = message_len(if done { &data } else { whole });
            if message > max {
                return Err(Error::TooLarge { max });
            }
        }
        if done {
            return Ok(data);
        }
    }
    Ok(whole.split().freeze())
}

/// Length of the gRPC message behind the prefix that `bytes` start with; 0 while it is not whole.
fn message_len(bytes: &[u8]) -> usize {
    bytes
        .get(1..GRPC_PREFIX)
        .map_or(0, |mut len| len.get_u32() as usize)
}

/// The one message of a unary gRPC call.
fn unframe(mut bytes: Bytes, encoding: ContentEncoding) -> Result<Payload> {
    let malformed = |what: &str| Err(Error::Malformed(format!("broken gRPC framing: {what}")));
    let Some(&flag) = bytes.first() else {
        return malformed("no message");
    };
    if bytes.len() < GRPC_PREFIX {
        return malformed("the prefix is cut off");
    }
    let len = message_len(&bytes);
    bytes.advance(GRPC_PREFIX);
    let encoding = match flag {
        _ if bytes.len() < len => return malformed("the message is cut off"),
        _ if bytes.len() > len => return malformed("bytes after the message"),
        0 => ContentEncoding::Identity,
        1 if encoding == ContentEncoding::Identity => {
            return malformed("a compressed message without grpc-encoding");
        }
        1 => encoding,
        _ => return malformed("unknown flag"),
    };
    Ok(Payload { bytes, encoding })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: names of encodings as clients write them.
    /// Guarantees: case and the old alias do not matter; lists and unknown names are refused.
    #[test]
    fn knows_the_encodings() {
        let check = |name: &str, want: Option<ContentEncoding>| {
            assert_eq!(encoding(Some(name.as_bytes())).ok(), want, "{name}");
        };
        assert_eq!(encoding(None).ok(), Some(ContentEncoding::Identity));
        check("", Some(ContentEncoding::Identity));
        check("GZIP", Some(ContentEncoding::Gzip));
        check("x-gzip", Some(ContentEncoding::Gzip));
        check(" zstd ", Some(ContentEncoding::Zstd));
        check("deflate", Some(ContentEncoding::Deflate));
        check("br", None);
        check("gzip, gzip", None);
    }

    /// Scenario: whole, cut, doubled and wrongly flagged gRPC messages.
    /// Guarantees: only one whole message passes; the flag decides about compression.
    #[test]
    fn unframes_one_message() {
        let check = |bytes: &'static [u8], encoding, want: Option<(&[u8], ContentEncoding)>| {
            let got = unframe(Bytes::from_static(bytes), encoding).ok();
            let got = got
                .as_ref()
                .map(|payload| (&payload.bytes[..], payload.encoding));
            assert_eq!(got, want, "{bytes:?}");
        };
        let (plain, gzip) = (ContentEncoding::Identity, ContentEncoding::Gzip);
        check(b"\0\0\0\0\x02ab", plain, Some((b"ab", plain)));
        check(b"\0\0\0\0\x02ab", gzip, Some((b"ab", plain)));
        check(b"\x01\0\0\0\x02ab", gzip, Some((b"ab", gzip)));
        check(b"\0\0\0\0\0", plain, Some((b"", plain)));
        check(b"\x01\0\0\0\x02ab", plain, None);
        check(b"\x02\0\0\0\x02ab", gzip, None);
        check(b"", plain, None);
        check(b"\0\0\0", plain, None);
        check(b"\0\0\0\0\x03ab", plain, None);
        check(b"\0\0\0\0\x01ab", plain, None);
        check(b"\0\xff\xff\xff\xffab", plain, None);
    }
}
