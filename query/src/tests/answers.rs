//! Formats read back, errors on the wire, the token, traces by id, and pruning against a full scan.

use axum::body::Body;
use http::{Request, StatusCode};
use oriel_proto::Token;
use oriel_storage::schema::Table;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::testing::{World, send};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn span(start: i64, name: &str) -> Value {
    json!({
        "trace_id": TRACE, "span_id": format!("{start:016x}"), "name": name, "kind": "SERVER",
        "status_code": "ERROR", "start_time": start, "end_time": start + 1, "duration": 1,
        "attributes": "{\"a\":1}", "attributes.http.route": "/x", "service_name": "cart",
    })
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Scenario: one query in each format, by Accept and by parameter.
/// Guarantees: the rows read back are the same; ids are hex in text and bytes in Arrow formats.
#[tokio::test(flavor = "multi_thread")]
async fn formats_read_back() {
    let mut world = World::new();
    world.buffer(Table::Spans, &[span(1_500_000_000, "a,\"b\"")], &[]);
    let router = world.router();
    let ask = async |format: &str| {
        let request = Request::post(format!("/api/v1/sql?format={format}"))
            .header("content-type", "application/json")
            .body(Body::from(
                r#"{"sql":"SELECT trace_id, name, start_time, duration FROM spans"}"#,
            ))
            .unwrap();
        let (status, body) = send(&router, request).await;
        assert_eq!(status, StatusCode::OK);
        body
    };
    let time = "1970-01-01T00:00:01.500000000Z";
    let json: Value = serde_json::from_slice(&ask("json").await).unwrap();
    assert_eq!(json["rows"], json!([[TRACE, "a,\"b\"", time, 1]]));
    assert_eq!(json["receipt"]["complete"], json!(true));
    let ndjson = String::from_utf8(ask("ndjson").await).unwrap();
    let lines: Vec<Value> = ndjson
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines[0]["trace_id"], json!(TRACE));
    assert_eq!(lines[1]["receipt"]["rows_returned"], json!(1));
    let csv = String::from_utf8(ask("csv").await).unwrap();
    let want = format!("trace_id,name,start_time,duration\n{TRACE},\"a,\"\"b\"\"\",{time},1\n");
    assert_eq!(csv, want);
    let ipc = ask("arrow").await;
    let mut reader = arrow::ipc::reader::StreamReader::try_new(ipc.as_slice(), None).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().num_rows(), 1);
    let parquet = bytes::Bytes::from(ask("parquet").await);
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(parquet);
    assert_eq!(reader.unwrap().metadata().file_metadata().num_rows(), 1);
}

/// Scenario: no token, a wrong one, an unknown path, a wrong method, an unknown format.
/// Guarantees: each is an error in the one shape.
#[tokio::test(flavor = "multi_thread")]
async fn errors_have_one_shape() {
    let router = World::new().router_with(Some(Token::new("s3cret")));
    let (status, body) = send(&router, get("/api/v1/schema")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(String::from_utf8_lossy(&body).contains("\"code\":\"unauthorized\""));
    let router = World::new().router();
    for (request, want) in [
        (get("/api/v1/nothing"), StatusCode::NOT_FOUND),
        (get("/api/v1/sql"), StatusCode::METHOD_NOT_ALLOWED),
        (get("/api/v1/traces/xyz"), StatusCode::BAD_REQUEST),
        (
            get(&format!("/api/v1/traces/{TRACE}")),
            StatusCode::NOT_FOUND,
        ),
    ] {
        let (status, body) = send(&router, request).await;
        assert_eq!(status, want);
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert!(body["error"]["code"].is_string(), "{body}");
    }
}

/// Scenario: a trace with a span in a part and one in a buffer, asked for in upper case.
/// Guarantees: both spans, by start, as OTLP/JSON with all attributes.
#[tokio::test(flavor = "multi_thread")]
async fn trace_by_id() {
    let mut world = World::new();
    let summary =
        |min: i64, max: i64| json!({"trace_id": TRACE, "min_start": min, "max_start": max});
    world.part(Table::Traces, &[summary(10, 10)], &[]).await;
    world.part(Table::Spans, &[span(10, "second")], &[]).await;
    world.buffer(Table::Traces, &[summary(5, 5)], &[]);
    world.buffer(Table::Spans, &[span(5, "first")], &[]);
    let path = format!("/api/v1/traces/{}", TRACE.to_uppercase());
    let (status, body) = send(&world.router(), get(&path)).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
    assert_eq!(spans.as_array().unwrap().len(), 2, "{body}");
    assert_eq!(spans[0]["name"], json!("first"));
    assert_eq!(spans[0]["traceId"], json!(TRACE));
    assert_eq!(spans[0]["kind"], json!(2));
    assert_eq!(spans[0]["startTimeUnixNano"], json!("5"));
    assert_eq!(
        spans[0]["attributes"].as_array().unwrap().len(),
        2,
        "{body}"
    );
}

/// Scenario: three buffered batches of other times; queries with a range, with none, with a condition
/// on another column, and one that only absent times satisfy.
/// Guarantees: only batches whose times can match are handed to the scan, and the answer is right.
#[tokio::test(flavor = "multi_thread")]
async fn buffers_of_other_times_are_not_read() {
    let mut world = World::new();
    for start in [10, 20, 30] {
        let rows = [span(start, "a"), span(start + 5, "b")];
        world.buffer(Table::Spans, &rows, &[]);
    }
    for (condition, count, read) in [
        ("start_time >= to_timestamp_nanos(20)", 4, 4),
        ("start_time < to_timestamp_nanos(16)", 2, 2),
        ("start_time = to_timestamp_nanos(25) AND name = 'b'", 1, 2),
        ("name = 'a'", 3, 6),
        ("start_time > to_timestamp_nanos(99)", 0, 0),
        ("start_time IS NULL", 0, 6),
        ("true", 6, 6),
    ] {
        let sql = format!("SELECT count(*) FROM spans WHERE {condition}");
        let answer = world.ask(&sql).await;
        assert_eq!(answer["rows"], json!([[count]]), "{condition}: {answer}");
        let receipt = &answer["receipt"];
        assert!(
            receipt["buffered_rows"].as_u64().unwrap() <= read,
            "{condition}: {receipt}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Scenario: parts and buffers with random times and codes, a random filter.
    /// Guarantees: pruning leaves the answer that a full scan gives (Q1).
    #[test]
    fn pruning_keeps_the_answer(
        parts in proptest::collection::vec(
            proptest::collection::vec((0_i64..50, proptest::option::of(0_i64..5)), 1..6), 1..5),
        low in 0_i64..50, width in 0_i64..20, code in 0_i64..5, buffered in 0_u32..16,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let counted: Value = runtime.block_on(async {
            let mut world = World::new();
            for (at, part) in parts.iter().enumerate() {
                let rows: Vec<Value> = part.iter().map(|(start, code)| {
                    let mut row = span(*start, "s");
                    row["attributes.http.response.status_code"] = json!(code);
                    row
                }).collect();
                if (buffered >> at) & 1 == 1 {
                    world.buffer(Table::Spans, &rows, &[]);
                } else {
                    world.part(Table::Spans, &rows, &[]).await;
                }
            }
            world.rows(&format!(
                "SELECT count(*) FROM spans WHERE start_time BETWEEN to_timestamp_nanos({low}) \
                 AND to_timestamp_nanos({}) AND (attributes['http.response.status_code'] >= {code} \
                 OR attributes['http.response.status_code'] IS NULL)", low + width)).await
        });
        let want = parts.iter().flatten().filter(|(start, found)| {
            (low..=low + width).contains(start) && found.is_none_or(|found| found >= code)
        }).count();
        prop_assert_eq!(counted, json!([[want]]));
    }
}
