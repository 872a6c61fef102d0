//! Bad input and edges: what senders do wrong, and what attackers try.

use std::sync::Arc;

use oriel_proto::Signal;
use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_proto::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use oriel_proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use oriel_proto::otlp::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data,
};
use oriel_proto::otlp::resource::v1::Resource;
use oriel_proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, span::Event};
use oriel_storage::ContentType;
use oriel_storage::schema::Schemas;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use serde_json::{Value, json};

use super::{RECEIVED_AT, decode, reference, rows};
use crate::decode::{DecodeError, Decoder};

pub(super) fn span(trace_id: Vec<u8>, span_id: Vec<u8>) -> Span {
    Span {
        trace_id,
        span_id,
        name: "work".to_owned(),
        ..Span::default()
    }
}

pub(super) fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn logs(resource: Option<Resource>, log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource,
            scope_logs: vec![ScopeLogs {
                log_records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        key_strindex: 0,
    }
}

/// Appends a length-delimited field.
pub(super) fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut out);
    encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    out
}

/// Scenario: empty requests, requests of empty groups, metrics without data or points.
/// Guarantees: accepted, no rows, nothing to say.
#[test]
fn empty_requests_are_fine() {
    for signal in Signal::ALL {
        for body in [vec![], field(1, &[]), field(1, &field(2, &[]))] {
            let decoded = decode(signal, &body).expect("an empty request");
            assert_eq!((decoded.accepted, decoded.rejected), (0, 0));
            assert!(decoded.batches.is_empty() && decoded.message.is_empty());
        }
    }
    let metric = field(1, &field(2, &field(2, &Metric::default().encode_to_vec())));
    assert_eq!(
        decode(Signal::Metrics, &metric).expect("no data").accepted,
        0
    );
}

/// Scenario: ids that are zero, short, long or missing, in one request with a good span; the bad
/// ones have events.
/// Guarantees: the good span is stored, the others are counted, and the answer says why.
#[test]
fn spans_without_valid_ids_are_rejected() {
    let bad = [
        (vec![0; 16], vec![1; 8]),
        (vec![1; 16], vec![0; 8]),
        (vec![1; 15], vec![1; 8]),
        (vec![1; 16], vec![1; 9]),
        (vec![], vec![]),
    ];
    let mut spans: Vec<Span> = bad.map(|(trace, id)| span(trace, id)).into();
    for span in &mut spans {
        span.attributes = vec![text("http.status_code", "a stray")];
        span.events = vec![Event::default()];
    }
    spans.insert(2, span(vec![1; 16], vec![1; 8]));
    let decoded = decode(Signal::Traces, &traces(spans).encode_to_vec()).expect("decodes");
    assert_eq!((decoded.accepted, decoded.rejected), (1, 5));
    assert!(decoded.message.starts_with("5 spans rejected: trace_id"));
    let (rows, strays) = rows(&decoded);
    assert_eq!(rows[0]["name"], json!("work"));
    assert_eq!(rows[0]["events"], json!([]));
    assert!(strays.is_empty());
}

/// Scenario: 10,000 nested arrays in an attribute, in a body, and 10,000 nested groups.
/// Guarantees: refused with the reason, without a stack overflow; 40 deep is stored.
#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let mut value = Vec::new();
        for _ in 0..depth {
            value = field(5, &field(1, &value));
        }
        let attribute = [field(1, b"deep"), field(2, &value)].concat();
        let record = [field(5, &value), field(6, &attribute)].concat();
        field(1, &field(2, &field(2, &record)))
    };
    let error = decode(Signal::Logs, &nested(10_000)).expect_err("too deep");
    assert!(
        error.to_string().contains("nested more than 100 deep"),
        "{error}"
    );
    assert_eq!(
        decode(Signal::Logs, &nested(40)).expect("40 deep").accepted,
        1
    );
    for depth in 44..52 {
        let body = nested(depth);
        let ours = decode(Signal::Logs, &body).is_ok();
        assert_eq!(ours, reference(Signal::Logs, &body).is_ok(), "{depth} deep");
    }
    let error = decode(Signal::Traces, &[0x13; 10_000]).expect_err("too deep");
    assert!(matches!(error, DecodeError::Protobuf { .. }));
}

/// Scenario: one bad byte in names, keys, values, scope and resource; two keys that become one.
/// Guarantees: U+FFFD instead, everything stored, a warning with the count; no JSON key twice.
#[test]
fn invalid_utf8_is_replaced() {
    let attribute =
        |key: &[u8], value: &[u8]| field(6, &[field(1, key), field(2, &field(1, value))].concat());
    let record = [
        field(3, b"IN\xffFO"),
        attribute(b"k\xff", b"one"),
        attribute(b"k\xfe", b"t\xc3"),
        attribute(b"exception.type", b"\xf0\x9f\x92"),
        field(5, &field(1, b"bod\xffy")),
    ]
    .concat();
    let resource = field(
        1,
        &[field(1, b"service.name"), field(2, &field(1, b"s\xff"))].concat(),
    );
    let scope = field(1, &field(1, b"lib\xff"));
    let scope_logs = [scope, field(2, &record)].concat();
    let body = field(1, &[field(1, &resource), field(2, &scope_logs)].concat());
    let decoded = decode(Signal::Logs, &body).expect("stored");
    assert_eq!((decoded.accepted, decoded.rejected), (1, 0));
    let want = "invalid UTF-8 was replaced by U+FFFD in 6 values";
    assert_eq!(decoded.message, want);
    let row = &rows(&decoded).0[0];
    assert_eq!(row["severity_text"], json!("IN\u{fffd}FO"));
    assert_eq!(row["body"], json!("bod\u{fffd}y"));
    assert_eq!(row["service_name"], json!("s\u{fffd}"));
    assert_eq!(row["scope_name"], json!("lib\u{fffd}"));
    assert_eq!(row["attributes.exception.type"], json!("\u{fffd}"));
    let attributes = json!("{\"k\u{fffd}\":{\"$dup\":[\"one\",\"t\u{fffd}\"]}}");
    assert_eq!(row["attributes"], attributes);
}

/// Scenario: 10,000 attributes, half of them sent twice; a value of 1 MiB.
/// Guarantees: stored as they are, in well under quadratic time.
#[test]
fn large_sets_and_values_are_stored() {
    let mut attributes: Vec<KeyValue> = (0..10_000)
        .map(|i| text(&format!("key.{}", i % 7_500), &i.to_string()))
        .collect();
    attributes.push(text("http.route", &"x".repeat(1 << 20)));
    let record = LogRecord {
        attributes,
        ..LogRecord::default()
    };
    let body = logs(None, vec![record]).encode_to_vec();
    let decoded = decode(Signal::Logs, &body).expect("stored");
    let (rows, _) = rows(&decoded);
    let route = rows[0]["attributes.http.route"].as_str().expect("promoted");
    assert_eq!(route.len(), 1 << 20);
    let json = rows[0]["attributes"].as_str().expect("an overflow");
    let object: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(object.as_object().expect("an object").len(), 7_500);
    assert_eq!(object["key.2499"], json!({"$dup": ["2499", "9999"]}));
    assert_eq!(object["key.2500"], json!("2500"));
}

/// Scenario: a resource of 1 MiB over very many empty records; a metric name of 1 MiB likewise.
/// Guarantees: refused as too large, before memory is gone.
#[test]
fn amplification_is_refused() {
    let name = "x".repeat(1 << 20);
    let resource = Resource {
        attributes: vec![text("service.name", &name)],
        ..Resource::default()
    };
    let body = logs(Some(resource), vec![LogRecord::default(); 5_000]).encode_to_vec();
    let error = decode(Signal::Logs, &body).expect_err("5 GiB of rows");
    assert!(matches!(error, DecodeError::TooLarge(_)), "{error}");
    let metric = Metric {
        name,
        data: Some(Data::Gauge(Gauge {
            data_points: vec![NumberDataPoint::default(); 5_000],
        })),
        ..Metric::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![metric],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    let error = decode(Signal::Metrics, &request.encode_to_vec()).expect_err("5 GiB of rows");
    assert!(matches!(error, DecodeError::TooLarge(_)), "{error}");
}

/// Scenario: requests whose rows fill several batches, cut inside a scope group and a metric; the
/// resource has a stray.
/// Guarantees: no row is lost or doubled, each batch names the stray, shared columns are whole.
#[test]
fn large_requests_make_several_batches() {
    let resource = || Resource {
        attributes: vec![text("process.pid", &"p".repeat(100_000))],
        ..Resource::default()
    };
    let records = (0..1_500u32).map(|flags| LogRecord {
        flags,
        ..LogRecord::default()
    });
    let body = logs(Some(resource()), records.collect()).encode_to_vec();
    let decoded = decode(Signal::Logs, &body).expect("several batches");
    assert!(decoded.batches.len() > 2);
    for batch in &decoded.batches {
        assert_eq!(batch.strays().len(), 1);
    }
    let (all, _) = rows(&decoded);
    assert_eq!((all.len(), decoded.accepted), (1_500, 1_500));
    for (i, row) in all.iter().enumerate() {
        assert_eq!(row["flags"], json!(i));
        assert!(row["resource_attributes"].is_string());
    }
    let points = (0..1_500u32).map(|flags| NumberDataPoint {
        flags,
        ..NumberDataPoint::default()
    });
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope::default()),
                metrics: vec![Metric {
                    name: "m".to_owned(),
                    unit: "s".to_owned(),
                    data: Some(Data::Gauge(Gauge {
                        data_points: points.collect(),
                    })),
                    ..Metric::default()
                }],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    let decoded = decode(Signal::Metrics, &request.encode_to_vec()).expect("several batches");
    assert!(decoded.batches.len() > 2);
    let (all, _) = rows(&decoded);
    assert_eq!(all.len(), 1_500);
    for (i, row) in all.iter().enumerate() {
        assert_eq!((&row["flags"], &row["unit"]), (&json!(i), &json!("s")));
    }
}

/// Scenario: a resource sent in two pieces, around the spans; a status in two pieces.
/// Guarantees: merged as protobuf demands.
#[test]
fn messages_in_pieces_are_merged() {
    let piece = |key: &str, value: &str| {
        let resource = Resource {
            attributes: vec![text(key, value)],
            ..Resource::default()
        };
        field(1, &resource.encode_to_vec())
    };
    let mut span = span(vec![1; 16], vec![1; 8]).encode_to_vec();
    span.extend(field(15, &field(2, b"broken")));
    span.extend(field(15, &[0x18, 2]));
    let spans = field(2, &field(2, &span));
    let body = field(
        1,
        &[piece("service.name", "a"), spans, piece("host.name", "b")].concat(),
    );
    let decoded = decode(Signal::Traces, &body).expect("merged");
    let row = &rows(&decoded).0[0];
    assert_eq!(row["service_name"], json!("a"));
    assert_eq!(row["resource_attributes.host.name"], json!("b"));
    assert_eq!(row["status_message"], json!("broken"));
    assert_eq!(row["status_code"], json!("ERROR"));
}

/// Scenario: a request cut off, and one with a field of the wrong type.
/// Guarantees: the error names byte, field and message.
#[test]
fn errors_name_the_place() {
    let body = traces(vec![span(vec![1; 16], vec![1; 8])]).encode_to_vec();
    let error = decode(Signal::Traces, &body[..body.len() - 1]).expect_err("cut off");
    assert_eq!(
        error.to_string(),
        "protobuf is malformed at byte 2: a value reaches beyond the end of its message \
         (field 1 of ExportTraceServiceRequest)"
    );
    let mut wrong = body;
    wrong[6] = 0x08;
    let error = decode(Signal::Traces, &wrong).expect_err("trace_id as a varint");
    assert_eq!(
        error.to_string(),
        "protobuf is malformed at byte 7: a field has the wrong wire type (field 1 of Span)"
    );
}

/// Scenario: the schema has a key that the operator promoted.
/// Guarantees: its column is filled; columns unknown to the decoder would be NULL, not an error.
#[test]
fn promoted_keys_of_the_operator_are_filled() {
    use oriel_storage::schema::Table;
    let key = "attributes.shop.tier".parse().expect("a key");
    let schemas = Schemas::with_promoted(&[(Table::Spans, key)]).expect("no conflict");
    let mut span = span(vec![1; 16], vec![1; 8]);
    span.attributes = vec![text("shop.tier", "gold")];
    let body = traces(vec![span]).encode_to_vec();
    let decoded = Arc::new(Decoder::new(&schemas))
        .decode(Signal::Traces, ContentType::Protobuf, &body, RECEIVED_AT)
        .expect("decodes");
    let row = &rows(&decoded).0[0];
    assert_eq!(row["attributes.shop.tier"], json!("gold"));
    assert_eq!(row["attributes"], Value::Null);
}
