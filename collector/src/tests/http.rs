//! OTLP/HTTP as a client sees it: what is refused, and how.

use std::time::Duration;

use bytesize::ByteSize;

use super::*;

/// Scenario: a token is set; requests with none, a wrong one and the right one, in both formats.
/// Guarantees: 401 with a Status in the request's format, before anything else is looked at.
#[tokio::test]
async fn asks_for_the_token() {
    let running = start_with(|_| {}, Some("s3cret")).await;
    let reply = post(running.http, Signal::Traces, PROTOBUF, b"").await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    assert_eq!(reply.status_body().code, 16);
    let wrong = format!("{JSON}authorization: Bearer wrong!\r\n");
    let reply = post(running.http, Signal::Traces, &wrong, b"{}").await;
    assert_eq!(reply.status, 401);
    let status: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(status["code"], 16);
    let right = format!("{PROTOBUF}authorization: Bearer s3cret\r\n");
    assert_eq!(
        post(running.http, Signal::Traces, &right, b"").await.status,
        200
    );
}

/// Scenario: empty requests of all signals in both formats.
/// Guarantees: 200, an empty response of the same format.
#[tokio::test]
async fn takes_empty_requests() {
    let running = start().await;
    for signal in Signal::ALL {
        let reply = post(running.http, signal, PROTOBUF, b"").await;
        assert_eq!((reply.status.as_u16(), &reply.body[..]), (200, &b""[..]));
        assert_eq!(reply.header("content-type"), Some("application/x-protobuf"));
        let reply = post(running.http, signal, JSON, b"{}").await;
        assert_eq!((reply.status.as_u16(), &reply.body[..]), (200, &b"{}"[..]));
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
}

/// Scenario: other types, other compressions, other methods, other paths.
/// Guarantees: 415, 405 and 404; nothing of it is retried by a client.
#[tokio::test]
async fn refuses_what_is_not_otlp() {
    let running = start().await;
    for headers in [
        "",
        "content-type: text/plain\r\n",
        "content-type: application/x-protobuf\r\ncontent-encoding: br\r\n",
        "content-type: application/x-protobuf\r\ncontent-encoding: gzip, gzip\r\n",
    ] {
        let reply = post(running.http, Signal::Logs, headers, b"anything").await;
        assert_eq!(reply.status, 415, "{headers}");
        assert!(reply.header("retry-after").is_none());
    }
    let reply = send(running.http, "GET /v1/traces HTTP/1.1\r\n", b"").await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("allow")),
        (405, Some("POST"))
    );
    assert_eq!(
        send(running.http, "GET /v1/profiles HTTP/1.1\r\n", b"")
            .await
            .status,
        404
    );
}

/// Scenario: bytes that are no protobuf, no JSON and no gzip.
/// Guarantees: 400 with a Status in the request's format that says what is wrong.
#[tokio::test]
async fn refuses_malformed_bodies() {
    let running = start().await;
    for signal in Signal::ALL {
        let reply = post(running.http, signal, PROTOBUF, b"\x0a\xff\xff\xff\xff\x0f").await;
        assert_eq!(reply.status, 400);
        let status = reply.status_body();
        assert!(
            status.code == 3 && status.message.contains("OTLP"),
            "{status:?}"
        );
        let reply = post(running.http, signal, JSON, b"{\"resourceSpans\": 7").await;
        assert_eq!(reply.status, 400);
        let status: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(status["code"], 3);
        for encoding in ["gzip", "zstd", "deflate"] {
            let headers = format!("{PROTOBUF}content-encoding: {encoding}\r\n");
            let reply = post(running.http, signal, &headers, b"not compressed").await;
            assert_eq!(reply.status, 400);
            assert!(reply.status_body().message.contains(encoding));
        }
    }
}

/// Scenario: a body over the limit by its declared length, in chunks, and after decompression
/// (a small bomb and one that is inflated off the async threads).
/// Guarantees: 413 with a Status, without Retry-After; the server goes on.
#[tokio::test]
async fn refuses_bodies_over_the_limit() {
    let running = start_with(|config| config.body_bytes_max = ByteSize::mib(2), None).await;
    let check = |reply: Reply| {
        assert_eq!(reply.status, 413);
        assert_eq!(reply.status_body().code, 8);
        assert!(reply.header("retry-after").is_none());
    };
    let large = vec![0; 12 << 20];
    check(post(running.http, Signal::Traces, PROTOBUF, &large).await);
    let mut chunks = Vec::new();
    for chunk in large.chunks(1 << 20) {
        write!(chunks, "{:x}\r\n", chunk.len()).unwrap();
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    let head = format!("POST /v1/traces HTTP/1.1\r\n{PROTOBUF}transfer-encoding: chunked\r\n");
    check(send(running.http, &head, &chunks).await);
    for encoding in &ENCODINGS[1..] {
        for plain in [&large, &vec![0; 64 << 20]] {
            let (name, body) = pack(*encoding, plain);
            let headers = format!("{PROTOBUF}content-encoding: {name}\r\n");
            check(post(running.http, Signal::Traces, &headers, &body).await);
        }
    }
    assert_eq!(
        post(running.http, Signal::Traces, PROTOBUF, b"")
            .await
            .status,
        200
    );
}

/// Scenario: more bytes in flight than the budget, declared and after decompression; a delay of
/// 1.5 s to ask for.
/// Guarantees: 503, Retry-After in whole seconds, RetryInfo in the body; then all is well again.
#[tokio::test]
async fn asks_to_come_again_when_overloaded() {
    let change = |config: &mut Config| {
        config.in_flight_bytes_max = ByteSize::kib(100);
        config.retry_after = Duration::from_millis(1500);
    };
    let running = start_with(change, None).await;
    let plain = vec![0; 1 << 20];
    let (_, packed) = pack(ContentEncoding::Gzip, &plain);
    let gzip = format!("{PROTOBUF}content-encoding: gzip\r\n");
    for (headers, body) in [(PROTOBUF, &plain), (&gzip, &packed)] {
        let reply = post(running.http, Signal::Metrics, headers, body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("retry-after")),
            (503, Some("2"))
        );
        let status = reply.status_body();
        assert_eq!(status.code, 14);
        let info = tonic_types::pb::RetryInfo::decode(&status.details[0].value[..]).unwrap();
        let delay = info.retry_delay.unwrap();
        assert_eq!((delay.seconds, delay.nanos), (1, 500_000_000));
    }
    assert_eq!(
        post(running.http, Signal::Metrics, PROTOBUF, b"")
            .await
            .status,
        200
    );
}

/// Scenario: ten clients declare 60 KiB each, of a budget of 100, and send nothing more.
/// Guarantees: others are stored meanwhile.
#[tokio::test]
async fn stalled_bodies_keep_nobody_out() {
    let change = |config: &mut Config| config.in_flight_bytes_max = ByteSize::kib(100);
    let running = start_with(change, None).await;
    let head =
        format!("POST /v1/logs HTTP/1.1\r\n{PROTOBUF}host: x\r\ncontent-length: 61440\r\n\r\n");
    let mut stalled = Vec::new();
    for _ in 0..10 {
        let mut stream = tokio::net::TcpStream::connect(running.http).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes())
            .await
            .unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &[0; 10])
            .await
            .unwrap();
        stalled.push(stream);
    }
    // Their calls have begun once each has been read from.
    for _ in 0..20 {
        let reply = post(running.http, Signal::Metrics, PROTOBUF, b"").await;
        assert_eq!(reply.status, 200);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(stalled);
}

/// Scenario: a client that sends ten bytes of a hundred, and waits.
/// Guarantees: it is answered 503 after `body_timeout`, and holds nothing.
#[tokio::test]
async fn does_not_wait_for_slow_bodies() {
    let change = |config: &mut Config| config.body_timeout = Duration::from_millis(50);
    let running = start_with(change, None).await;
    let head = format!("POST /v1/logs HTTP/1.1\r\n{PROTOBUF}content-length: 100\r\n");
    assert_eq!(send(running.http, &head, b"0123456789").await.status, 503);
}

/// Scenario: browsers of an allowed and of another origin, preflight and request; any origin; none.
/// Guarantees: only what is configured is allowed; custom headers are; without origins no word.
#[tokio::test]
async fn answers_browsers() {
    let origins = |origins: &[&str]| {
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        |config: &mut Config| config.cors_origins = origins
    };
    let preflight = |origin: &str| {
        format!(
            "OPTIONS /v1/traces HTTP/1.1\r\norigin: {origin}\r\n\
             access-control-request-method: POST\r\n\
             access-control-request-headers: content-type,traceparent,x-shop\r\n"
        )
    };
    let allowed = |reply: &Reply| {
        reply
            .header("access-control-allow-origin")
            .map(str::to_owned)
    };
    let some = start_with(origins(&["https://shop.example"]), Some("s3cret")).await;
    let reply = send(some.http, &preflight("https://shop.example"), b"").await;
    assert_eq!(reply.status, 200);
    assert_eq!(allowed(&reply).as_deref(), Some("https://shop.example"));
    assert_eq!(reply.header("access-control-allow-methods"), Some("POST"));
    let headers = reply.header("access-control-allow-headers");
    assert_eq!(headers, Some("content-type,traceparent,x-shop"));
    let reply = send(some.http, &preflight("https://other.example"), b"").await;
    assert_eq!(allowed(&reply), None);
    let headers = format!("{JSON}origin: https://shop.example\r\n");
    let reply = post(some.http, Signal::Traces, &headers, b"{}").await;
    assert_eq!(
        reply.status, 401,
        "the answer says why, so the page must be able to read it"
    );
    assert_eq!(allowed(&reply).as_deref(), Some("https://shop.example"));

    let any = start_with(origins(&["*"]), None).await;
    let reply = post(any.http, Signal::Traces, &headers, b"{}").await;
    assert_eq!(
        (reply.status.as_u16(), allowed(&reply).as_deref()),
        (200, Some("*"))
    );
    assert!(reply.header("access-control-allow-credentials").is_none());

    let none = start().await;
    let reply = send(none.http, &preflight("https://shop.example"), b"").await;
    assert_eq!((reply.status.as_u16(), allowed(&reply)), (405, None));
}
