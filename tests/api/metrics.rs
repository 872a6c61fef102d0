//! Metrics: the catalogue, keys, series.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Shop, list, total};
use crate::ask::{float, int, text};
use crate::check::Checks;

/// Scenario: the catalogue, searched and whole; the keys of a metric.
/// Guarantees: names, types, points, series, services as truth.json has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_is_whole() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("metric catalogue");
    let answer = shop.get("metrics", &[]).await;
    checks.eq(
        "metrics",
        int(&answer["total"]),
        int(shop.true_at("/metrics/metrics")),
    );
    let mut want: BTreeMap<(String, String), (i64, i64, i64)> = BTreeMap::new();
    for entry in shop.true_at("/metrics/list").as_array().unwrap() {
        let key = (text(&entry["name"]), text(&entry["type"]));
        let (points, series, services) = want.entry(key).or_default();
        *points += int(&entry["points"]);
        *series += int(&entry["series"]);
        *services += 1;
    }
    let found: BTreeMap<(String, String), (i64, i64, i64)> = list(&answer, "metrics")
        .iter()
        .map(|metric| {
            let key = (text(&metric["name"]), text(&metric["type"]));
            let services = list(metric, "services").len() as i64;
            (
                key,
                (int(&metric["points"]), int(&metric["series"]), services),
            )
        })
        .collect();
    checks.eq("points, series, services", found, want);
    let cpu = list(&answer, "metrics")
        .iter()
        .find(|m| m["name"] == "process.cpu.time")
        .unwrap();
    checks.eq(
        "temporality of several",
        &cpu["temporality"],
        &Value::from("mixed"),
    );
    let some = shop.get("metrics", &[("search", "ORDER.l")]).await;
    checks.eq(
        "search",
        &some["metrics"][0]["name"],
        &Value::from("shop.order.lines"),
    );
    checks.eq("search", list(&some, "metrics").len(), 1);
    let keys = shop.get("metrics/keys", &[("name", "shop.orders")]).await;
    let first: Vec<(String, i64)> = list(&keys, "keys")[..2]
        .iter()
        .map(|key| (text(&key["key"]), int(&key["values_count"])))
        .collect();
    checks.eq(
        "keys",
        first,
        vec![("outcome".to_owned(), 4), ("region".to_owned(), 3)],
    );
    checks.finish();
    assert!(shop.server.stop().success());
}

/// Scenario: each metric of the corpus by service: counters as growth, histograms as count and sum,
/// gauges by their extremes; of cumulative and delta temporality, explicit and exponential.
/// Guarantees: what truth.json says was counted, measured, last seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_add_up() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("metric series");
    for want in shop.true_at("/metrics/list").as_array().unwrap() {
        let (name, service) = (text(&want["name"]), text(&want["service"]));
        let what = format!("{name} of {service}");
        let of = async |agg: &str| {
            let params = [
                ("name", &*name),
                ("service", &*service),
                ("agg", agg),
                ("steps", "50"),
            ];
            shop.get("metrics/series", &params).await
        };
        let kind = text(&want["type"]);
        if kind == "sum" && want["monotonic"] == true {
            let grown = of("increase").await;
            checks.close(
                &what,
                total(&grown["series"][0]["values"]),
                float(&want["total"]),
            );
            checks.eq(&what, int(&grown["series_read"]), int(&want["series"]));
        } else if kind.contains("histogram") {
            let counted = of("count").await;
            let counts = total(&counted["series"][0]["values"]);
            checks.close(&format!("count of {what}"), counts, float(&want["count"]));
            let in_map = total(&counted["heatmap"]["counts"]);
            checks.yes(
                &format!("heatmap of {what}: {in_map}"),
                (in_map - counts).abs() < 0.01,
            );
            let columns = int(&counted["count"]) as usize;
            let rows = list(&counted["heatmap"], "edges").len() - 1;
            checks.eq(
                &what,
                list(&counted["heatmap"], "counts").len(),
                rows * columns,
            );
            let sums = of("sum").await;
            checks.close(
                &format!("sum of {what}"),
                total(&sums["series"][0]["values"]),
                float(&want["sum"]),
            );
            let p95 = of("auto").await;
            checks.eq(&format!("auto of {what}"), &p95["agg"], &Value::from("p95"));
        } else {
            let (low, high) = (of("min").await, of("max").await);
            let extreme = |answer: &Value, better: fn(f64, f64) -> f64| {
                let values = answer["series"][0]["values"].as_array().unwrap().iter();
                values.filter_map(Value::as_f64).reduce(better).unwrap()
            };
            let (low, high) = (extreme(&low, f64::min), extreme(&high, f64::max));
            let last = want["last"]
                .as_array()
                .or(want["by_series"].as_array())
                .unwrap();
            for entry in last {
                let last = float(&entry[1]);
                checks.yes(
                    &format!("{what}: {low} {last} {high}"),
                    low <= last && last <= high,
                );
            }
        }
    }
    checks.finish();
    assert!(shop.server.stop().success());
}

/// Scenario: a counter by key, by series, filtered; a metric whose senders differ in temporality; a
/// percentile of a gauge; a metric that is not there.
/// Guarantees: lines with the labels and totals of truth.json; a clear refusal; an empty answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_are_grouped_and_filtered() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("metric groups");
    let orders = shop.true_at("/metrics/list").as_array().unwrap();
    let orders = orders
        .iter()
        .find(|metric| metric["name"] == "shop.orders")
        .unwrap();
    let mut want: BTreeMap<String, f64> = BTreeMap::new();
    for entry in orders["by_series"].as_array().unwrap() {
        *want.entry(text(&entry[0]["region"])).or_default() += float(&entry[1]);
    }
    let base = [("name", "shop.orders"), ("agg", "increase")];
    let by_region = shop
        .get("metrics/series", &[base[0], base[1], ("group", "region")])
        .await;
    checks.eq(
        "lines",
        int(&by_region["series_total"]) as usize,
        want.len(),
    );
    for line in list(&by_region, "series") {
        let region = text(&line["labels"]["region"]);
        checks.close(&region, total(&line["values"]), want[&region]);
    }
    let each = shop
        .get(
            "metrics/series",
            &[base[0], base[1], ("group", "*"), ("limit", "5")],
        )
        .await;
    checks.eq("limit", list(&each, "series").len(), 5);
    checks.eq("series", int(&each["series_total"]), int(&orders["series"]));
    let labels = &each["series"][0]["labels"];
    checks.eq(
        "service of a series",
        &labels["service"],
        &Value::from("orders"),
    );
    checks.yes(
        "labels of a series",
        labels["outcome"].is_string() && labels["region"].is_string(),
    );
    let filters = [
        base[0],
        base[1],
        ("filter", "region=eu-north"),
        ("filter", "region=eu-west"),
    ];
    let two = shop.get("metrics/series", &filters).await;
    let both = want["eu-north"] + want["eu-west"];
    checks.close(
        "two values of a filter",
        total(&two["series"][0]["values"]),
        both,
    );
    let cpu = [
        ("name", "process.cpu.time"),
        ("group", "service"),
        ("agg", "increase"),
    ];
    let cpu = shop.get("metrics/series", &cpu).await;
    checks.eq("mixed", &cpu["temporality"], &Value::from("mixed"));
    checks.eq("services", int(&cpu["series_total"]), 6);
    let rate = shop.get("metrics/series", &[("name", "shop.orders")]).await;
    checks.eq("auto", &rate["agg"], &Value::from("rate"));
    checks.yes("exemplars", !list(&rate, "exemplars").is_empty());
    let none = shop
        .get("metrics/series", &[("name", "no.such.metric")])
        .await;
    checks.eq(
        "no such metric",
        (list(&none, "series").len(), &none["type"]),
        (0, &Value::Null),
    );
    let params = [
        ("name", "process.memory.usage"),
        ("agg", "p95"),
        ("from", "0"),
    ];
    let (status, refused) = super::get(&shop.server, "metrics/series", &params).await;
    checks.eq("p95 of a gauge", status, 400);
    checks.yes("with a hint", refused["error"]["hint"].is_string());
    checks.finish();
    assert!(shop.server.stop().success());
}
