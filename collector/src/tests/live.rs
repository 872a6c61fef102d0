//! What is told of requests: figures by service, refusals with reason and sample.

use axum::body::Body;
use axum::extract::Request;
use http_body_util::BodyExt;
use oriel_proto::otlp::common::v1::{AnyValue, KeyValue, any_value};
use oriel_proto::otlp::resource::v1::Resource;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

async fn ask(running: &Running, path: &str) -> Value {
    let router: axum::Router = running
        .collector
        .api_router(CancellationToken::new())
        .into();
    let request = Request::get(path).body(Body::empty()).unwrap();
    let body = router.oneshot(request).await.unwrap().into_body();
    serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap()
}

/// The first message of the stream.
async fn arrived(running: &Running) -> Value {
    let router: axum::Router = running
        .collector
        .api_router(CancellationToken::new())
        .into();
    let request = Request::get("/api/v1/live").body(Body::empty()).unwrap();
    let mut body = router.oneshot(request).await.unwrap().into_body();
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(frame.to_vec()).unwrap();
    let data = text.strip_prefix("event: arrived\ndata: ").unwrap();
    serde_json::from_str(data.trim()).unwrap()
}

fn of_service(name: Option<&str>, spans: u64, seed: u64) -> ResourceSpans {
    let attributes = name.map(|name| KeyValue {
        key: "service.name".to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(name.to_owned())),
        }),
        ..Default::default()
    });
    let (bytes, _) = request(Signal::Traces, seed, spans);
    let mut made = ExportTraceServiceRequest::decode(&bytes[..]).unwrap();
    let mut resource_spans = made.resource_spans.remove(0);
    resource_spans.resource = Some(Resource {
        attributes: attributes.into_iter().collect(),
        ..Default::default()
    });
    resource_spans
}

/// Scenario: one request with resources a, b, a and one without a name; the same again; one more.
/// Guarantees: records and requests by service, the repeated request counted once, and as duplicate.
#[tokio::test]
async fn counts_by_service() {
    let running = start().await;
    let resource_spans = vec![
        of_service(Some("a"), 2, 1),
        of_service(Some("b"), 3, 2),
        of_service(Some("a"), 4, 3),
        of_service(None, 1, 4),
    ];
    let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    for _ in 0..2 {
        let reply = post(running.http, Signal::Traces, PROTOBUF, &body).await;
        assert_eq!(reply.status, 200);
    }
    let resource_spans = vec![of_service(Some("b"), 1, 5)];
    let more = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    post(running.http, Signal::Traces, PROTOBUF, &more).await;
    let told = arrived(&running).await;
    let of = |service: Value| {
        let mut sources = told["sources"].as_array().unwrap().iter();
        let source = sources.find(|source| source["service"] == service).unwrap();
        assert_eq!(source["signal"], "traces");
        assert!(source["last"].as_str().unwrap().len() == 19);
        (source["records"].as_u64(), source["requests"].as_u64())
    };
    assert_eq!(of(json!("a")), (Some(6), Some(1)));
    assert_eq!(of(json!("b")), (Some(4), Some(2)));
    assert_eq!(of(Value::Null), (Some(1), Some(1)));
    let totals = &told["totals"];
    assert_eq!(
        (&totals["spans"], &totals["requests"], &totals["duplicates"]),
        (&json!(11), &json!(3), &json!(1))
    );
    assert_eq!(totals["bytes"], 2 * body.len() + more.len());
}

/// Scenario: bad JSON, bad protobuf in gzip, a type that is none, a compression that is none, a
/// wrong token, a request of which one span is refused; the last sent twice.
/// Guarantees: each is told with the status as sent, the reason and the start of what was sent,
/// decompressed; nothing of whoever has no token; a retry is not told again.
#[tokio::test]
async fn refusals_are_told() {
    let running = start_with(|_| {}, Some("s3cret")).await;
    let token = "authorization: Bearer s3cret\r\n";
    let send = async |signal, headers: &str, body: &[u8]| {
        post(running.http, signal, &format!("{token}{headers}"), body).await
    };
    send(Signal::Logs, JSON, b"{\"resourceLogs\": 1}").await;
    let (_, packed) = pack(ContentEncoding::Gzip, b"this is not protobuf at all");
    let gzip = format!("{PROTOBUF}content-encoding: gzip\r\n");
    send(Signal::Metrics, &gzip, &packed).await;
    send(
        Signal::Logs,
        "content-type: text/plain\r\n",
        b"a line of a log",
    )
    .await;
    let brotli = format!("{PROTOBUF}content-encoding: br\r\n");
    send(Signal::Logs, &brotli, b"\x01\x02\x03").await;
    post(running.http, Signal::Traces, PROTOBUF, b"secret").await;
    let mut partial = of_service(Some("half"), 2, 9);
    partial.scope_spans[0].spans[1].trace_id = vec![0; 16];
    let resource_spans = vec![partial];
    let partial = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    for _ in 0..2 {
        assert_eq!(send(Signal::Traces, PROTOBUF, &partial).await.status, 200);
    }

    let told = ask(&running, "/api/v1/rejected").await;
    assert_eq!(told["total"], 6, "{told}");
    let list = told["rejected"].as_array().unwrap();
    let facts: Vec<Value> = list
        .iter()
        .map(|one| {
            json!([
                one["signal"],
                one["status"],
                one["records"],
                one["encoding"],
                one["sample_kind"]
            ])
        })
        .collect();
    assert_eq!(
        facts,
        [
            json!(["traces", "200", 1, "", "hex"]),
            json!(["traces", "401", null, "", "text"]),
            json!(["logs", "415", null, "br", "hex"]),
            json!(["logs", "415", null, "", "text"]),
            json!(["metrics", "400", null, "gzip", "text"]),
            json!(["logs", "400", null, "", "text"]),
        ]
    );
    let samples: Vec<&str> = list
        .iter()
        .map(|one| one["sample"].as_str().unwrap())
        .collect();
    assert_eq!(
        samples[1..],
        [
            "",
            "010203",
            "a line of a log",
            "this is not protobuf at all",
            "{\"resourceLogs\": 1}"
        ]
    );
    for one in list {
        assert!(!one["reason"].as_str().unwrap().is_empty(), "{one}");
        assert!(
            one["peer"].as_str().unwrap().starts_with("127.0.0.1:"),
            "{one}"
        );
        assert_eq!(one["transport"], "http");
    }
    assert!(
        list[5]["reason"].as_str().unwrap().contains("resourceLogs"),
        "{}",
        list[5]
    );
    assert_eq!(list[4]["bytes"], packed.len());
    assert_eq!(
        ask(&running, "/api/v1/rejected?limit=2").await["rejected"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        ask(&running, "/api/v1/rejected?limt=2").await["error"]["code"],
        "bad_request"
    );
}
