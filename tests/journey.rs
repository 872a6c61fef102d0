//! The shop corpus on its way through the real binary: sent over every transport, then asked for in
//! SQL while it is in buffers, after a crash, after a graceful stop, and after compaction. Each time
//! the figures must be those of truth.json, each row exactly once.

mod logs;
mod metrics;
mod traces;
pub(crate) mod truth;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use oriel_proto::Signal;
use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use crate::ask::{Api, int};
use crate::support::Server;
use crate::wire::{Encoding, Grpc, Http, JSON, PROTOBUF};
use truth::{Truth, corpus, requests};

/// Keeps all of the corpus however old it is by now, and all of it in buffers.
pub(crate) const KEEP: &[(&str, &str)] = &[
    ("ORIEL_STORAGE_RETENTION_TRACES", "0s"),
    ("ORIEL_STORAGE_RETENTION_LOGS", "0s"),
    ("ORIEL_STORAGE_RETENTION_METRICS", "0s"),
    ("ORIEL_STORAGE_FLUSH_INTERVAL", "1h"),
    ("ORIEL_STORAGE_FLUSH_BYTES", "400 MiB"),
];

/// How requests travel.
#[derive(Debug, Clone, Copy)]
enum Way {
    Grpc(Encoding),
    Http(Encoding),
    Json(Encoding),
}

/// Sends all requests of the corpus, eight at once, `times` times each.
async fn replay(server: &Server, way: Way, times: usize) {
    for signal in Signal::ALL {
        replay_some(server, way, times, signal, requests(signal)).await;
    }
}

async fn replay_some(
    server: &Server,
    way: Way,
    times: usize,
    signal: Signal,
    bodies: Vec<Vec<u8>>,
) {
    let grpc = Arc::new(Grpc::new(server.grpc()));
    let http = Arc::new(Http::new(&server.otlp_url()));
    let sends = bodies
        .into_iter()
        .flat_map(|body| std::iter::repeat_n(Arc::new(body), times))
        .map(|body| {
            let (grpc, http) = (Arc::clone(&grpc), Arc::clone(&http));
            async move { send(&grpc, &http, way, signal, &body).await }
        });
    let mut running = futures::stream::iter(sends).buffer_unordered(8);
    while running.next().await.is_some() {}
}

async fn send(grpc: &Grpc, http: &Http, way: Way, signal: Signal, body: &[u8]) {
    let (answer, rejected) = match way {
        Way::Grpc(encoding) => {
            let answer = grpc.export(signal, body, encoding).await;
            (
                "gRPC".to_owned(),
                answer
                    .map(|bytes| crate::wire::partial_success(&bytes).0)
                    .unwrap(),
            )
        }
        Way::Http(encoding) => {
            let answer = http.export(signal, body, PROTOBUF, encoding).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            (
                answer.content_type.clone(),
                crate::wire::partial_success(&answer.body).0,
            )
        }
        Way::Json(encoding) => {
            let answer = http
                .export(signal, &json_of(signal, body), JSON, encoding)
                .await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let rejected = answer.json()["partialSuccess"].clone();
            (
                answer.content_type.clone(),
                rejected.as_object().map_or(0, |o| o.len() as i64),
            )
        }
    };
    assert_eq!(rejected, 0, "records rejected, answer {answer}");
}

/// The same request as OTLP/JSON.
pub(crate) fn json_of(signal: Signal, body: &[u8]) -> Vec<u8> {
    match signal {
        Signal::Traces => serde_json::to_vec(&ExportTraceServiceRequest::decode(body).unwrap()),
        Signal::Metrics => serde_json::to_vec(&ExportMetricsServiceRequest::decode(body).unwrap()),
        Signal::Logs => serde_json::to_vec(&ExportLogsServiceRequest::decode(body).unwrap()),
    }
    .unwrap()
}

/// Scenario: the corpus by HTTP/protobuf with gzip; asked at once, after kill -9 and restart, after
/// a graceful stop and restart.
/// Guarantees: every figure of truth.json each time: acknowledged means visible, durable, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shop_survives_a_crash_and_a_restart() {
    let truth = Truth::read();
    let mut server = Server::start_with(&[], KEEP).await;
    replay(&server, Way::Http(Encoding::Gzip), 1).await;
    truth.check(&Api::new(&server.url()), "in buffers").await;
    assert_eq!(parts(&server).await, 0, "flushed too early to test buffers");
    server.kill9();
    server.restart().await;
    truth.check(&Api::new(&server.url()), "after kill -9").await;
    assert!(server.stop().success());
    server.restart().await;
    assert!(parts(&server).await > 0, "a graceful stop flushes");
    truth
        .check(&Api::new(&server.url()), "after a graceful stop")
        .await;
    assert!(server.stop().success());
}

/// The number of parts.
async fn parts(server: &Server) -> i64 {
    int(&Api::new(&server.url()).status().await["store"]["parts"])
}

/// Scenario: the corpus by plain gRPC into a store that flushes all the time and does not merge;
/// then the same directory with an eager compaction.
/// Guarantees: many parts become few, and every figure of truth.json holds before and after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shop_survives_compaction() {
    let truth = Truth::read();
    let mut server = Server::start_with(&[], &KEEP[..3]).await;
    server.set_var("ORIEL_STORAGE_FLUSH_INTERVAL", "100ms");
    server.set_var("ORIEL_STORAGE_COMPACT_INTERVAL", "1h");
    server.restart().await;
    let mut rest = requests(Signal::Traces);
    for signal in [Signal::Logs, Signal::Metrics] {
        replay_some(
            &server,
            Way::Grpc(Encoding::Plain),
            1,
            signal,
            requests(signal),
        )
        .await;
    }
    while !rest.is_empty() {
        let some = rest.split_off(rest.len().saturating_sub(60));
        let before = parts(&server).await;
        replay_some(&server, Way::Grpc(Encoding::Plain), 1, Signal::Traces, some).await;
        wait_for("a flush", async || parts(&server).await > before).await;
    }
    let many = parts(&server).await;
    assert!(many >= 18, "only {many} parts to compact");
    truth.check(&Api::new(&server.url()), "in many parts").await;
    assert!(server.stop().success());
    server.set_var("ORIEL_STORAGE_COMPACT_INTERVAL", "100ms");
    server.set_var("ORIEL_STORAGE_COMPACT_PARTS_MIN", "2");
    server.restart().await;
    wait_for("a compaction", async || parts(&server).await <= 8).await;
    truth.check(&Api::new(&server.url()), "compacted").await;
    server.kill9();
    server.restart().await;
    truth
        .check_totals(&Api::new(&server.url()), "compacted, then killed")
        .await;
    assert!(server.stop().success());
}

/// Polls until `so`, for a minute at most.
pub(crate) async fn wait_for(what: &str, so: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !so().await {
        assert!(Instant::now() < end, "no {what} within a minute");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Scenario: the corpus as OTLP/JSON with zstd over HTTP.
/// Guarantees: JSON says exactly what protobuf says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shop_by_json() {
    let mut server = Server::start_with(&[], KEEP).await;
    replay(&server, Way::Json(Encoding::Zstd), 1).await;
    Truth::read()
        .check(&Api::new(&server.url()), "sent as JSON")
        .await;
    assert!(server.stop().success());
}

/// Scenario: every request of the corpus three times, the copies racing, the third after kill -9
/// and restart; by gRPC with gzip, then by HTTP, so the copies differ in encoding too.
/// Guarantees: a retry is answered OK and counted once, also across a crash and transports.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_are_stored_once() {
    let truth = Truth::read();
    let mut server = Server::start_with(&[], KEEP).await;
    replay(&server, Way::Grpc(Encoding::Gzip), 2).await;
    truth
        .check_totals(&Api::new(&server.url()), "each sent twice")
        .await;
    server.kill9();
    server.restart().await;
    replay(&server, Way::Http(Encoding::Plain), 1).await;
    truth
        .check_totals(&Api::new(&server.url()), "sent again after a crash")
        .await;
    assert!(server.stop().success());
    server.restart().await;
    replay(&server, Way::Grpc(Encoding::Zstd), 1).await;
    truth
        .check_totals(&Api::new(&server.url()), "sent again after a flush")
        .await;
    assert!(server.stop().success());
}

/// Scenario: `oriel send` with the three files, by gRPC and gzip, and again by HTTP and zstd.
/// Guarantees: the command sends everything, and its second run is a retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oriel_send_replays_files() {
    let mut server = Server::start_with(&[], KEEP).await;
    let files = Signal::ALL.map(|s| {
        corpus()
            .join(format!("{s}.binpb.zst"))
            .display()
            .to_string()
    });
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let ways = [
        vec![
            "send",
            "--quiet",
            "--grpc",
            &server.grpc().to_string(),
            "--compression",
            "gzip",
        ],
        vec![
            "send",
            "--quiet",
            "--http",
            &server.otlp_url(),
            "--compression",
            "zstd",
        ],
    ]
    .map(|way| way.into_iter().map(str::to_owned).collect::<Vec<String>>());
    for way in ways {
        let args: Vec<&str> = way
            .iter()
            .map(String::as_str)
            .chain(files.iter().copied())
            .collect();
        let output = server.oriel(&args);
        assert!(output.status.success(), "{args:?}\n{output:?}");
        Truth::read()
            .check_totals(&Api::new(&server.url()), &args.join(" "))
            .await;
    }
    assert!(server.stop().success());
}

/// One of the official OTLP/JSON examples.
fn example(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/otlp-examples");
    std::fs::read(format!("{folder}/{name}.json")).unwrap()
}

/// Scenario: the official OTLP/JSON examples, whose times are of 2018, with the default retention;
/// half to port 4318, half to the API's port; asked before and after a flush.
/// Guarantees: every field comes out as it went in, and old event times are not retention's prey.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn official_examples_are_told_back() {
    let mut server = Server::start().await;
    let (otlp, api) = (Http::new(&server.otlp_url()), Http::new(&server.url()));
    for (to, signal, name) in [
        (&otlp, Signal::Traces, "trace"),
        (&api, Signal::Logs, "logs"),
        (&otlp, Signal::Logs, "events"),
        (&api, Signal::Metrics, "metrics"),
    ] {
        let answer = to
            .export(signal, &example(name), JSON, Encoding::Plain)
            .await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, serde_json::json!({})),
            "{name}"
        );
    }
    examples(&Api::new(&server.url()), "in buffers").await;
    assert!(server.stop().success());
    server.restart().await;
    examples(&Api::new(&server.url()), "in parts").await;
    assert!(server.stop().success());
}

async fn examples(api: &Api, stage: &str) {
    let mut checks = crate::check::Checks::new(stage);
    for (sql, want) in EXAMPLES {
        let rows = api.rows(sql).await;
        let want: serde_json::Value = serde_json::from_str(want).unwrap();
        checks.eq(sql, serde_json::to_value(rows).unwrap(), want);
    }
    let id = "5b8efff798038103d269b633813fc60c";
    let trace = api.get(&format!("/api/v1/traces/{id}")).await.json();
    let span = &trace["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    checks.eq("traceId", &span["traceId"], &serde_json::json!(id));
    checks.eq(
        "startTimeUnixNano",
        &span["startTimeUnixNano"],
        &serde_json::json!("1544712660000000000"),
    );
    let attribute =
        serde_json::json!([{"key": "my.span.attr", "value": {"stringValue": "some value"}}]);
    checks.eq("attributes", &span["attributes"], &attribute);
    checks.finish();
}

/// Statements and their rows.
const EXAMPLES: [(&str, &str); 8] = [
    (
        "SELECT trace_id, span_id, parent_span_id, name, kind, start_time, end_time, duration, status_code,
           service_name, scope_name, scope_version, attributes['my.span.attr'], attributes, trace_state FROM spans",
        r#"[["5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "eee19b7ec3c1b173", "I'm a server span",
           "SERVER", "2018-12-13T14:51:00.000000000Z", "2018-12-13T14:51:01.000000000Z", 1000000000, "UNSET",
           "my.service", "my.library", "1.0.0", "some value", "{\"my.span.attr\":\"some value\"}", null]]"#,
    ),
    (
        "SELECT count(*) FROM spans WHERE trace_id = '5B8EFFF798038103D269B633813FC60C'
           AND span_id = 'eee19b7ec3c1b174'",
        "[[1]]",
    ),
    (
        "SELECT timestamp, severity_number, severity_text, body, body_json, trace_id, span_id,
           attributes['string.attribute'], attributes['boolean.attribute'], attributes['int.attribute'] + 1,
           attributes['double.attribute'] * 2
         FROM logs WHERE event_name IS NULL",
        r#"[["2018-12-13T14:51:00.300000000Z", 10, "Information", "Example log record", null,
           "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "some string", "true", 11.0, 1275.408]]"#,
    ),
    (
        "SELECT attributes FROM logs WHERE event_name IS NULL",
        r#"[["{\"string.attribute\":\"some string\",\"boolean.attribute\":true,\"int.attribute\":10,\"double.attribute\":637.704,\"array.attribute\":[\"many\",\"values\"],\"map.attribute\":{\"some.map.key\":\"some value\"}}"]]"#,
    ),
    (
        "SELECT event_name, body = body_json, body FROM logs WHERE event_name IS NOT NULL",
        r#"[["browser.page_view", true, "{\"type\":0,\"url\":\"https://www.guidgenerator.com/online-guid-generator.aspx\",\"referrer\":\"https://wwww.google.com\",\"title\":\"Free Online GUID Generator\"}"]]"#,
    ),
    (
        "SELECT name, type, unit, description, temporality, is_monotonic, value, value_int FROM metrics
         WHERE type IN ('sum', 'gauge') ORDER BY name",
        r#"[["my.counter", "sum", "1", "I am a Counter", "delta", true, 5.0, null],
            ["my.gauge", "gauge", "1", "I am a Gauge", null, null, 10.0, null]]"#,
    ),
    (
        "SELECT name, count, sum, min, max, bucket_counts, explicit_bounds FROM metrics WHERE type = 'histogram'",
        r#"[["my.histogram", 2, 2.0, 0.0, 2.0, [1, 1], [1.0]]]"#,
    ),
    (
        "SELECT name, count, sum, scale, zero_count, zero_threshold, positive_offset, positive_bucket_counts
         FROM metrics WHERE type = 'exponential_histogram'",
        r#"[["my.exponential.histogram", 3, 10.0, 0, 1, 0.0, 1, [0, 2]]]"#,
    ),
];
