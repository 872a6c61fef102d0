//! OTLP/gRPC as a client sees it, over tonic's HTTP/2 channel.

use bytes::{BufMut, Bytes, BytesMut};
use bytesize::ByteSize;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http_body_util::{BodyExt, Full};
use oriel_storage::ContentEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::ServiceExt;

use super::*;
use crate::receive::grpc::path;

pub(super) async fn connect(addr: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{addr}"))
        .unwrap()
        .connect()
        .await
        .unwrap()
}

/// A message behind its prefix.
pub(super) fn framed(flag: u8, message: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(flag);
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    framed.freeze()
}

/// Sends `body` as it is; gives back headers and body, or the status of a call that failed.
pub(super) async fn call(
    channel: &Channel,
    path: &str,
    headers: &[(&'static str, &str)],
    body: Bytes,
) -> Result<(HeaderMap, Bytes), Status> {
    let mut request = ::http::Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(tonic::body::Body::new(Full::new(body)))
        .unwrap();
    let response = channel.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let (head, body) = response.into_parts();
    if let Some(status) = Status::from_header_map(&head.headers) {
        return Err(status);
    }
    let body = body.collect().await.unwrap();
    let status = Status::from_header_map(body.trailers().unwrap()).unwrap();
    assert_eq!(status.code(), Code::Ok);
    let body = body.to_bytes();
    assert_eq!(body[..5], framed(0, &body[5..])[..5]);
    Ok((head.headers, body.slice(5..)))
}

/// Exports `plain`, packed as `encoding`.
pub(super) async fn export(
    channel: &Channel,
    signal: Signal,
    encoding: ContentEncoding,
    plain: &[u8],
) -> Result<Bytes, Status> {
    let (name, packed) = pack(encoding, plain);
    let flag = u8::from(encoding != ContentEncoding::Identity);
    let headers = [("grpc-encoding", name)];
    call(channel, path(signal), &headers, framed(flag, &packed))
        .await
        .map(|(_, body)| body)
}

/// Scenario: a token is set; calls with none and with the right one.
/// Guarantees: UNAUTHENTICATED, and OK.
#[tokio::test]
async fn asks_for_the_token() {
    let running = start_with(|_| {}, Some("s3cret")).await;
    let channel = connect(running.grpc).await;
    let path = path(Signal::Logs);
    let status = call(&channel, path, &[], framed(0, b"")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let token = [("authorization", "Bearer s3cret")];
    let (headers, body) = call(&channel, path, &token, framed(0, b"")).await.unwrap();
    assert!(body.is_empty());
    assert_eq!(
        headers["grpc-accept-encoding"],
        "gzip,zstd,deflate,identity"
    );
}

/// Scenario: unknown methods, an unknown compression, broken framing, a body that is not OTLP.
/// Guarantees: UNIMPLEMENTED and INVALID_ARGUMENT with BadRequest; none is retried by a client.
#[tokio::test]
async fn refuses_what_is_not_otlp() {
    let running = start().await;
    let channel = connect(running.grpc).await;
    let check = async |path: &str, headers, body, code| {
        let status = call(&channel, path, headers, body).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
        assert!(status.get_details_retry_info().is_none());
        status
    };
    let traces = path(Signal::Traces);
    check(
        "/opentelemetry.X/Export",
        &[],
        framed(0, b""),
        Code::Unimplemented,
    )
    .await;
    let brotli = &[("grpc-encoding", "br")];
    check(traces, brotli, framed(1, b""), Code::Unimplemented).await;
    check(traces, &[], Bytes::new(), Code::InvalidArgument).await;
    check(traces, &[], framed(1, b"abc"), Code::InvalidArgument).await;
    check(
        traces,
        &[],
        framed(0, b"abc").slice(..6),
        Code::InvalidArgument,
    )
    .await;
    let two = [framed(0, b""), framed(0, b"")].concat();
    check(traces, &[], two.into(), Code::InvalidArgument).await;
    let gzip = &[("grpc-encoding", "gzip")];
    check(traces, gzip, framed(1, b"not gzip"), Code::InvalidArgument).await;
    let malformed = framed(0, b"\x0a\xff\xff\xff\xff\x0f");
    let status = check(traces, &[], malformed, Code::InvalidArgument).await;
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations[0].description, status.message());
}

/// Scenario: messages over the limit by their prefix, as sent, and after decompression.
/// Guarantees: RESOURCE_EXHAUSTED without RetryInfo: the client drops it.
#[tokio::test]
async fn refuses_messages_over_the_limit() {
    let running = start_with(|config| config.body_bytes_max = ByteSize::mib(1), None).await;
    let channel = connect(running.grpc).await;
    let check = |result: Result<_, Status>| {
        let status = result.map(drop).unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert!(status.get_details_retry_info().is_none());
    };
    let claimed = Bytes::from_static(b"\0\xff\xff\xff\xffab");
    check(call(&channel, path(Signal::Traces), &[], claimed).await);
    for encoding in ENCODINGS {
        let large = vec![0; 8 << 20];
        check(
            export(&channel, Signal::Metrics, encoding, &large)
                .await
                .map(drop_bytes),
        );
    }
    assert!(
        export(&channel, Signal::Metrics, ContentEncoding::Gzip, b"")
            .await
            .is_ok()
    );
}

fn drop_bytes(bytes: Bytes) -> (HeaderMap, Bytes) {
    (HeaderMap::new(), bytes)
}

/// Scenario: a message over the budget of bytes in flight.
/// Guarantees: UNAVAILABLE with RetryInfo, decoded from grpc-status-details-bin.
#[tokio::test]
async fn asks_to_come_again_when_overloaded() {
    let change = |config: &mut Config| config.in_flight_bytes_max = ByteSize::kib(100);
    let running = start_with(change, None).await;
    let channel = connect(running.grpc).await;
    for encoding in ENCODINGS {
        let plain = vec![0; 1 << 20];
        let status = export(&channel, Signal::Traces, encoding, &plain)
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        let delay = status.get_details_retry_info().unwrap().retry_delay;
        assert_eq!(delay, Some(std::time::Duration::from_secs(1)));
    }
}

/// Scenario: the health check; OTLP/HTTP sent to the gRPC port, and gRPC to the HTTP port.
/// Guarantees: SERVING; both ports take both, so a wrong port number loses nothing.
#[tokio::test]
async fn takes_both_protocols_on_both_ports() {
    let running = start_with(|_| {}, None).await;
    let channel = connect(running.grpc).await;
    let health = "/grpc.health.v1.Health/Check";
    let (_, body) = call(&channel, health, &[], framed(0, b"")).await.unwrap();
    assert_eq!(&body[..], [8, 1]);
    assert_eq!(
        post(running.grpc, Signal::Traces, JSON, b"{}").await.status,
        200
    );
    let channel = connect(running.http).await;
    assert!(
        export(&channel, Signal::Traces, ContentEncoding::Zstd, b"")
            .await
            .is_ok()
    );
}

/// Scenario: 500 empty calls at once on one connection: more than it may have streams.
/// Guarantees: all are answered.
#[tokio::test]
async fn answers_many_calls_at_once() {
    let running = start().await;
    let channel = connect(running.grpc).await;
    let calls: FuturesUnordered<_> = (0..500)
        .map(|n| export(&channel, Signal::ALL[n % 3], ContentEncoding::Identity, b""))
        .collect();
    assert_eq!(
        calls
            .filter(|call| std::future::ready(call.is_ok()))
            .count()
            .await,
        500
    );
}
