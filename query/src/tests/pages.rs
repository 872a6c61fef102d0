//! Search, skeleton, spans and find, over traces of every odd shape.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, UInt8Type};
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use oriel_storage::schema::Table;
use serde_json::{Value, json};

use crate::testing::{World, send};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A span of `trace`: id, parent, start, duration.
fn span(trace: &str, id: u64, parent: Option<u64>, start: i64, duration: Option<i64>) -> Value {
    json!({
        "trace_id": trace, "span_id": format!("{id:016x}"),
        "parent_span_id": parent.map(|id| format!("{id:016x}")),
        "name": format!("op{id}"), "kind": "SERVER", "status_code": "UNSET",
        "start_time": start, "end_time": duration.map(|d| start + d), "duration": duration,
        "service_name": "cart", "events": [], "links": [], "received_at": 7,
    })
}

/// `span` with other values for some columns.
fn with(mut span: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        span[name] = value.clone();
    }
    span
}

/// A store with these spans and, as storage would make them, their summaries.
fn world(spans: &[Value]) -> World {
    let mut world = World::new();
    if spans.is_empty() {
        return world;
    }
    world.buffer(Table::Spans, spans, &[]);
    let mut ids: Vec<&str> = spans
        .iter()
        .map(|s| s["trace_id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<Value> = ids
        .iter()
        .map(|id| {
            let of: Vec<&Value> = spans
                .iter()
                .filter(|s| s["trace_id"] == json!(id))
                .collect();
            let starts = || of.iter().filter_map(|s| s["start_time"].as_i64());
            let errors = of
                .iter()
                .filter(|s| s["status_code"] == json!("ERROR"))
                .count();
            let root = of
                .iter()
                .filter(|s| s["parent_span_id"].is_null())
                .min_by_key(|s| s["start_time"].as_i64());
            json!({
                "trace_id": id, "min_start": starts().min(), "max_start": starts().max(),
                "max_end": of.iter().filter_map(|s| s["end_time"].as_i64()).max(),
                "root_span_id": root.map(|s| s["span_id"].clone()),
                "root_service_name": root.map(|s| s["service_name"].clone()),
                "root_name": root.map(|s| s["name"].clone()),
                "span_count": of.len(), "error_count": errors,
                "services": [
                    {"service_name": "cart", "span_count": of.len(), "error_count": errors},
                ],
            })
        })
        .collect();
    world.buffer(Table::Traces, &rows, &[]);
    world
}

async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
    let request = Request::get(format!("/api/v1/{path}"))
        .body(Body::empty())
        .unwrap();
    let (status, body) = send(router, request).await;
    let value = serde_json::from_slice(&body)
        .unwrap_or_else(|error| panic!("{path}: {error}: {}", String::from_utf8_lossy(&body)));
    (status, value)
}

/// The answer, which must be one.
async fn ok(router: &Router, path: &str) -> Value {
    let (status, value) = get(router, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {value}");
    value
}

fn encoded(q: &str) -> String {
    q.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn skeleton(router: &Router, trace: &str) -> RecordBatch {
    let request = Request::get(format!("/api/v1/traces/{trace}/skeleton"));
    let (status, body) = send(router, request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    let mut reader = arrow::ipc::reader::StreamReader::try_new(body.as_slice(), None).unwrap();
    let batch = reader.next().unwrap().unwrap();
    assert!(reader.next().is_none());
    batch
}

/// Two roots, an orphan, a cycle, a span that is its own parent, one id twice, an unset end, a
/// negative duration, children that overlap and that outlast their parent.
fn odd_spans() -> Vec<Value> {
    vec![
        span(TRACE, 1, None, 1_000, Some(1_000)),
        span(TRACE, 2, Some(1), 1_100, Some(100)),
        span(TRACE, 3, Some(1), 1_150, Some(100)),
        span(TRACE, 4, Some(1), 1_900, Some(500)),
        span(TRACE, 5, Some(0xff), 1_200, Some(10)),
        span(TRACE, 6, None, 1_300, None),
        span(TRACE, 7, Some(8), 1_400, Some(10)),
        span(TRACE, 8, Some(7), 1_401, Some(10)),
        span(TRACE, 9, Some(9), 1_500, Some(10)),
        span(TRACE, 2, Some(1), 1_600, Some(100)),
        span(TRACE, 10, Some(2), 1_610, Some(-50)),
        with(
            span(TRACE, 11, Some(6), 1_700, Some(1)),
            json!({
                "kind": "77", "status_code": "ERROR", "service_name": null,
                "events": [{"time": 1, "name": "exception", "dropped_attributes_count": 0}],
                "links": [{"flags": 0, "dropped_attributes_count": 0}],
            }),
        ),
    ]
}

/// Scenario: the skeleton of a trace with every oddity, and a log of one of its spans.
/// Guarantees: rows in order; parents as they are, the first of twins; self times; flags.
#[tokio::test(flavor = "multi_thread")]
async fn skeleton_of_an_odd_trace() {
    let mut world = world(&odd_spans());
    let log = json!({"trace_id": TRACE, "span_id": format!("{:016x}", 5), "timestamp": 1_205});
    world.buffer(Table::Logs, &[log], &[]);
    let batch = skeleton(&world.router(), TRACE).await;
    let ids: Vec<u8> = batch["span_id"]
        .as_binary::<i32>()
        .iter()
        .map(|id| id.unwrap()[7])
        .collect();
    assert_eq!(ids, [1, 2, 3, 5, 6, 7, 8, 9, 2, 10, 11, 4]);
    let parents = batch["parent"].as_primitive::<Int32Type>().values();
    assert_eq!(parents.to_vec(), [-1, 0, 0, -2, -1, 6, 5, 7, 0, 1, 4, 0]);
    let doubles = |name: &str| batch[name].as_primitive::<Float64Type>().values().to_vec();
    let starts = doubles("start");
    assert_eq!(starts[..4], [0.0, 100.0, 150.0, 200.0]);
    let durations = doubles("duration");
    assert!(durations[4].is_nan());
    assert_eq!(durations[9], -50.0);
    // 1: less 100..250, 600..700 and 900..1000.
    let own = doubles("self");
    assert_eq!(
        (own[0], own[1], own[8], own[9]),
        (650.0, 100.0, 100.0, -50.0)
    );
    assert!(own[4].is_nan());
    // The cycle: 8 runs within 7 for 9 of its 10, 7 before 8.
    assert_eq!((own[5], own[6], own[7]), (1.0, 1.0, 10.0));
    let bytes = |name: &str| batch[name].as_primitive::<UInt8Type>().values().to_vec();
    assert_eq!((bytes("kind")[0], bytes("kind")[10]), (2, 0));
    assert_eq!(bytes("status")[10], 2);
    assert_eq!(bytes("flags"), [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 1 | 2 | 8, 0]);
    assert!(batch["service"].is_null(10));
    let metadata = batch.schema().metadata().clone();
    assert_eq!(metadata["trace_id"], TRACE);
    assert_eq!(metadata["trace_start"], "1000");
}

/// Scenario: logs of a trace and of another, one long before it.
/// Guarantees: those of the trace near its time, the oldest first, with their total.
#[tokio::test(flavor = "multi_thread")]
async fn logs_of_a_trace() {
    let mut world = world(&odd_spans());
    let log = |trace: &str, time: i64, body: &str| json!({"trace_id": trace, "timestamp": time, "body": body});
    let other = "f".repeat(32);
    let rows = [
        log(TRACE, 1_300, "second"),
        log(TRACE, 1_200, "first"),
        log(&other, 1_200, "other"),
        log(TRACE, 601_000_000_000_000, "much later"),
    ];
    world.buffer(Table::Logs, &rows, &[]);
    let router = world.router();
    let answer = ok(&router, &format!("traces/{TRACE}/logs")).await;
    let bodies: Vec<&str> = answer["logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|log| log["body"].as_str().unwrap())
        .collect();
    assert_eq!(bodies, ["first", "second"]);
    let one = ok(&router, &format!("traces/{TRACE}/logs?limit=1")).await;
    assert_eq!(
        (one["logs"].as_array().unwrap().len(), &one["total"]),
        (1, &json!(2))
    );
    assert_eq!(
        get(&router, &format!("traces/{other}/logs")).await.0,
        StatusCode::NOT_FOUND
    );
}

/// Scenario: each row of that trace, by row alone, with its id, and with the id after rows moved.
/// Guarantees: the span of that row, twins told apart; an id finds its span at any row.
#[tokio::test(flavor = "multi_thread")]
async fn spans_are_found_by_row() {
    let router = world(&odd_spans()).router();
    let batch = skeleton(&router, TRACE).await;
    let starts = batch["start"]
        .as_primitive::<Float64Type>()
        .values()
        .to_vec();
    let ids = Arc::clone(&batch["span_id"]);
    for (row, start) in starts.iter().enumerate() {
        let id = format!("{:016x}", ids.as_binary::<i32>().value(row)[7]);
        let want = (1_000.0 + start).to_string();
        for path in [
            format!("traces/{TRACE}/spans/{row}"),
            format!("traces/{TRACE}/spans/{row}?span={id}"),
        ] {
            let span = &ok(&router, &path).await["span"];
            assert_eq!(
                (&span["span_id"], &span["start"]),
                (&json!(id), &json!(want)),
                "{path}"
            );
        }
    }
    let moved = ok(
        &router,
        &format!("traces/{TRACE}/spans/9?span=000000000000000b"),
    )
    .await;
    assert_eq!(moved["span"]["name"], json!("op11"));
    assert_eq!(moved["percentile"]["count"], json!(1), "{moved}");
}

/// Scenario: a span with attributes of every type at every level, dropped counts, events, links.
/// Guarantees: all of it is told, promoted columns included, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_span_is_told_whole() {
    let whole = with(
        span(TRACE, 1, None, 1_000, Some(10)),
        json!({
            "attributes.http.route": "/cart", "trace_state": "a=b", "flags": 257,
            "attributes": r#"{"n":1,"d":1.0,"b":true,"x":{"$bytes":"AAEC"},"l":["a",1],"m":{"k":{"$double":"NaN"}},"z":null,"t":{"$dup":[1,"one"]}}"#,
            "resource_attributes": r#"{"r":"1"}"#, "scope_attributes": r#"{"s":{"$int":"9223372036854775807"}}"#,
            "scope_name": "lib", "scope_version": "2", "dropped_attributes_count": 3,
            "resource_dropped_attributes_count": 4, "status_message": "no",
            "events": [{"time": 1_005, "name": "e", "attributes": r#"{"k":"v"}"#, "dropped_attributes_count": 1}],
            "links": [{"trace_id": TRACE, "span_id": "00000000000000aa", "flags": 1, "dropped_attributes_count": 2}],
        }),
    );
    let router = world(&[whole]).router();
    let answer = ok(&router, &format!("traces/{TRACE}/spans/0")).await;
    let span = &answer["span"];
    let attribute =
        |key: &str, kind: &str, value: &str| json!({"key": key, "type": kind, "value": value});
    let want = json!([
        attribute("http.route", "string", "/cart"),
        attribute("n", "int", "1"),
        attribute("d", "double", "1.0"),
        attribute("b", "bool", "true"),
        attribute("x", "bytes", "AAEC"),
        attribute("l", "array", r#"["a",1]"#),
        attribute("m", "map", r#"{"k":"NaN"}"#),
        attribute("z", "null", ""),
        attribute("t", "int", "1"),
        attribute("t", "string", "one"),
    ]);
    assert_eq!(span["attributes"], want);
    let service = attribute("service.name", "string", "cart");
    assert_eq!(
        span["resource_attributes"],
        json!([service, attribute("r", "string", "1")])
    );
    assert_eq!(
        span["scope_attributes"],
        json!([attribute("s", "int", "9223372036854775807")])
    );
    assert_eq!(span["dropped"]["attributes"], json!(3));
    assert_eq!(span["dropped"]["resource_attributes"], json!(4));
    assert_eq!(
        span["scope"],
        json!({"name": "lib", "version": "2", "schema_url": ""})
    );
    assert_eq!(
        span["events"][0]["attributes"],
        json!([attribute("k", "string", "v")])
    );
    assert_eq!(span["events"][0]["time"], json!("1005"));
    assert_eq!(span["links"][0]["span_id"], json!("00000000000000aa"));
    assert_eq!(
        (&span["start"], &span["end"]),
        (&json!("1000"), &json!("1010"))
    );
    assert_eq!(span["parent_span_id"], json!(null));
    assert_eq!(answer["percentile"]["value"], json!(100.0));
}

/// Scenario: filters within that trace, one of them on whole traces, and none.
/// Guarantees: rows of the skeleton.
#[tokio::test(flavor = "multi_thread")]
async fn find_gives_rows() {
    let router = world(&odd_spans()).router();
    for (q, want) in [
        ("status:error", json!([10])),
        ("name:op2", json!([1, 8])),
        ("op1", json!([0, 9, 10])),
        ("-service:*", json!([10])),
        ("trace.spans:12 name:op1", json!([0])),
        ("trace.spans>12", json!([])),
        ("trace.spans>12 OR name:op5", json!([3])),
        ("duration<0s", json!([9])),
        ("-duration:*", json!([4])),
        ("event:exception", json!([10])),
        ("", json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])),
    ] {
        let found = ok(&router, &format!("traces/{TRACE}/find?q={}", encoded(q))).await;
        assert_eq!(found["rows"], want, "{q}");
    }
}

/// All pages of a search by pages of `limit`: the rows, and the total that each page told.
async fn pages(router: &Router, path: &str, list: &str) -> (Vec<Value>, Vec<u64>) {
    let (mut all, mut totals) = (Vec::new(), Vec::new());
    let mut cursor = String::new();
    loop {
        let page = ok(router, &format!("{path}{cursor}")).await;
        all.extend(page[list].as_array().unwrap().clone());
        totals.push(page["total"].as_u64().unwrap());
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, totals),
        }
    }
}

/// Scenario: equal spans sent seven times among others, read by pages of 1 to 12 in every order.
/// Guarantees: each page tells the exact total; all rows come, each once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn pages_have_every_row_once() {
    let mut spans = odd_spans();
    spans.extend((0..7).map(|_| span(TRACE, 2, Some(1), 1_100, Some(100))));
    let router = world(&spans).router();
    for sort in ["newest", "oldest", "longest", "shortest", "errors"] {
        let whole = format!("search/spans?from=0&to=5000&sort={sort}");
        let (want, _) = pages(&router, &format!("{whole}&limit=1000"), "spans").await;
        assert_eq!(want.len(), spans.len());
        for limit in [1, 2, 3, 7, 12] {
            let (got, totals) = pages(&router, &format!("{whole}&limit={limit}"), "spans").await;
            assert_eq!(got, want, "{sort} by {limit}");
            assert!(totals.iter().all(|total| *total == spans.len() as u64));
        }
    }
    let (newest, _) = pages(&router, "search/spans?from=0&to=5000&limit=9", "spans").await;
    assert_eq!(newest[0]["name"], json!("op4"));
    let (longest, _) = pages(&router, "search/spans?from=0&to=5000&sort=longest", "spans").await;
    assert_eq!(longest[0]["name"], json!("op1"));
    assert_eq!(longest.last().unwrap()["duration"], json!(null));
}

/// Scenario: a first page; then newer and older traces arrive; then the next pages.
/// Guarantees: they go on where the first one ended, within its range, with its total.
#[tokio::test(flavor = "multi_thread")]
async fn cursors_stand_new_data() {
    let trace = |n: i64| span(&format!("{n:032x}"), 1, None, n * 100, Some(n));
    let before: Vec<Value> = (1..=9).map(|n| trace(n * 2)).collect();
    let first = ok(
        &world(&before).router(),
        "search/traces?from=0&to=2000&limit=4",
    )
    .await;
    let mut after = before.clone();
    after.extend([trace(25), trace(17), trace(3)]);
    let router = world(&after).router();
    let cursor = first["cursor"].as_str().unwrap();
    let path = "search/traces?limit=4";
    let second = ok(&router, &format!("{path}&cursor={cursor}")).await;
    let starts = |page: &Value| {
        let traces = page["traces"].as_array().unwrap().clone();
        traces
            .iter()
            .map(|t| t["start"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(starts(&first), ["1800", "1600", "1400", "1200"]);
    assert_eq!(starts(&second), ["1000", "800", "600", "400"]);
    assert_eq!((&first["total"], &second["total"]), (&json!(9), &json!(9)));
    let other = format!("{path}&q=x&cursor={cursor}");
    assert_eq!(get(&router, &other).await.0, StatusCode::BAD_REQUEST);
    let forged = format!("{path}&cursor=Zm9yZ2Vk");
    assert_eq!(get(&router, &forged).await.0, StatusCode::BAD_REQUEST);
}

/// Scenario: conditions that only different spans of a trace satisfy, and that one does.
/// Guarantees: a trace matches by one span; matched counts them; a summary counts all spans.
#[tokio::test(flavor = "multi_thread")]
async fn one_span_satisfies_all() {
    let spans = [
        with(
            span(TRACE, 1, None, 1_000, Some(5_000)),
            json!({"attributes": r#"{"a":1}"#}),
        ),
        with(
            span(TRACE, 2, Some(1), 2_000, Some(10)),
            json!({
                "status_code": "ERROR", "attributes": r#"{"a":2}"#, "service_name": "pay",
            }),
        ),
    ];
    let router = world(&spans).router();
    let found = async |q: &str| {
        let path = format!("search/traces?from=0&to=9000&q={}", encoded(q));
        let page = ok(&router, &path).await;
        let matched = page["traces"][0]["matched"].as_u64();
        assert_eq!(
            page["total"].as_u64().unwrap(),
            matched.is_some() as u64,
            "{q}"
        );
        if matched.is_some() {
            assert_eq!(page["traces"][0]["spans"], json!(2), "{q}");
            assert_eq!(page["traces"][0]["root_name"], json!("op1"), "{q}");
        }
        matched
    };
    assert_eq!(found("").await, Some(2));
    assert_eq!(found("a:*").await, Some(2));
    assert_eq!(found("a:1 status:error").await, None);
    assert_eq!(found("a>1 status:error").await, Some(1));
    assert_eq!(found("status:error trace.duration:5us").await, Some(1));
    assert_eq!(found("status:error trace.duration>5us").await, None);
    assert_eq!(found("root.name:op1 trace.errors:1").await, Some(2));
    assert_eq!(found("-service:cart").await, Some(1));
    assert_eq!(found("service:pay OR trace.spans:2").await, Some(2));
    assert_eq!(found("-trace.errors>0").await, None);
}

/// Scenario: the heatmap of odd durations, for both lenses, with a filter, without data.
/// Guarantees: the counts add up to the search's total; errors are told; the axes fit.
#[tokio::test(flavor = "multi_thread")]
async fn heatmap_counts_everything() {
    let router = world(&odd_spans()).router();
    for (lens, q, total, errors) in [
        ("spans", "", 12, 1),
        ("spans", "status:error", 1, 1),
        ("spans", "nothing", 0, 0),
        ("traces", "", 1, 1),
        ("traces", "name:op3", 1, 1),
    ] {
        let path = format!("search/heatmap?from=1000&to=2000&lens={lens}&columns=60&rows=10&q={q}");
        let map = ok(&router, &path).await;
        let sum = |name: &str| {
            let counts = map[name].as_array().unwrap();
            assert_eq!(
                counts.len() as u64,
                10 * map["x"]["count"].as_u64().unwrap()
            );
            counts
                .iter()
                .map(|count| count.as_u64().unwrap())
                .sum::<u64>()
        };
        assert_eq!(
            (sum("counts"), sum("errors")),
            (total, errors),
            "{path}: {map}"
        );
        assert_eq!(map["total"], json!(total));
        let edges: Vec<u64> = map["y"]["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e.as_u64().unwrap())
            .collect();
        assert_eq!(edges.len(), 11);
        assert!(edges.is_sorted(), "{edges:?}");
        if lens == "spans" && q.is_empty() {
            assert!(edges[0] <= 1 && *edges.last().unwrap() > 1_000, "{edges:?}");
        }
    }
}

/// Scenario: an empty store, unknown ids, ids and rows that are none, parameters that are unknown.
/// Guarantees: empty pages, 404 and 400 with what to do; never a fault of ours.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_and_nonsense() {
    let router = world(&[]).router();
    assert_eq!(ok(&router, "search/traces").await["total"], json!(0));
    assert_eq!(ok(&router, "search/spans").await["spans"], json!([]));
    assert_eq!(ok(&router, "search/heatmap").await["total"], json!(0));
    for (path, status) in [
        (format!("traces/{TRACE}/skeleton"), StatusCode::NOT_FOUND),
        (format!("traces/{TRACE}/find?q=x"), StatusCode::NOT_FOUND),
        (format!("traces/{TRACE}/spans/0"), StatusCode::NOT_FOUND),
        ("traces/xyz/skeleton".to_owned(), StatusCode::BAD_REQUEST),
        (format!("traces/{TRACE}/spans/x"), StatusCode::BAD_REQUEST),
        (
            format!("traces/{TRACE}/skeleton?q=x"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "search/traces?sorted=newest".to_owned(),
            StatusCode::BAD_REQUEST,
        ),
        ("search/traces?limit=0".to_owned(), StatusCode::BAD_REQUEST),
        (
            "search/traces?limit=1001".to_owned(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "search/traces?from=2&to=1".to_owned(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "search/heatmap?columns=5".to_owned(),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (found, body) = get(&router, &path).await;
        assert_eq!(found, status, "{path}: {body}");
        assert!(body["error"]["message"].is_string(), "{path}");
    }
    let (_, body) = get(&router, "search/traces?sorted=newest").await;
    assert!(
        body["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("did you mean sort?"),
        "{body}"
    );
    let router = world(&odd_spans()).router();
    let (status, _) = get(&router, &format!("traces/{TRACE}/spans/12")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

/// Scenario: filters that try to leave their quotes, odd characters, patterns, broken regexes.
/// Guarantees: an answer, or an error of the client; never a fault of ours.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_filters_do_no_harm() {
    let router = world(&odd_spans()).router();
    for q in [
        "'",
        "\"'\"",
        "a:'",
        "';--",
        "a:');--",
        "x' OR '1'='1",
        "\"a'b\":\"c'd\"",
        "\"a\\\\'\":x",
        "name:\\\\",
        "name:%",
        "name:_*",
        "name:\\**",
        "\u{0}",
        "a:\u{0}",
        "\"a\u{0}b\":*",
        "🦀:🦀*",
        "name:/(/",
        "/[/",
        "name:/a{1000}{1000}/",
        "duration>9999999999999h",
        "duration<-1h",
        "a>99999999999999999999999",
        "a:1e300",
        "a:-0",
        "trace.spans:1.5",
        "trace.spans>1e5",
        "\"']; DROP TABLE spans\":x",
        "resource.']:x",
        "a['b']:c",
        "level:x",
        "-(-(-a))",
        "has:\"x' y\"",
        "event:'*",
        "status:'",
        "kind:/(/",
        "trace:'",
        "span:%*",
        "\\'",
        "*",
        "**",
        "a:\"\"",
        "\"\"",
        "name!=*",
        "root.name:/./",
        "trace.duration:*",
        "-root.service:*",
    ] {
        for path in ["search/spans", "search/traces", "search/heatmap"] {
            let (status, body) =
                get(&router, &format!("{path}?from=0&to=9000&q={}", encoded(q))).await;
            let code = body["error"]["code"].as_str().unwrap_or_default();
            assert!(
                status == StatusCode::OK || (status == StatusCode::BAD_REQUEST && code != "syntax"),
                "{path} {q:?}: {status} {body}"
            );
        }
        let (status, body) = get(&router, &format!("traces/{TRACE}/find?q={}", encoded(q))).await;
        assert!(
            status == StatusCode::OK || status == StatusCode::BAD_REQUEST,
            "{q:?}: {body}"
        );
    }
    let everything = ok(
        &router,
        &format!("search/spans?from=0&to=9000&q={}", encoded("x' OR '1'='1")),
    )
    .await;
    assert_eq!(everything["total"], json!(0));
}
