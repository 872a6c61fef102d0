//! Services, their operations and colours.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Shop, get, list, sum};
use crate::ask::{Counts, int, text};
use crate::check::Checks;
use crate::journey::truth::counts;

fn by_name(answer: &Value) -> BTreeMap<String, &Value> {
    let services = list(answer, "services").iter();
    services
        .map(|service| (text(&service["name"]), service))
        .collect()
}

/// Scenario: services over all of the corpus, under a filter, and over its second half.
/// Guarantees: spans, logs, errors by service are those of truth.json; sparklines add up to the
/// figures; a filter narrows; the previous period is the first half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_have_their_figures() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("services");
    let answer = shop.get("services", &[]).await;
    let services = by_name(&answer);
    let of = |field: &str| -> Counts {
        let figures = services.iter();
        figures
            .map(|(name, service)| (name.clone(), int(&service[field])))
            .collect()
    };
    checks.eq(
        "spans",
        of("spans"),
        counts(shop.true_at("/traces/spans_by_service")),
    );
    checks.eq("logs", of("logs"), counts(shop.true_at("/logs/by_service")));
    checks.eq(
        "total_spans",
        int(&answer["total_spans"]),
        int(shop.true_at("/traces/spans")),
    );
    let buckets = int(&answer["buckets"]["count"]) as usize;
    for (name, service) in &services {
        checks.eq(
            &format!("spark of {name}"),
            sum(&service["spark"]),
            int(&service["requests"]),
        );
        let failed = sum(&service["spark_errors"]);
        checks.eq(
            &format!("spark_errors of {name}"),
            failed,
            int(&service["errors"]),
        );
        for spark in ["spark", "spark_errors", "spark_p95"] {
            checks.eq(spark, list(service, spark).len(), buckets);
        }
        let percentiles = ["p50", "p95", "p99"].map(|p| service[p].as_f64().unwrap());
        checks.yes(
            &format!("percentiles of {name} rise"),
            percentiles.is_sorted(),
        );
        checks.eq(
            &format!("previous of {name}"),
            &service["previous"],
            &Value::Null,
        );
    }
    let versions = services
        .values()
        .filter(|s| s["version"].is_string())
        .count();
    checks.eq("versions", versions, services.len());
    let kinds = shop
        .get("services", &[("q", "service:payment kind:server")])
        .await;
    let payment = by_name(&kinds);
    checks.eq("services of a filter", payment.len(), 1);
    checks.eq(
        "requests are spans of kind server",
        &payment["payment"]["requests"],
        &payment["payment"]["spans"],
    );
    let middle = (shop.from + shop.to) / 2;
    let (first, second) = halves(&shop, middle).await;
    for (name, service) in by_name(&second) {
        let before = by_name(&first).get(&name).map(|s| int(&s["requests"]));
        let previous = service["previous"]["requests"].as_i64();
        checks.eq(&format!("previous requests of {name}"), previous, before);
    }
    checks.yes("changes are few", list(&second, "changes").len() <= 5);
    checks.finish();
    assert!(shop.server.stop().success());
}

async fn halves(shop: &Shop, middle: i64) -> (Value, Value) {
    let (from, middle, to) = (
        shop.from.to_string(),
        middle.to_string(),
        shop.to.to_string(),
    );
    let first = shop
        .get("services", &[("from", &from), ("to", &middle)])
        .await;
    let second = shop
        .get("services", &[("from", &middle), ("to", &to)])
        .await;
    (first, second)
}

/// Scenario: operations over the corpus and of one service.
/// Guarantees: counts and errors as truth.json has them; p50 within the error of the estimate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_have_their_figures() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("operations");
    let answer = shop.get("operations", &[]).await;
    let operations = list(&answer, "operations");
    let mut errors = Counts::new();
    for operation in operations {
        *errors.entry(text(&operation["service"])).or_default() += int(&operation["errors"]);
    }
    errors.retain(|_, count| *count > 0);
    checks.eq(
        "errors by service",
        errors,
        counts(shop.true_at("/traces/error_spans_by_service")),
    );
    for want in shop.true_at("/traces/operations").as_array().unwrap() {
        let kind = json!(text(&want["kind"]).to_lowercase());
        let same = |found: &&Value| {
            found["service"] == want["service"]
                && found["name"] == want["name"]
                && found["kind"] == kind
        };
        let what = format!("{} of {}", want["name"], want["service"]);
        let Some(found) = operations.iter().find(same) else {
            checks.yes(&format!("{what} is listed"), false);
            continue;
        };
        checks.eq(&what, int(&found["requests"]), int(&want["count"]));
        checks.eq(&what, int(&found["errors"]), int(&want["errors"]));
        let (low, high) = (int(&want["min_ns"]) as f64, int(&want["max_ns"]) as f64);
        let p50 = found["p50"].as_f64().unwrap();
        checks.yes(
            &format!("p50 of {what} is within"),
            p50 >= low && p50 <= high,
        );
        if int(&want["count"]) > 500 {
            let exact = int(&want["p50_rank_ns"]) as f64;
            checks.yes(
                &format!("p50 of {what}: {p50} {exact}"),
                (p50 / exact - 1.0).abs() < 0.1,
            );
        }
    }
    let one = shop
        .get("operations", &[("service", "payment"), ("limit", "3")])
        .await;
    checks.eq("limit", list(&one, "operations").len(), 3);
    checks.yes("total", int(&one["total"]) > 3);
    let others = list(&one, "operations")
        .iter()
        .any(|o| o["service"] != "payment");
    checks.yes("only of the service", !others);
    checks.finish();
    assert!(shop.server.stop().success());
}

/// Scenario: colour slots before and after a restart.
/// Guarantees: the services of the corpus have different ones, the same everywhere, for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colours_stay() {
    let mut shop = Shop::start().await;
    let answer = shop.get("services", &[]).await;
    let shown: BTreeMap<String, Value> = by_name(&answer)
        .into_iter()
        .map(|(name, service)| (name, service["slot"].clone()))
        .collect();
    let different: std::collections::BTreeSet<String> =
        shown.values().map(Value::to_string).collect();
    assert_eq!(different.len(), shown.len(), "{shown:?}");
    assert!(shop.server.stop().success());
    shop.server.restart().await;
    let (status, slots) = get(&shop.server, "services/slots", &[]).await;
    assert_eq!(status, 200);
    assert_eq!(slots["slots"], json!(shown));
    assert!(shop.server.stop().success());
}
