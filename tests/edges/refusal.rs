//! What is refused: the status that tells a client whether to retry, a text that says why, nothing
//! stored, and nobody else disturbed.

use std::io::Write;

use oriel_proto::Signal;
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt;

use super::{log, log_request, span, trace_request};
use crate::ask::Api;
use crate::check::Checks;
use crate::support::Server;
use crate::wire::{Encoding, Grpc, Http, JSON, PROTOBUF};

/// Scenario: garbage, truncation, wrong wire types, absurd lengths, broken compression, in protobuf
/// and JSON, by gRPC and HTTP; each behind a good span in the same body.
/// Guarantees: 400 or INVALID_ARGUMENT with a `google.rpc.Status` in the request's encoding, nothing
/// of it stored, and the next good request works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_requests_are_refused_whole() {
    let mut server = Server::start().await;
    let (grpc, http) = (Grpc::new(server.grpc()), Http::new(&server.otlp_url()));
    let mut checks = Checks::new("malformed");
    let good = trace_request("malformed", vec![span(1, "must not be stored")]);
    let broken: [(&str, Vec<u8>); 6] = [
        ("truncated", good[..good.len() - 3].to_vec()),
        (
            "garbage behind",
            [good.as_slice(), b"\xff\xff\xff\xff"].concat(),
        ),
        (
            "length beyond the end",
            [good.as_slice(), b"\x0a\xff\xff\xff\xff\x0f"].concat(),
        ),
        (
            "varint too long",
            [good.as_slice(), &[0x08], &[0x80; 11]].concat(),
        ),
        (
            "wrong wire type",
            [good.as_slice(), b"\x0d\x01\x02\x03\x04"].concat(),
        ),
        ("field number 0", [good.as_slice(), b"\x02\x00"].concat()),
    ];
    for (what, body) in &broken {
        for encoding in [Encoding::Plain, Encoding::Gzip] {
            let status = grpc
                .export(Signal::Traces, body, encoding)
                .await
                .unwrap_err();
            checks.eq(
                &format!("gRPC {what}: {status}"),
                status.code(),
                Code::InvalidArgument,
            );
            let answer = http.export(Signal::Traces, body, PROTOBUF, encoding).await;
            checks.eq(&format!("HTTP {what}"), answer.status, 400);
            checks.eq(
                &format!("type {what}"),
                answer.content_type.as_str(),
                PROTOBUF,
            );
            if answer.status == 400 {
                checks.yes(&format!("text {what}"), !answer.rpc_status().1.is_empty());
            }
        }
    }
    let texts = [
        "{",
        "",
        "[]",
        "null",
        "{\"resourceSpans\": 3}",
        "{\"resourceSpans\": [{\"scopeSpans\": ",
        "{\"resourceSpans\": [{\"scopeSpans\": [{\"spans\": [{\"traceId\": \"xyz\"}]}]}]}",
    ];
    for body in texts {
        let answer = http
            .export(Signal::Traces, body.as_bytes(), JSON, Encoding::Plain)
            .await;
        checks.eq(&format!("JSON {body:?}"), answer.status, 400);
        checks.yes(
            &format!("JSON type {body:?}"),
            answer.content_type.starts_with(JSON),
        );
        if answer.status == 400 {
            let (code, message) = answer.rpc_status();
            checks.eq(&format!("JSON code {body:?}"), code, 3);
            checks.yes(&format!("JSON text {body:?}"), !message.is_empty());
        }
    }
    let compressed = Encoding::Gzip.apply(&good);
    for (what, body) in [
        ("cut", &compressed[..compressed.len() - 9]),
        ("not gzip", &good[..]),
    ] {
        let headers = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
        let answer = http.post("/v1/traces", body.to_vec(), &headers).await;
        checks.eq(&format!("gzip {what}"), answer.status, 400);
    }
    let api = Api::new(&server.url());
    checks.eq("stored", api.int("SELECT count(*) FROM spans").await, 0);
    let answer = http
        .export(Signal::Traces, &good, PROTOBUF, Encoding::Plain)
        .await;
    checks.eq("a good request afterwards", answer.status, 200);
    checks.eq(
        "stored afterwards",
        api.int("SELECT count(*) FROM spans").await,
        1,
    );
    checks.finish();
    assert!(server.stop().success());
}

/// Scenario: wrong content type, unknown encoding, wrong method, wrong path, unknown gRPC method.
/// Guarantees: 415, 405, 404 and UNIMPLEMENTED, which clients do not retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_types_and_paths_are_refused() {
    let mut server = Server::start().await;
    let http = Http::new(&server.otlp_url());
    let mut checks = Checks::new("types and paths");
    for kind in ["text/plain", "application/xml", "application/octet-stream"] {
        let answer = http.export(Signal::Logs, b"", kind, Encoding::Plain).await;
        checks.eq(kind, answer.status, 415);
    }
    let headers = [("content-type", PROTOBUF), ("content-encoding", "br")];
    checks.eq(
        "br",
        http.post("/v1/logs", b"x".to_vec(), &headers).await.status,
        415,
    );
    checks.eq("GET", http.get("/v1/logs").await.status, 405);
    let answer = http
        .post("/v1/profiles", Vec::new(), &[("content-type", PROTOBUF)])
        .await;
    checks.eq("path", answer.status, 404);
    let json = http.export(
        Signal::Logs,
        b"{}",
        "application/json; charset=utf-8",
        Encoding::Plain,
    );
    checks.eq("a charset", json.await.status, 200);
    let grpc = Grpc::new(server.grpc());
    let path = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";
    let status = grpc.call(path, b"", Encoding::Plain).await.unwrap_err();
    checks.eq("gRPC service", status.code(), Code::Unimplemented);
    checks.finish();
    assert!(server.stop().success());
}

/// One nested attribute of `depth` levels, in protobuf, as a field of a log record's body.
fn nested_log(depth: usize) -> Vec<u8> {
    fn field(tag: u8, inner: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        prost::encoding::encode_varint(inner.len() as u64, &mut out);
        out.extend_from_slice(inner);
        out
    }
    let mut value = Vec::new();
    for _ in 0..depth {
        value = field(0x2A, &field(0x0A, &value)); // AnyValue.array_value { values: [value] }
    }
    let record = field(0x2A, &value); // LogRecord.body
    field(0x0A, &field(0x12, &field(0x12, &record)))
}

/// Scenario: bodies and attributes nested 10,000 and 100,000 deep, in protobuf and in JSON.
/// Guarantees: refused for good, without a stack overflow: the server lives on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_nesting_is_refused() {
    let mut server = Server::start().await;
    let (grpc, http) = (Grpc::new(server.grpc()), Http::new(&server.otlp_url()));
    let mut checks = Checks::new("nesting");
    for depth in [10_000, 30_000] {
        let body = nested_log(depth);
        let status = grpc.export(Signal::Logs, &body, Encoding::Plain).await;
        checks.eq(
            "gRPC",
            status.map_err(|s| s.code()),
            Err(Code::InvalidArgument),
        );
        let answer = http
            .export(Signal::Logs, &body, PROTOBUF, Encoding::Gzip)
            .await;
        checks.eq("protobuf", answer.status, 400);
        let text = format!(
            r#"{{"resourceLogs": [{{"scopeLogs": [{{"logRecords": [{{"body": {}{}}}]}}]}}]}}"#,
            r#"{"arrayValue": {"values": ["#.repeat(depth),
            "]}}".repeat(depth)
        );
        let answer = http
            .export(Signal::Logs, text.as_bytes(), JSON, Encoding::Plain)
            .await;
        checks.eq("JSON", answer.status, 400);
        let text = format!(
            r#"{{"unknown": {}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        );
        let answer = http
            .export(Signal::Logs, text.as_bytes(), JSON, Encoding::Plain)
            .await;
        checks.yes(
            "JSON in an unknown field",
            [200, 400].contains(&answer.status),
        );
    }
    let answer = grpc
        .export(Signal::Logs, &nested_log(20), Encoding::Plain)
        .await;
    checks.yes("20 deep", answer.is_ok());
    let api = Api::new(&server.url());
    checks.eq("stored", api.int("SELECT count(*) FROM logs").await, 1);
    let sql = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    checks.eq("SQL nested", api.post(&sql).await.status, 400);
    checks.finish();
    assert!(server.stop().success());
}

/// A line of /proc/PID/status in KiB.
fn memory(server: &Server, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let found = status
        .lines()
        .find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))
        .unwrap();
    found.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Scenario: small bodies that inflate to 1 GiB, by gzip and zstd, HTTP and gRPC, three at once.
/// Guarantees: 413 or RESOURCE_EXHAUSTED without retry advice; the most memory ever held grows by
/// far less than what the bodies would inflate to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compression_bomb_is_refused() {
    let mut server = Server::start().await;
    let (grpc, http) = (Grpc::new(server.grpc()), Http::new(&server.otlp_url()));
    let zeros = vec![0; 1 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..256 {
        gzip.write_all(&zeros).unwrap();
        (0..4).for_each(|_| zstd.write_all(&zeros).unwrap());
    }
    let bodies = [
        (Encoding::Gzip, gzip.finish().unwrap()),
        (Encoding::Zstd, zstd.finish().unwrap()),
    ];
    let mut checks = Checks::new("bombs");
    let before = memory(&server, "VmHWM");
    for (encoding, body) in &bodies {
        let name = encoding.name().unwrap();
        let headers = [("content-type", PROTOBUF), ("content-encoding", name)];
        let posts = (0..3).map(|_| http.post("/v1/traces", body.clone(), &headers));
        for answer in futures::future::join_all(posts).await {
            checks.eq(&format!("HTTP {name}"), answer.status, 413);
        }
        let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
        let calls = (0..3).map(|_| grpc.call(path, body, *encoding));
        for answer in futures::future::join_all(calls).await {
            let status = answer.unwrap_err();
            checks.eq(
                &format!("gRPC {name}: {status}"),
                status.code(),
                Code::ResourceExhausted,
            );
            checks.yes("no RetryInfo", status.get_details_retry_info().is_none());
        }
    }
    let grown = (memory(&server, "VmHWM") - before) / 1024;
    checks.yes(
        &format!("memory grew by {grown} MiB at its highest"),
        grown < 400,
    );
    checks.eq(
        "alive",
        http.export(Signal::Logs, b"", PROTOBUF, Encoding::Plain)
            .await
            .status,
        200,
    );
    checks.finish();
    assert!(server.stop().success());
}

/// Scenario: a server with a token; requests without, with a wrong and with the right one.
/// Guarantees: every port refuses the first two (401, UNAUTHENTICATED) and serves the third.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_guards_all_ports() {
    let mut server = Server::start_with(&[], &[("ORIEL_TOKEN", "open-sesame")]).await;
    let mut checks = Checks::new("token");
    let body = log_request("token", vec![log("x")]);
    for (token, allowed) in [
        (None, false),
        (Some("wrong"), false),
        (Some("open-sesame"), true),
    ] {
        let with = |http: Http| match token {
            Some(token) => http.with_token(token),
            None => http,
        };
        for base in [server.otlp_url(), server.url()] {
            let http = with(Http::new(&base));
            let answer = http
                .export(Signal::Logs, &body, PROTOBUF, Encoding::Plain)
                .await;
            checks.eq(
                &format!("{token:?} OTLP"),
                answer.status,
                if allowed { 200 } else { 401 },
            );
        }
        let http = with(Http::new(&server.url()));
        let sql = json!({"sql": "SELECT 1"}).to_string().into_bytes();
        let answer = http
            .post("/api/v1/sql", sql, &[("content-type", JSON)])
            .await;
        checks.eq(
            &format!("{token:?} SQL"),
            answer.status,
            if allowed { 200 } else { 401 },
        );
        let answer = http
            .get(&format!("/api/v1/traces/{}", "01".repeat(16)))
            .await;
        checks.eq(
            &format!("{token:?} trace"),
            answer.status,
            if allowed { 404 } else { 401 },
        );
        let answer = http.get("/api/v1/status").await;
        checks.eq(
            &format!("{token:?} status"),
            answer.status,
            if allowed { 200 } else { 401 },
        );
        let answer = http.get("/metrics").await;
        checks.eq(
            &format!("{token:?} metrics"),
            answer.status,
            if allowed { 200 } else { 401 },
        );
        checks.eq("health", http.get("/health").await.status, 200);
        let grpc = Grpc::new(server.grpc());
        let grpc = match token {
            Some(token) => grpc.with_token(token),
            None => grpc,
        };
        let code = grpc
            .export(Signal::Logs, &body, Encoding::Plain)
            .await
            .map_err(|s| s.code());
        let want = if allowed {
            Ok(())
        } else {
            Err(Code::Unauthenticated)
        };
        checks.eq(&format!("{token:?} gRPC"), code.map(|_| ()), want);
    }
    let api = Api::new(&server.url()).with_token("open-sesame");
    checks.eq("stored once", api.int("SELECT count(*) FROM logs").await, 1);
    checks.finish();
    assert!(server.stop().success());
}

/// Scenario: a store with data is started when the disk has less free than `disk_free_min`.
/// Guarantees: writes are refused with retryable answers (503 + Retry-After, UNAVAILABLE +
/// RetryInfo), reads go on, and with space the same request is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_serves_reads() {
    let mut server = Server::start().await;
    let mut checks = Checks::new("full disk");
    let first = log_request("disk", vec![log("before")]);
    let http = Http::new(&server.otlp_url());
    let answer = http
        .export(Signal::Logs, &first, PROTOBUF, Encoding::Plain)
        .await;
    checks.eq("with space", answer.status, 200);
    assert!(server.stop().success());
    server.set_var("ORIEL_STORAGE_DISK_FREE_MIN", "1000 TiB");
    server.restart().await;
    let (grpc, http) = (Grpc::new(server.grpc()), Http::new(&server.otlp_url()));
    let second = log_request("disk", vec![log("after")]);
    for encoding in [Encoding::Plain, Encoding::Gzip] {
        let answer = http.export(Signal::Logs, &second, PROTOBUF, encoding).await;
        checks.eq("HTTP", answer.status, 503);
        let seconds = answer
            .retry_after
            .as_deref()
            .and_then(|s| s.parse::<u64>().ok());
        checks.yes(
            &format!("Retry-After {seconds:?}"),
            seconds.is_some_and(|s| s > 0),
        );
        let status = grpc
            .export(Signal::Logs, &second, encoding)
            .await
            .unwrap_err();
        checks.eq(&format!("gRPC {status}"), status.code(), Code::Unavailable);
        checks.yes("RetryInfo", status.get_details_retry_info().is_some());
    }
    let api = Api::new(&server.url());
    checks.eq(
        "read",
        api.int("SELECT count(*) FROM logs WHERE body = 'before'")
            .await,
        1,
    );
    checks.eq("alive", api.get("/health").await.status, 200);
    assert!(server.stop().success());
    server.set_var("ORIEL_STORAGE_DISK_FREE_MIN", "1 MiB");
    server.restart().await;
    let http = Http::new(&server.otlp_url());
    let answer = http
        .export(Signal::Logs, &second, PROTOBUF, Encoding::Plain)
        .await;
    checks.eq("with space again", answer.status, 200);
    let api = Api::new(&server.url());
    checks.eq("both", api.int("SELECT count(*) FROM logs").await, 2);
    checks.finish();
    assert!(server.stop().success());
}
