//! Fields of all matching records.

use std::collections::BTreeMap;

use oriel_proto::Signal;
use serde_json::Value;

use crate::api::{Shop, get, list};
use crate::ask::{Counts, int, text};
use crate::check::Checks;
use crate::edges::{attribute, log, log_request};
use crate::journey::truth::counts;
use crate::support::{Server, otlp};

fn field<'a>(answer: &'a Value, key: &str) -> &'a Value {
    let found = list(answer, "fields")
        .iter()
        .find(|field| field["key"] == key);
    found.unwrap_or_else(|| panic!("no field {key} in {answer}"))
}

fn values(field: &Value) -> Counts {
    list(field, "top")
        .iter()
        .map(|value| (text(&value["value"]), int(&value["count"])))
        .collect()
}

/// Scenario: the fields of the corpus, from buffers and from files, without and with a filter.
/// Guarantees: counts are those of truth.json; what a value's filter text keeps is as many records as
/// were counted, and what it drops are the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_are_counted_over_all_matches() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("log fields");
    let answer = shop.get("logs/fields", &[("top", "100")]).await;
    let total = int(shop.true_at("/logs/records"));
    checks.eq("total", int(&answer["total"]), total);
    checks.eq("complete", &answer["complete"], &Value::Bool(true));
    let truth = |pointer: &str| counts(shop.true_at(pointer));
    checks.eq(
        "services",
        values(field(&answer, "service")),
        truth("/logs/by_service"),
    );
    let levels: Counts = truth("/logs/by_severity_text")
        .into_iter()
        .map(|(level, count)| (level.to_lowercase(), count))
        .collect();
    checks.eq("levels", values(field(&answer, "level")), levels);
    checks.eq(
        "events",
        values(field(&answer, "event")),
        truth("/logs/event_names"),
    );
    checks.eq(
        "exceptions",
        values(field(&answer, "exception.type")),
        truth("/logs/exception_types"),
    );
    for field in list(&answer, "fields") {
        let key = text(&field["key"]);
        let sum: i64 = list(field, "top")
            .iter()
            .map(|value| int(&value["count"]))
            .sum();
        checks.yes(&key, sum <= int(&field["present"]));
        checks.yes(&key, int(&field["present"]) <= total);
        let (distinct, exact) = (int(&field["distinct"]), &field["distinct_exact"]);
        checks.eq(&key, exact, &Value::Bool(true));
        if distinct <= 100 {
            checks.eq(&key, sum, int(&field["present"]));
            checks.eq(&key, list(field, "top").len() as i64, distinct);
        }
        let first = &list(field, "top")[0];
        let Some(keep) = first["keep"].as_str() else {
            continue;
        };
        let kept = shop
            .get("search/logs", &[("q", keep), ("limit", "1")])
            .await;
        checks.eq(keep, int(&kept["total"]), int(&first["count"]));
        let left = text(&first["drop"]);
        let left = shop
            .get("search/logs", &[("q", &left), ("limit", "1")])
            .await;
        checks.eq(keep, int(&left["total"]), total - int(&first["count"]));
    }
    let some = shop
        .get("logs/fields", &[("q", "service:orders"), ("limit", "3")])
        .await;
    checks.eq("fields", list(&some, "fields").len(), 3);
    checks.yes("more", int(&some["fields_count"]) > 3);
    checks.eq(
        "orders",
        int(&some["total"]),
        truth("/logs/by_service")["orders"],
    );
    checks.finish();
    assert!(shop.server.stop().success());
    shop.server.restart().await;
    let again = shop.get("logs/fields", &[("top", "100")]).await;
    assert_eq!(answer["fields"], again["fields"]);
    assert!(shop.server.stop().success());
}

/// Scenario: 12,000 records with an id each, values of several types under one key, a key that is
/// called like a field, a very long value; parameters that are none.
/// Guarantees: what is estimated says so and is near; keys are named so that the filter finds them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_values_are_estimated_and_say_so() {
    let mut server = Server::start().await;
    let mut records = Vec::new();
    for number in 0..12_000 {
        let mut record = log("x");
        record.attributes = vec![
            attribute("id", &format!("id-{number}")),
            attribute("level", if number % 3 == 0 { "three" } else { "other" }),
            attribute("long", &"y".repeat(300)),
        ];
        records.push(record);
    }
    let body = log_request("many", records);
    otlp::post(&server, Signal::Logs, "application/x-protobuf", body).await;
    let all = [("from", "0"), ("to", "1900000000000000000")];
    let (status, answer) = get(&server, "logs/fields", &all).await;
    assert_eq!(status, 200, "{answer}");
    let id = field(&answer, "id");
    assert_eq!(id["distinct_exact"], false);
    assert!(int(&id["distinct"]).abs_diff(12_000) < 1_200, "{id}");
    assert_eq!(int(&id["present"]), 12_000);
    let level = field(&answer, "log.level");
    let want: BTreeMap<String, i64> =
        [("other".to_owned(), 8_000), ("three".to_owned(), 4_000)].into();
    assert_eq!(values(level), want);
    let keep = text(&level["top"][1]["keep"]);
    let params = [all[0], all[1], ("q", &keep), ("limit", "1")];
    let (_, kept) = get(&server, "search/logs", &params).await;
    assert_eq!(int(&kept["total"]), 4_000, "{keep}");
    let long = &field(&answer, "long")["top"][0];
    assert_eq!(
        (&long["cut"], &long["keep"]),
        (&Value::Bool(true), &Value::Null)
    );
    for bad in [("top", "0"), ("limit", "2001"), ("q", "("), ("tops", "5")] {
        let (status, body) = get(&server, "logs/fields", &[bad]).await;
        assert_eq!(status, 400, "{bad:?}: {body}");
    }
    assert!(server.stop().success());
}
