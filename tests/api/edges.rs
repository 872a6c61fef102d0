//! The edges of what pages ask: an empty store, wrong parameters, hostile names and values.

use oriel_proto::Signal;
use serde_json::Value;

use super::{get, list};
use crate::ask::{int, text};
use crate::edges::{attribute, log, log_request, span, trace_request};
use crate::support::{Server, otlp};

/// Every route with the parameters that it needs.
const ROUTES: [(&str, &[(&str, &str)]); 13] = [
    ("services", &[]),
    ("services/slots", &[]),
    ("operations", &[]),
    ("attributes/keys", &[("table", "spans")]),
    (
        "attributes/values",
        &[("table", "logs"), ("key", "http.route")],
    ),
    ("attributes/values", &[("table", "spans"), ("key", "event")]),
    ("complete", &[("table", "metrics"), ("q", "na")]),
    ("search/logs", &[]),
    ("logs/histogram", &[]),
    ("metrics", &[]),
    ("metrics/keys", &[("name", "x")]),
    ("metrics/series", &[("name", "x")]),
    (
        "metrics/series",
        &[("name", "x"), ("group", "*"), ("filter", "a=b")],
    ),
];

/// Scenario: every route on a store that has never seen anything.
/// Guarantees: an empty answer, never an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_store_has_empty_answers() {
    let mut server = Server::start().await;
    for (path, params) in ROUTES {
        let (status, body) = get(&server, path, params).await;
        assert_eq!(status, 200, "{path}: {body}");
        super::check_receipt(&body);
        for name in [
            "services",
            "operations",
            "keys",
            "values",
            "logs",
            "series",
            "metrics",
        ] {
            assert!(
                body[name].as_array().is_none_or(Vec::is_empty),
                "{path}: {body}"
            );
        }
    }
    assert!(server.stop().success());
}

/// Scenario: an unknown parameter, limits out of range, a range that is empty, filters that do not
/// parse, a cursor and a level that are none.
/// Guarantees: 400 with a message that names the parameter; a bad filter has its position.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_parameters_are_refused() {
    let mut server = Server::start().await;
    for (path, params) in ROUTES {
        let wrong = [params, &[("form", "1")]].concat();
        let (status, body) = get(&server, path, &wrong).await;
        assert_eq!(status, 400, "{path}: {body}");
        assert!(
            text(&body["error"]["message"]).contains("form"),
            "{path}: {body}"
        );
        let empty = [params, &[("from", "5"), ("to", "5")]].concat();
        assert_eq!(get(&server, path, &empty).await.0, 400, "{path}");
    }
    for (path, params) in [
        ("operations", [("limit", "0"), ("service", "x")]),
        ("search/logs", [("limit", "5001"), ("order", "newest")]),
        ("search/logs", [("cursor", "bm9wZQ"), ("order", "newest")]),
        ("search/logs", [("order", "sideways"), ("limit", "1")]),
        ("logs/histogram", [("buckets", "1001"), ("q", "x")]),
        ("attributes/keys", [("table", "traces"), ("q", "x")]),
        (
            "attributes/values",
            [("table", "spans"), ("key", "duration")],
        ),
        (
            "metrics/series",
            [("name", "x"), ("filter", "no equals sign")],
        ),
        ("metrics/series", [("name", "x"), ("agg", "p42")]),
    ] {
        let (status, body) = get(&server, path, &params).await;
        assert_eq!(status, 400, "{path} {params:?}: {body}");
        assert!(!text(&body["error"]["message"]).is_empty());
    }
    for path in ["services", "operations", "search/logs", "logs/histogram"] {
        let (status, body) = get(&server, path, &[("q", "service:(a OR")]).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (400, &Value::from("invalid_query")),
            "{path}"
        );
        assert!(
            body["error"]["position"]["offset"].is_u64(),
            "{path}: {body}"
        );
    }
    let level = [("table", "spans"), ("key", "x"), ("level", "log")];
    assert_eq!(get(&server, "attributes/values", &level).await.0, 400);
    assert!(server.stop().success());
}

/// Names that end literals, close brackets, look like SQL, markup and control sequences.
const HOSTILE: [&str; 8] = [
    "o'brien'); DROP TABLE spans; --",
    "\"quoted\"']",
    "<script>alert(1)</script>",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{202e}right to left",
    "back\\slash %_*? $dollar ${x} {{y}}",
    "line\nbreak\ttab",
    "🫖 ä 抹茶",
];

/// Scenario: such texts as names of services, spans, keys, values and in bodies.
/// Guarantees: each comes back as it was sent, is found by itself, and by nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_texts_are_texts() {
    let mut server = Server::start().await;
    for (number, hostile) in (1_u8..).zip(HOSTILE) {
        let mut sent = span(number, hostile);
        sent.attributes = vec![attribute(hostile, hostile), attribute("all", hostile)];
        let body = trace_request(hostile, vec![sent]);
        let (status, _) = otlp::post(&server, Signal::Traces, "application/x-protobuf", body).await;
        assert_eq!(status, 200);
        let mut record = log(hostile);
        record.attributes = vec![attribute(hostile, hostile)];
        let body = log_request(hostile, vec![record]);
        otlp::post(&server, Signal::Logs, "application/x-protobuf", body).await;
    }
    let range = [
        ("from", "1780000000000000000"),
        ("to", "1800000000000000000"),
    ];
    let ask = async |path: &str, params: &[(&str, &str)]| {
        let (status, body) = get(&server, path, &[&range, params].concat()).await;
        assert_eq!(status, 200, "{path} {params:?}: {body}");
        body
    };
    let services = ask("services", &[]).await;
    let names: Vec<String> = list(&services, "services")
        .iter()
        .map(|s| text(&s["name"]))
        .collect();
    let values = ask("attributes/values", &[("table", "spans"), ("key", "all")]).await;
    assert_eq!(int(&values["distinct"]) as usize, HOSTILE.len());
    let keys = ask("attributes/keys", &[("table", "logs")]).await;
    for hostile in HOSTILE {
        assert!(
            names.iter().any(|name| name == hostile),
            "{hostile:?} in {names:?}"
        );
        let found = list(&values, "values")
            .iter()
            .find(|value| value["value"] == hostile);
        assert_eq!(
            found.map(|value| int(&value["count"])),
            Some(1),
            "{hostile:?}"
        );
        let key = list(&keys, "keys").iter().find(|key| key["key"] == hostile);
        assert_eq!(key.map(|key| int(&key["count"])), Some(1), "{hostile:?}");
        let params = [("table", "logs"), ("key", hostile), ("level", "log")];
        let of_key = ask("attributes/values", &params).await;
        assert_eq!(
            (&of_key["with_key"], &of_key["values"][0]["value"]),
            (&Value::from(1), &Value::from(hostile))
        );
        let operations = ask("operations", &[("service", hostile)]).await;
        assert_eq!(list(&operations, "operations").len(), 1, "{hostile:?}");
        assert_eq!(operations["operations"][0]["name"], hostile);
        let escaped = hostile
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('*', "\\*");
        let logs = ask("search/logs", &[("q", &format!("service:\"{escaped}\""))]).await;
        assert_eq!(
            int(&logs["total"]),
            1,
            "{hostile:?}: {}",
            logs["receipt"]["sql"]
        );
        assert_eq!(logs["logs"][0]["body"], hostile);
    }
    assert!(server.stop().success());
}
