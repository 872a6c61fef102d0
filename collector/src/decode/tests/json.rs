//! OTLP/JSON: the official examples, generated requests, and what clients write differently.

use std::path::Path;

use oriel_proto::Signal;
use oriel_proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use oriel_proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use oriel_proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use oriel_storage::ContentType;
use oriel_storage::schema::Schemas;
use proptest::prelude::*;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{RECEIVED_AT, decode, difference, rows};
use crate::decode::testing::{Row, log_request, metric_request, trace_request};
use crate::decode::{DecodeError, Decoded, Decoder};

fn decode_json(signal: Signal, body: impl AsRef<[u8]>) -> Result<Decoded, DecodeError> {
    let decoder = Decoder::new(&Schemas::format0());
    decoder.decode(signal, ContentType::Json, body.as_ref(), RECEIVED_AT)
}

/// The row of the span `span`.
fn span_row(span: Value) -> Row {
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    let decoded = decode_json(Signal::Traces, body.to_string()).expect("a span");
    rows(&decoded).0.remove(0)
}

/// The row of a log record with the body `body`.
fn body_row(body: &str) -> Result<Row, DecodeError> {
    let body =
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{body}}}]}}]}}]}}"#);
    decode_json(Signal::Logs, body).map(|decoded| rows(&decoded).0.remove(0))
}

/// Scenario: the examples of opentelemetry-proto.
/// Guarantees: decoded as opentelemetry-proto's own types read them, row by row.
#[test]
fn official_examples_are_read() {
    fn check<M: Message + DeserializeOwned>(signal: Signal, file: &str, records: u64) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/data/otlp-examples")
            .join(file);
        let body = std::fs::read(path).expect("an example");
        let got = decode_json(signal, &body).expect("an example");
        let message: M = serde_json::from_slice(&body).expect("an example");
        let want = decode(signal, &message.encode_to_vec()).expect("an example");
        assert_eq!(difference(&rows(&got), &rows(&want)), "", "{file}");
        assert_eq!(got.accepted, records, "{file}");
    }
    check::<ExportTraceServiceRequest>(Signal::Traces, "trace.json", 1);
    check::<ExportLogsServiceRequest>(Signal::Logs, "logs.json", 1);
    check::<ExportLogsServiceRequest>(Signal::Logs, "events.json", 1);
    check::<ExportMetricsServiceRequest>(Signal::Metrics, "metrics.json", 4);
}

/// Writes `request` as opentelemetry-proto's serde types do, and compares with its protobuf form.
/// They write doubles that are not finite as null: such requests are passed over.
/// Protobuf does not carry the sign of a zero in a field without presence: JSON is made of what it
/// does carry.
fn check<M: Message + Default + Serialize + std::fmt::Debug>(
    signal: Signal,
    request: &M,
) -> Result<(), TestCaseError> {
    let request = &M::decode(request.encode_to_vec().as_slice()).expect("just encoded");
    let debug = format!("{request:?}");
    prop_assume!(!debug.contains("NaN") && !debug.contains("inf"));
    let body = serde_json::to_vec(request).expect("serializable");
    let got = decode_json(signal, &body).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let want = decode(signal, &request.encode_to_vec()).expect("a request");
    prop_assert_eq!(difference(&rows(&got), &rows(&want)), "");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 96,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    })]

    /// Scenario: generated requests of traces as OTLP/JSON.
    /// Guarantees: the rows of their protobuf form.
    #[test]
    fn json_traces_equal_protobuf(request in trace_request()) {
        check(Signal::Traces, &request)?;
    }

    /// Scenario: as above, for logs.
    /// Guarantees: as above.
    #[test]
    fn json_logs_equal_protobuf(request in log_request()) {
        check(Signal::Logs, &request)?;
    }

    /// Scenario: as above, for metrics.
    /// Guarantees: as above.
    #[test]
    fn json_metrics_equal_protobuf(request in metric_request()) {
        check(Signal::Metrics, &request)?;
    }
}

/// Scenario: ids in upper case, enums by name and as text, numbers as text, nulls, unknown keys.
/// Guarantees: all are read as the specification of OTLP/JSON or of protobuf's JSON says.
#[test]
fn dialects_are_understood() {
    let row = span_row(json!({
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174",
        "parentSpanId": null, "name": null, "kind": "SPAN_KIND_SERVER",
        "startTimeUnixNano": 1544712660000000000u64, "endTimeUnixNano": "1544712661000000000",
        "droppedAttributesCount": "3", "flags": 257, "status": {"code": "2", "message": "no"},
        "unknown": {"a": [1, {"b": null}]}, "trace_state": "snake case is unknown",
        "attributes": [
            {"key": "http.status_code", "value": {"intValue": 200}},
            {"key": "server.port", "value": {"intValue": "8080"}},
            {"key": "whole", "value": {"intValue": 2.0}},
            {"key": "list", "value": {"arrayValue": {"values": [null, {"boolValue": true}]}}},
            {"key": "nothing", "value": null},
            {"key": "unknown", "value": {"futureValue": 1}},
        ],
        "events": null, "links": [],
    }));
    assert_eq!(row["trace_id"], json!("5b8efff798038103d269b633813fc60c"));
    assert_eq!(row["kind"], json!("SERVER"));
    assert_eq!(row["duration"], json!(1_000_000_000));
    assert_eq!(row["dropped_attributes_count"], json!(3));
    assert_eq!(row["status_code"], json!("ERROR"));
    assert_eq!(row["trace_state"], Value::Null);
    assert_eq!(row["attributes.http.status_code"], json!(200));
    assert_eq!(row["attributes.server.port"], json!(8080));
    let overflow = r#"{"whole":2,"list":[null,true],"nothing":null,"unknown":null}"#;
    assert_eq!(row["attributes"], json!(overflow));
}

/// Scenario: doubles as numbers, text and names; bytes in both alphabets; lone surrogates; raw
/// bytes that are not UTF-8.
/// Guarantees: doubles are exact to the last bit; bytes are bytes; bad text becomes U+FFFD.
#[test]
fn values_are_exact() {
    let check = |value: &str, want: &str| {
        let row = body_row(value).expect("a body");
        assert_eq!(row["body"], json!(want), "{value}");
    };
    check(
        r#"{"doubleValue":2.2250738585072011e-308}"#,
        "2.225073858507201e-308",
    );
    check(r#"{"doubleValue":"0.1"}"#, "0.1");
    check(r#"{"doubleValue":1}"#, "1.0");
    check(r#"{"doubleValue":"NaN"}"#, "NaN");
    check(r#"{"doubleValue":"-Infinity"}"#, "-Infinity");
    check(
        r#"{"intValue":"-9223372036854775808"}"#,
        "-9223372036854775808",
    );
    check(r#"{"bytesValue":"_-8"}"#, "/+8=");
    check(r#"{"bytesValue":"/+8="}"#, "/+8=");
    check(r#"{"stringValue":"a\ud83d"}"#, "a\u{fffd}\u{fffd}\u{fffd}");
    check(r#"{"stringValue":"\ud83d\udca5\u0000"}"#, "💥\0");
    let mut body =
        br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"#.to_vec();
    body.extend(b"\xff\"}}]}]}]}");
    let decoded = decode_json(Signal::Logs, body).expect("stored");
    assert_eq!(rows(&decoded).0[0]["body"], json!("a\u{fffd}"));
    assert!(decoded.message.contains("UTF-8"));
}

/// Scenario: what is not JSON, not OTLP, out of range, or nested without end.
/// Guarantees: an error that says where and what.
#[test]
fn errors_name_path_and_position() {
    let check = |body: &str, want: &str| {
        let error = decode_json(Signal::Traces, body)
            .expect_err(body)
            .to_string();
        assert!(error.contains(want), "{error:?} does not contain {want:?}");
    };
    let span = |span: &str| {
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{}},{{{span}}}]}}]}}]}}"#)
    };
    check("", "EOF");
    check("[]", "expected an object: ExportTraceServiceRequest");
    check("{} x", "trailing characters");
    check(
        &span(r#""traceId":"xy""#),
        "JSON is not OTLP at resourceSpans[0].scopeSpans[0].spans[1].traceId: \
         \"xy\" is not hex digits, two a byte at line 1 column",
    );
    check(
        &span(r#""kind":"SPAN_KIND_FUTURE""#),
        "spans[1].kind: \"SPAN_KIND_FUTURE\" is not",
    );
    check(
        &span(r#""name":5"#),
        "spans[1].name: invalid type: integer `5`, expected a string",
    );
    check(
        &span(r#""attributes":{}"#),
        "spans[1].attributes: invalid type",
    );
    check(
        &span(r#""startTimeUnixNano":-1"#),
        "startTimeUnixNano: \"-1\" is not an integer in range",
    );
    check(
        &span(r#""attributes":[{"value":{"bytesValue":"!"}}]"#),
        "attributes[0].value.bytesValue",
    );
    let deep = r#"{"arrayValue":{"values":["#.repeat(10_000);
    let error = body_row(&deep).expect_err("too deep").to_string();
    assert!(error.contains("recursion limit exceeded"), "{error}");
}

/// Scenario: empty requests.
/// Guarantees: fine, as in protobuf.
#[test]
fn empty_requests_are_fine() {
    for signal in Signal::ALL {
        for body in ["{}", " { } ", r#"{"resourceSpans":[],"resourceLogs":null}"#] {
            let decoded = decode_json(signal, body).expect("an empty request");
            assert_eq!((decoded.accepted, decoded.batches.len()), (0, 0));
        }
    }
}
