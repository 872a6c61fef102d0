//! Unusual but acceptable input: stored, told back, and findable, in buffers and in parts.

use oriel_proto::Signal;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::common::v1::{AnyValue, KeyValue, KeyValueList, any_value};
use oriel_proto::otlp::logs::v1::LogRecord;
use oriel_proto::otlp::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use oriel_proto::otlp::trace::v1::Span;
use oriel_proto::otlp::trace::v1::span::{Event, Link};
use prost::Message;
use serde_json::json;

use super::{attribute, log, log_request, span, trace_request, value};
use crate::ask::{Api, Counts, text};
use crate::check::Checks;
use crate::support::Server;
use crate::wire::{Encoding, Grpc, Http, JSON, PROTOBUF};

/// Scenario: requests without any record, in every transport and shape of emptiness.
/// Guarantees: OK without partial success; nothing is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_requests_are_ok() {
    let mut server = Server::start().await;
    let (grpc, http) = (Grpc::new(server.grpc()), Http::new(&server.otlp_url()));
    let mut checks = Checks::new("empty requests");
    for signal in Signal::ALL {
        for encoding in [Encoding::Plain, Encoding::Gzip, Encoding::Zstd] {
            let answer = grpc.export(signal, b"", encoding).await;
            checks.eq(
                &format!("gRPC {signal} {encoding:?}"),
                answer.map_err(|status| status.to_string()),
                Ok("".into()),
            );
            let answer = http.export(signal, b"", PROTOBUF, encoding).await;
            checks.eq("protobuf", (answer.status, answer.body.len()), (200, 0));
            let answer = http.export(signal, b"{}", JSON, encoding).await;
            checks.eq("JSON", (answer.status, answer.json()), (200, json!({})));
        }
        let group = match signal {
            Signal::Traces => r#"{"resourceSpans": [{"scopeSpans": [{"spans": []}, {}]}, {}]}"#,
            Signal::Metrics => r#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": []}]}]}"#,
            Signal::Logs => r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": []}]}]}"#,
        };
        let answer = http
            .export(signal, group.as_bytes(), JSON, Encoding::Plain)
            .await;
        checks.eq(
            "empty groups",
            (answer.status, answer.json()),
            (200, json!({})),
        );
    }
    let api = Api::new(&server.url());
    for table in ["spans", "logs", "metrics", "traces"] {
        checks.eq(
            table,
            api.int(&format!("SELECT count(*) FROM {table}")).await,
            0,
        );
    }
    checks.finish();
    assert!(server.stop().success());
}

/// Scenario: spans with zero, short, long and empty trace and span ids among good ones.
/// Guarantees: the bad are counted in partial success with a message, the good are stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_with_bad_ids_are_rejected_alone() {
    let mut server = Server::start().await;
    let bad = |number: u8| {
        let mut spans = vec![span(number, "good")];
        for (trace_id, span_id) in [
            (vec![0; 16], vec![9; 8]),
            (vec![9; 16], vec![0; 8]),
            (vec![9; 15], vec![9; 8]),
            (vec![9; 17], vec![9; 8]),
            (vec![9; 16], vec![9; 7]),
            (Vec::new(), vec![9; 8]),
            (vec![9; 16], Vec::new()),
        ] {
            spans.push(Span {
                trace_id,
                span_id,
                ..span(9, "bad")
            });
        }
        spans.push(span(number + 1, "good"));
        trace_request("ids", spans)
    };
    let mut checks = Checks::new("bad ids");
    let grpc = Grpc::new(server.grpc());
    let (rejected, message) = grpc.export_partial(Signal::Traces, &bad(10)).await;
    checks.eq("gRPC rejected", rejected, 7);
    checks.yes("gRPC says why", !message.is_empty());
    let http = Http::new(&server.otlp_url());
    let answer = http
        .export(Signal::Traces, &bad(20), PROTOBUF, Encoding::Gzip)
        .await;
    checks.eq("HTTP status", answer.status, 200);
    checks.eq(
        "HTTP rejected",
        crate::wire::partial_success(&answer.body).0,
        7,
    );
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [
        {"traceId": "00000000000000000000000000000000", "spanId": "1111111111111111", "name": "bad"},
        {"traceId": "1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e", "spanId": "1e1e1e1e1e1e1e", "name": "bad"},
        {"traceId": "1E1E1E1E1E1E1E1E1E1E1E1E1E1E1E1E", "spanId": "1e1e1e1e1e1e1e1e", "name": "good"},
    ]}]}]});
    let answer = http
        .export(
            Signal::Traces,
            body.to_string().as_bytes(),
            JSON,
            Encoding::Plain,
        )
        .await;
    checks.eq("JSON status", answer.status, 200);
    checks.eq(
        "JSON rejected",
        text(&answer.json()["partialSuccess"]["rejectedSpans"]),
        "2",
    );
    let api = Api::new(&server.url());
    let got = api
        .counts("SELECT name, count(*) FROM spans GROUP BY 1")
        .await;
    checks.eq("stored", got, Counts::from([("good".to_owned(), 5)]));
    checks.finish();
    assert!(server.stop().success());
}

/// Scenario: wrong-length ids of parents, links and log records; zero ids of logs and parents.
/// Guarantees: the record is stored, the id is NULL with its bytes beside it; zero means unset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_references_are_kept_raw() {
    let mut server = Server::start().await;
    let link = |trace_id: Vec<u8>, span_id: Vec<u8>| Link {
        trace_id,
        span_id,
        ..Link::default()
    };
    let spans = vec![
        Span {
            parent_span_id: vec![0xAB; 5],
            ..span(1, "short parent")
        },
        Span {
            parent_span_id: vec![0; 8],
            ..span(2, "zero parent")
        },
        Span {
            parent_span_id: vec![7; 8],
            ..span(3, "parent")
        },
        Span {
            links: vec![link(vec![0xCD; 3], vec![0xEF; 8])],
            ..span(4, "link")
        },
    ];
    let logs = vec![
        LogRecord {
            trace_id: vec![0; 16],
            span_id: Vec::new(),
            ..log("zero")
        },
        LogRecord {
            trace_id: vec![1; 16],
            span_id: vec![0xAA; 9],
            ..log("odd")
        },
        LogRecord {
            trace_id: vec![1; 16],
            span_id: vec![1; 8],
            ..log("good")
        },
    ];
    let grpc = Grpc::new(server.grpc());
    let mut checks = Checks::new("odd references");
    let answer = grpc
        .export_partial(Signal::Traces, &trace_request("refs", spans))
        .await;
    checks.eq("no span is rejected", answer.0, 0);
    let answer = grpc
        .export_partial(Signal::Logs, &log_request("refs", logs))
        .await;
    checks.eq("no log is rejected", answer.0, 0);
    let api = Api::new(&server.url());
    let parents = "SELECT name, parent_span_id, parent_span_id_raw FROM spans ORDER BY name";
    let want = json!([
        ["link", null, null],
        ["parent", "0707070707070707", null],
        ["short parent", null, "ababababab"],
        ["zero parent", null, null]
    ]);
    checks.eq(parents, json!(api.rows(parents).await), want);
    let logs = "SELECT body, trace_id, span_id, span_id_raw FROM logs ORDER BY body";
    let id = "01".repeat(16);
    let want = json!([
        ["good", id, "0101010101010101", null],
        ["odd", id, null, "aaaaaaaaaaaaaaaaaa"],
        ["zero", null, null, null]
    ]);
    checks.eq(logs, json!(api.rows(logs).await), want);
    let links = "SELECT links[1]['trace_id'], links[1]['trace_id_raw'], links[1]['span_id']
                 FROM spans WHERE name = 'link'";
    checks.eq(
        links,
        json!(api.row(links).await),
        json!([null, "cdcdcd", "efefefefefefefef"]),
    );
    checks.finish();
    assert!(server.stop().success());
}

/// Puts bytes that are not UTF-8 where `marker` stands.
fn spoil(mut body: Vec<u8>, marker: &str) -> Vec<u8> {
    let at = body
        .windows(marker.len())
        .position(|w| w == marker.as_bytes())
        .unwrap();
    body[at] = 0xFF;
    body
}

/// Scenario: bytes that are not UTF-8 in a span's name, an attribute's key and value, an event's
/// name, and a log's body.
/// Guarantees: stored with U+FFFD in their place, nothing rejected, a warning in the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_utf8_is_replaced() {
    let mut server = Server::start().await;
    let grpc = Grpc::new(server.grpc());
    let mut checks = Checks::new("invalid UTF-8");
    let mut one = span(1, "#name");
    one.attributes = vec![
        attribute("#key", "value"),
        attribute("http.route", "#route"),
    ];
    one.events = vec![Event {
        name: "#event".to_owned(),
        ..Event::default()
    }];
    let mut body = trace_request("utf8", vec![one, span(2, "clean")]);
    for marker in ["#name", "#key", "#route", "#event"] {
        body = spoil(body, marker);
    }
    let (rejected, message) = grpc.export_partial(Signal::Traces, &body).await;
    checks.eq("rejected", rejected, 0);
    checks.yes(
        &format!("a warning that names UTF-8: {message:?}"),
        message.contains("UTF-8"),
    );
    let body = spoil(
        log_request("utf8", vec![log("#body"), log("clean")]),
        "#body",
    );
    checks.eq(
        "rejected logs",
        grpc.export_partial(Signal::Logs, &body).await.0,
        0,
    );
    let api = Api::new(&server.url());
    let sql = "SELECT name, attributes['\u{FFFD}key'], attributes['http.route'], events[1]['name']
               FROM spans ORDER BY start_time";
    let want = json!([
        ["\u{FFFD}name", "value", "\u{FFFD}route", "\u{FFFD}event"],
        ["clean", null, null, null]
    ]);
    checks.eq(sql, json!(api.rows(sql).await), want);
    let sql = "SELECT body FROM logs ORDER BY body";
    checks.eq(
        sql,
        json!(api.rows(sql).await),
        json!([["clean"], ["\u{FFFD}body"]]),
    );
    let metrics = api.get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    checks.yes(
        "counted in /metrics",
        metrics
            .lines()
            .any(|l| l.contains("utf8") && !l.starts_with('#')),
    );
    checks.finish();
    assert!(server.stop().success());
}

/// A gauge with one point.
fn gauge_request(time_unix_nano: u64) -> Vec<u8> {
    let point = NumberDataPoint {
        time_unix_nano,
        value: Some(number_data_point::Value::AsInt(1)),
        ..NumberDataPoint::default()
    };
    let metrics = vec![Metric {
        name: format!("at {time_unix_nano}"),
        data: Some(metric::Data::Gauge(Gauge {
            data_points: vec![point],
        })),
        ..Metric::default()
    }];
    let scope_metrics = vec![ScopeMetrics {
        metrics,
        ..ScopeMetrics::default()
    }];
    let group = ResourceMetrics {
        scope_metrics,
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![group],
    }
    .encode_to_vec()
}

/// Scenario: records at 0, in 1970, in 2100, at the last nanosecond of i64, beyond it, at u64::MAX.
/// Guarantees: all are stored and found by time, in buffers and in parts; what i64 cannot hold is
/// clamped and kept raw.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_times_are_stored_and_findable() {
    let mut server = Server::start().await;
    let (max, grpc) = (i64::MAX as u64, Grpc::new(server.grpc()));
    let times = [
        0,
        1_000_000_000,
        4_102_444_800_000_000_000,
        max,
        max + 1,
        u64::MAX,
    ];
    for (number, time) in (1..).zip(times) {
        let one = Span {
            start_time_unix_nano: time,
            end_time_unix_nano: time,
            ..span(number, &format!("at {time}"))
        };
        let record = LogRecord {
            time_unix_nano: time,
            observed_time_unix_nano: time,
            ..log(&format!("at {time}"))
        };
        for (signal, body) in [
            (Signal::Traces, trace_request("times", vec![one])),
            (Signal::Logs, log_request("times", vec![record])),
            (Signal::Metrics, gauge_request(time)),
        ] {
            assert_eq!(
                grpc.export_partial(signal, &body).await,
                (0, String::new()),
                "{signal}"
            );
        }
    }
    times_are_found(&Api::new(&server.url()), "in buffers").await;
    assert!(server.stop().success());
    server.restart().await;
    times_are_found(&Api::new(&server.url()), "in parts").await;
    assert!(server.stop().success());
}

async fn times_are_found(api: &Api, stage: &str) {
    let mut checks = Checks::new(stage);
    let max = i64::MAX;
    let raw = format!("{}", max as u64 + 1);
    let times = json!([
        ["at 0", 0, null],
        ["at 1000000000", 1_000_000_000, null],
        ["at 4102444800000000000", "4102444800000000000", null],
        [format!("at {max}"), max.to_string(), null],
        [format!("at {raw}"), max.to_string(), raw],
        [
            format!("at {}", u64::MAX),
            max.to_string(),
            u64::MAX.to_string()
        ],
    ]);
    let sql = "SELECT name, CAST(start_time AS BIGINT) AS start, start_time_raw FROM spans
               ORDER BY start_time, length(name), name";
    checks.eq(sql, json!(api.rows(sql).await), times.clone());
    let sql = "SELECT name, CAST(time AS BIGINT) AS at, time_raw FROM metrics ORDER BY time, length(name), name";
    checks.eq(sql, json!(api.rows(sql).await), times.clone());
    let sql = "SELECT body, CAST(time AS BIGINT) AS at, time_raw FROM logs WHERE time IS NOT NULL
               ORDER BY timestamp, length(body), body";
    let set: Vec<_> = times.as_array().unwrap()[1..].to_vec();
    checks.eq(sql, json!(api.rows(sql).await), json!(set));
    let sql = "SELECT body, observed_time, timestamp = received_at FROM logs WHERE time IS NULL";
    checks.eq(
        sql,
        json!(api.rows(sql).await),
        json!([["at 0", null, true]]),
    );
    for (condition, want) in [
        ("start_time = TIMESTAMP '1970-01-01 00:00:00'", 1),
        ("start_time < TIMESTAMP '1971-01-01'", 2),
        ("start_time > TIMESTAMP '2200-01-01'", 3),
        (
            "start_time >= TIMESTAMP '2100-01-01' AND start_time < TIMESTAMP '2100-01-02'",
            1,
        ),
        ("start_time_raw = 18446744073709551615", 1),
        ("end_time IS NULL AND duration IS NULL", 1),
    ] {
        let got = api
            .int(&format!("SELECT count(*) FROM spans WHERE {condition}"))
            .await;
        checks.eq(condition, got, want);
    }
    for number in 1..=6 {
        let id = format!("{number:02x}").repeat(16);
        checks.eq(
            &id,
            api.get(&format!("/api/v1/traces/{id}")).await.status,
            200,
        );
    }
    checks.finish();
}

/// Scenario: duplicate keys, an empty key, 10,000 attributes on one span, a string of 1 MiB, a span
/// with nothing but ids, names with dots, quotes and emoji, 25 levels of nesting.
/// Guarantees: all of it is stored whole and told back by SQL and by the trace API, in buffers and
/// in parts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_and_strange_attributes_are_kept() {
    let mut server = Server::start().await;
    let many = (0..10_000)
        .map(|i| attribute(&format!("key.{i}"), &format!("value {i}")))
        .collect();
    let nested = (0..25).fold(AnyValue::default(), |inner, _| {
        let entry = KeyValue {
            key: "k".to_owned(),
            value: Some(inner),
            ..KeyValue::default()
        };
        let list = KeyValueList {
            values: vec![entry],
        };
        AnyValue {
            value: Some(any_value::Value::KvlistValue(list)),
        }
    });
    let nested = KeyValue {
        value: Some(nested),
        ..attribute("nested", "")
    };
    let number = KeyValue {
        value: value(any_value::Value::IntValue(7)),
        ..attribute("http.route", "")
    };
    let spans = vec![
        Span {
            attributes: many,
            ..span(1, "many")
        },
        Span {
            attributes: vec![attribute("big", &"x".repeat(1 << 20))],
            ..span(2, "big")
        },
        Span {
            attributes: vec![attribute("d", "1"), attribute("d", "2")],
            ..span(3, "twice")
        },
        Span {
            attributes: vec![attribute("", "empty")],
            ..span(4, "empty key")
        },
        Span {
            attributes: vec![nested],
            ..span(5, "nested")
        },
        Span {
            attributes: vec![number],
            ..span(6, "other type")
        },
        Span {
            attributes: vec![attribute("it's \"a\".key 🦀", "v")],
            ..span(7, "quotes")
        },
        Span {
            trace_id: vec![8; 16],
            span_id: vec![8; 8],
            ..Span::default()
        },
    ];
    let grpc = Grpc::new(server.grpc());
    let answer = grpc
        .export_partial(Signal::Traces, &trace_request("large", spans))
        .await;
    assert_eq!(answer.0, 0, "{}", answer.1);
    strange_are_found(&Api::new(&server.url()), "in buffers").await;
    assert!(server.stop().success());
    server.restart().await;
    strange_are_found(&Api::new(&server.url()), "in parts").await;
    assert!(server.stop().success());
}

async fn strange_are_found(api: &Api, stage: &str) {
    let mut checks = Checks::new(stage);
    for (sql, want) in [
        (
            "SELECT attributes['key.0'], attributes['key.9999'] FROM spans WHERE name = 'many'",
            json!(["value 0", "value 9999"]),
        ),
        (
            "SELECT length(attributes['big']) FROM spans WHERE name = 'big'",
            json!([1 << 20]),
        ),
        (
            "SELECT attributes, attributes['d'] FROM spans WHERE name = 'twice'",
            json!([r#"{"d":{"$dup":["1","2"]}}"#, "1"]),
        ),
        (
            "SELECT attributes, attributes[''] FROM spans WHERE name = 'empty key'",
            json!([r#"{"":"empty"}"#, "empty"]),
        ),
        (
            "SELECT attributes FROM spans WHERE name = 'other type'",
            json!([r#"{"http.route":7}"#]),
        ),
        (
            "SELECT count(*) FROM spans WHERE attributes['http.route'] = 7",
            json!([1]),
        ),
        (
            "SELECT attributes['it''s \"a\".key 🦀'] FROM spans WHERE name = 'quotes'",
            json!(["v"]),
        ),
        (
            "SELECT kind, start_time, end_time, duration, status_code FROM spans WHERE name = ''",
            json!([
                "UNSPECIFIED",
                "1970-01-01T00:00:00.000000000Z",
                null,
                null,
                "UNSET"
            ]),
        ),
    ] {
        checks.eq(sql, json!(api.row(sql).await), want);
    }
    let attributes = async |number: u8| {
        let id = format!("{number:02x}").repeat(16);
        let trace = api.get(&format!("/api/v1/traces/{id}")).await.json();
        trace["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"].clone()
    };
    checks.eq(
        "attributes of many",
        attributes(1).await.as_array().map(Vec::len),
        Some(10_000),
    );
    let big = attributes(2).await[0]["value"]["stringValue"]
        .as_str()
        .map(str::len);
    checks.eq("length of big", big, Some(1 << 20));
    let twice = json!([
        {"key": "d", "value": {"stringValue": "1"}},
        {"key": "d", "value": {"stringValue": "2"}}
    ]);
    checks.eq("twice", attributes(3).await, twice);
    let mut inner = attributes(5).await[0]["value"].clone();
    let mut depth = 0;
    while let Some(values) = inner["kvlistValue"]["values"].as_array() {
        depth += 1;
        inner = values[0]["value"].clone();
    }
    checks.eq("depth of nested", depth, 25);
    checks.finish();
}
