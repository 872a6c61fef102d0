//! OTLP/gRPC: the three Export methods, and the health check.
//!
//! Input: HTTP/2 requests from `serve_grpc`. Output: answers by `respond`.
//! The framing of unary calls is done here, not by tonic, because the log keeps a message as it
//! was received, still compressed, and tonic hands over inflated and decoded messages only.
//! Source: gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md). A request is one message behind a
//! prefix of {compressed: u8, length: u32}; an answer is the same, then trailers with grpc-status;
//! an error is trailers only.

use std::sync::Arc;

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::body::Frame;
use oriel_proto::Signal;
use oriel_storage::ContentType;

use super::{Call, GRPC_PREFIX, Incoming, Transport, encoding, peer};
use crate::ingest::Ingest;
use crate::live::sender::Sender;
use crate::{Error, Result, auth, respond};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// Names the compression of messages that are flagged as compressed.
pub(crate) static GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
/// What we inflate.
const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip,zstd,deflate,identity");
/// `grpc.health.v1.HealthCheckResponse { status: … }`.
const SERVING: &[u8] = &[0x08, 1];
const NOT_SERVING: &[u8] = &[0x08, 2];

/// The methods of OTLP/gRPC.
pub(crate) fn router(ingest: Arc<Ingest>) -> Router {
    let mut router = Router::new().route("/grpc.health.v1.Health/Check", post(health));
    for signal in Signal::ALL {
        let export = move |State(ingest): State<Arc<Ingest>>, request: Request| async move {
            let peer = peer(request.extensions());
            let answer = export(&ingest, signal, peer, request).await;
            answer.map(Body::new)
        };
        router = router.route(path(signal), post(export));
    }
    router.with_state(ingest)
}

/// Path of the Export method of `signal`.
pub(crate) fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

/// Answers what no route takes: UNIMPLEMENTED to gRPC, 404 to others.
pub(crate) async fn unknown_method(
    State(ingest): State<Arc<Ingest>>,
    request: Request,
) -> Response {
    match is_grpc(request.headers()) {
        true => refuse(
            &ingest,
            &Error::UnknownMethod(request.uri().path().to_owned()),
        )
        .map(Body::new),
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The signal of a request that is an Export call.
pub(crate) fn exported<B>(request: &http::Request<B>) -> Option<Signal> {
    let called = request.uri().path();
    let found = Signal::ALL
        .into_iter()
        .find(|signal| path(*signal) == called);
    found.filter(|_| request.method() == Method::POST)
}

/// Answers one Export call of `peer`.
pub(crate) async fn export(
    ingest: &Ingest,
    signal: Signal,
    peer: Option<SocketAddr>,
    request: http::Request<impl Incoming>,
) -> Response<Reply> {
    let (head, mut body) = request.into_parts();
    if !is_grpc(&head.headers) {
        let given = head
            .headers
            .get(CONTENT_TYPE)
            .map_or(&b""[..], HeaderValue::as_bytes);
        let given = String::from_utf8_lossy(given).into_owned();
        let error = Error::ContentType(given, "application/grpc, or OTLP/HTTP to its own path");
        // As gRPC asks: not a gRPC status, which such a client would not read.
        let sender = Sender {
            signal,
            transport: Transport::Http,
            head: &head,
            peer,
        };
        ingest.refuse_unread(sender, &mut body, &error).await;
        let mut response = Response::new(Reply::default());
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return response;
    }
    let sender = Sender {
        signal,
        transport: Transport::Grpc,
        head: &head,
        peer,
    };
    let stored = match check(ingest, signal, &head.headers, &body) {
        Ok(call) => ingest.ingest(call, sender, &mut body).await,
        Err(error) => {
            ingest.refuse_unread(sender, &mut body, &error).await;
            Err(error)
        }
    };
    match stored {
        Ok(answer) => message(&respond::export_response(signal, &answer)),
        Err(error) => refuse(ingest, &error),
    }
}

/// Everything that can be known before the body is read.
fn check(
    ingest: &Ingest,
    signal: Signal,
    headers: &HeaderMap,
    body: &impl Incoming,
) -> Result<Call> {
    auth::check(ingest.token(), headers)?;
    let declared = body
        .size_hint()
        .exact()
        .map(|len| usize::try_from(len).unwrap_or(usize::MAX));
    let call = Call {
        signal,
        transport: Transport::Grpc,
        content_type: ContentType::Protobuf,
        content_encoding: encoding(headers.get(&GRPC_ENCODING).map(HeaderValue::as_bytes))?,
        declared: declared.map(|len| len.saturating_sub(GRPC_PREFIX)),
    };
    ingest.check(&call)?;
    Ok(call)
}

/// Says whether exports would be taken now (grpc.health.v1); needs no token, tells nothing else.
async fn health(State(ingest): State<Arc<Ingest>>) -> Response {
    message(if ingest.is_writable() {
        SERVING
    } else {
        NOT_SERVING
    })
    .map(Body::new)
}

/// Whether the content type is gRPC with protobuf messages.
fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let name = value
            .as_bytes()
            .split(|&byte| byte == b';')
            .next()
            .unwrap_or_default();
        matches!(
            name.trim_ascii(),
            b"application/grpc" | b"application/grpc+proto"
        )
    })
}

/// An answer with `message` and the status OK.
fn message(message: &[u8]) -> Response<Reply> {
    let mut framed = BytesMut::with_capacity(GRPC_PREFIX + message.len());
    framed.put_u8(0);
    // Answers are a few hundred bytes.
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    let mut response = Response::new(Reply {
        message: Some(framed.freeze()),
        trailers: Some(trailers),
    });
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert(GRPC_ACCEPT_ENCODING, ACCEPTED);
    response
}

/// An answer without a message: the status of `error` in place of headers and trailers.
fn refuse(ingest: &Ingest, error: &Error) -> Response<Reply> {
    let status = respond::status(error, ingest.retry_after());
    let mut response: Response<Reply> = status.into_http();
    response
        .headers_mut()
        .insert(GRPC_ACCEPT_ENCODING, ACCEPTED);
    response
}

/// The body of an answer: a framed message, then trailers; or nothing.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    message: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Self::Error>>> {
        let message = self.message.take().map(Frame::data);
        let frame = message.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_none() && self.trailers.is_none()
    }
}
