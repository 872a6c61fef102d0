//! Keys and values of attributes, and completion.

use oriel_proto::Signal;
use oriel_proto::otlp::common::v1::any_value::Value as Any;
use oriel_proto::otlp::common::v1::{ArrayValue, KeyValue, KeyValueList};
use serde_json::{Value, json};

use super::{Shop, get, list};
use crate::ask::{int, text};
use crate::check::Checks;
use crate::edges::{attribute, span, trace_request, value};
use crate::support::{Server, otlp};

/// A value of truth.json, which has them as JSON, as the API tells it.
fn told(json: &str) -> String {
    match serde_json::from_str(json).unwrap() {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Scenario: keys of spans and logs, values of each key that truth.json knows, under filters, by
/// prefix, of built-in keys.
/// Guarantees: the counts of truth.json, exactly; a filter, a prefix and a limit narrow what is
/// listed and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_values_are_counted() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("attributes");
    let spans = ("table", "spans");
    let keys = shop
        .get("attributes/keys", &[spans, ("limit", "1000")])
        .await;
    checks.eq(
        "rows",
        int(&keys["rows"]),
        int(shop.true_at("/traces/spans")),
    );
    for (key, want) in shop.true_at("/traces/attribute_keys").as_object().unwrap() {
        let same = |found: &&Value| found["key"] == key.as_str() && found["level"] == "span";
        let found = list(&keys, "keys").iter().find(same);
        checks.eq(
            key,
            found.map(|found| int(&found["count"])),
            Some(int(want)),
        );
    }
    for (key, want) in shop
        .true_at("/spans_by_attribute_value")
        .as_object()
        .unwrap()
    {
        let values = shop
            .get(
                "attributes/values",
                &[spans, ("key", key), ("limit", "1000")],
            )
            .await;
        let found = list(&values, "values");
        let of = |value: &str| {
            let same = |found: &&Value| text(&found["value"]) == value;
            found
                .iter()
                .filter(same)
                .map(|found| int(&found["count"]))
                .sum::<i64>()
        };
        for (value, count) in want.as_object().unwrap() {
            checks.eq(&format!("{key}={value}"), of(&told(value)), int(count));
        }
        let all: i64 = found.iter().map(|value| int(&value["count"])).sum();
        checks.eq(&format!("with {key}"), int(&values["with_key"]), all);
        checks.eq(
            &format!("distinct {key}"),
            int(&values["distinct"]) as usize,
            found.len(),
        );
    }
    for (table, key, pointer) in [
        ("spans", "service", "/traces/spans_by_service"),
        ("spans", "kind", "/traces/spans_by_kind"),
        ("spans", "event", "/traces/events_by_name"),
        ("logs", "service", "/logs/by_service"),
        ("logs", "event", "/logs/event_names"),
        ("logs", "exception.type", "/logs/exception_types"),
    ] {
        let values = shop
            .get("attributes/values", &[("table", table), ("key", key)])
            .await;
        let want = shop.true_at(pointer).as_object().unwrap();
        let found = list(&values, "values");
        checks.eq(&format!("{table} {key}"), found.len(), want.len());
        for value in found {
            let name = text(&value["value"]);
            let known = want.get(&name).or_else(|| want.get(&name.to_uppercase()));
            checks.eq(
                &format!("{table} {key}={name}"),
                Some(int(&value["count"])),
                known.map(int),
            );
        }
    }
    narrowed(&shop, &mut checks).await;
    checks.finish();
    assert!(shop.server.stop().success());
}

async fn narrowed(shop: &Shop, checks: &mut Checks) {
    let table = ("table", "spans");
    let one = shop
        .get(
            "attributes/values",
            &[table, ("key", "http.route"), ("q", "service:orders")],
        )
        .await;
    let all = shop
        .get("attributes/values", &[table, ("key", "http.route")])
        .await;
    checks.eq(
        "rows of a filter",
        int(&one["rows"]),
        int(shop.true_at("/traces/spans_by_service/orders")),
    );
    checks.yes(
        "fewer with a filter",
        int(&one["with_key"]) < int(&all["with_key"]),
    );
    let begun = [
        table,
        ("key", "http.route"),
        ("prefix", "/API/o"),
        ("limit", "1"),
    ];
    let begun = shop.get("attributes/values", &begun).await;
    checks.eq("limit", list(&begun, "values").len(), 1);
    checks.eq(
        "prefix",
        &begun["values"][0]["value"],
        &Value::from("/api/orders"),
    );
    checks.eq(
        "a prefix leaves the figures",
        int(&begun["with_key"]),
        int(&all["with_key"]),
    );
    let keys = shop
        .get("attributes/keys", &[table, ("prefix", "HTTP.re")])
        .await;
    let begin = |key: &Value| text(&key["key"]).starts_with("http.re");
    checks.yes("keys begin so", list(&keys, "keys").iter().all(begin));
    let level = [table, ("key", "service.name"), ("level", "resource")];
    let named = shop.get("attributes/values", &level).await;
    checks.eq("by level", list(&named, "values").len(), 6);
    let metrics = [
        ("table", "metrics"),
        ("key", "region"),
        ("q", "name:shop.orders"),
    ];
    let regions = shop.get("attributes/values", &metrics).await;
    checks.eq("of metrics", list(&regions, "values").len(), 3);
}

/// Scenario: completion of keys, of values with and without other terms, inside quotes, of what
/// cannot be completed, in text that does not parse.
/// Guarantees: what fits is offered, with the range to replace; never an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completion_offers_what_is_there() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("completion");
    for (table, q, position, range, want) in [
        ("spans", "serv", 4, (0, 4), "service"),
        ("spans", "service:pay", 11, (8, 11), "payment"),
        ("spans", "status:error service:pay", 24, (21, 24), "payment"),
        (
            "spans",
            "service:orders http.ro",
            22,
            (15, 22),
            "http.route",
        ),
        (
            "spans",
            "http.route:\"/api/pro",
            20,
            (11, 20),
            "\"/api/products/{iid}\"",
        ),
        ("spans", "-(kind:se", 9, (7, 9), "server"),
        ("spans", "retry.attempt:", 14, (14, 14), "1"),
        ("logs", "level:wa", 8, (6, 8), "warn"),
        ("logs", "((( level:wa", 12, (10, 12), "warn"),
        ("metrics", "name:shop.or", 12, (5, 12), "shop.orders"),
    ] {
        let position = position.to_string();
        let params = [("table", table), ("q", q), ("position", &position)];
        let answer = shop.get("complete", &params).await;
        checks.eq(q, (int(&answer["from"]), int(&answer["to"])), range);
        let offered: Vec<String> = list(&answer, "options")
            .iter()
            .map(|o| text(&o["text"]))
            .collect();
        checks.yes(
            &format!("{q}: {want} in {offered:?}"),
            offered.iter().any(|o| o == want),
        );
    }
    let none = shop
        .get("complete", &[("table", "spans"), ("q", "duration:>")])
        .await;
    checks.eq("no values of numbers", list(&none, "options").len(), 0);
    checks.finish();
    assert!(shop.server.stop().success());
}

/// Scenario: one key with a value of every type, sent twice in one span, and a key with a column of
/// its own whose value has another type; asked in buffers and in files.
/// Guarantees: each value with its type; the first value of a key that is sent twice; rows that
/// have the key at another level count there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_are_told_apart() {
    let mut server = Server::start().await;
    let of = |key: &str, any: Option<Any>| KeyValue {
        value: any.and_then(value),
        ..attribute(key, "")
    };
    let list_of = ArrayValue {
        values: vec![value(Any::IntValue(1)).unwrap()],
    };
    let map = KeyValueList {
        values: vec![attribute("a", "b")],
    };
    let values = [
        (Some(Any::StringValue("400".to_owned())), "400", "string"),
        (Some(Any::IntValue(400)), "400", "int"),
        (Some(Any::IntValue(i64::MAX)), "9223372036854775807", "int"),
        (Some(Any::DoubleValue(400.0)), "400.0", "double"),
        (Some(Any::DoubleValue(f64::NAN)), "NaN", "double"),
        (Some(Any::BoolValue(true)), "true", "bool"),
        (Some(Any::BytesValue(vec![0, 1])), "AAE=", "bytes"),
        (Some(Any::ArrayValue(list_of)), "[1]", "array"),
        (Some(Any::KvlistValue(map)), "{\"a\":\"b\"}", "map"),
        (None, "", "null"),
    ];
    let mut spans = Vec::new();
    for (number, (any, _, _)) in (1_u8..).zip(&values) {
        let mut sent = span(number, "typed");
        let status = of("http.response.status_code", any.clone());
        sent.attributes = vec![of("mixed", any.clone()), status];
        spans.push(sent);
    }
    let mut twice = span(100, "twice");
    twice.attributes = vec![
        attribute("mixed", "first"),
        of("mixed", Some(Any::IntValue(2))),
    ];
    spans.push(twice);
    let body = trace_request("types", spans);
    otlp::post(&server, Signal::Traces, "application/x-protobuf", body).await;
    for stage in ["in buffers", "in files"] {
        let mut checks = Checks::new(stage);
        let ask = async |path: &str, key: (&str, &str)| {
            let range = [
                ("from", "1780000000000000000"),
                ("to", "1800000000000000000"),
            ];
            let params = [&range[..], &[("table", "spans"), key]].concat();
            let (status, body) = get(&server, path, &params).await;
            assert_eq!(status, 200, "{body}");
            body
        };
        for (key, more) in [("mixed", 1), ("http.response.status_code", 0)] {
            let found = ask("attributes/values", ("key", key)).await;
            checks.eq(key, int(&found["distinct"]) as usize, values.len() + more);
            for (_, shown, kind) in &values {
                let want = json!({"value": shown, "type": kind, "cut": false, "count": 1});
                checks.yes(
                    &format!("{key}: {want}"),
                    list(&found, "values").contains(&want),
                );
            }
        }
        let first = ask("attributes/values", ("key", "mixed")).await;
        let first = list(&first, "values")
            .iter()
            .any(|value| value["value"] == "first");
        checks.yes("the first of two", first);
        let keys = ask("attributes/keys", ("prefix", "")).await;
        let mixed = list(&keys, "keys")
            .iter()
            .find(|key| key["key"] == "mixed")
            .unwrap();
        checks.eq("types", list(mixed, "types").len(), 8);
        checks.eq(
            "rows with the key",
            int(&mixed["count"]) as usize,
            values.len() + 1,
        );
        checks.finish();
        assert!(server.stop().success());
        if stage == "in buffers" {
            server.restart().await;
        }
    }
}
