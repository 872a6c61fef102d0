//! Log records: pages, totals, histograms, one record.

mod columns;
mod context;
mod export;
mod fields;
mod patterns;
mod tail;

use std::collections::BTreeMap;

use oriel_proto::Signal;
use serde_json::{Value, json};

use super::{Shop, get, list, sum};
use crate::ask::{Counts, int, text};
use crate::check::Checks;
use crate::edges::{attribute, log, log_request};
use crate::journey::truth::counts;
use crate::support::{Server, otlp};

/// All pages of a search; `between` happens after each.
async fn pages(
    server: &Server,
    params: &[(&str, &str)],
    mut between: impl AsyncFnMut(usize),
) -> (Vec<Value>, i64) {
    let (mut logs, mut total) = (Vec::new(), 0);
    let mut cursor: Option<String> = None;
    for number in 0.. {
        let mut asked = params.to_vec();
        if let Some(cursor) = &cursor {
            asked.push(("cursor", cursor));
        }
        let (status, page) = get(server, "search/logs", &asked).await;
        assert_eq!(status, 200, "{page}");
        total = int(&page["total"]);
        logs.extend(list(&page, "logs").iter().cloned());
        between(number).await;
        match page["cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    (logs, total)
}

/// Scenario: all records page by page, newest and oldest first, while newer, older and equally old
/// records keep arriving; severities and words as filters.
/// Guarantees: each record of the corpus once, in order; totals are those of truth.json.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_whole_while_records_arrive() {
    let mut shop = Shop::start().await;
    let (from, to) = (shop.from.to_string(), shop.to.to_string());
    for order in ["newest", "oldest"] {
        let params = [
            ("from", &*from),
            ("to", &*to),
            ("order", order),
            ("limit", "311"),
            ("q", "-arrived"),
        ];
        let server = &shop.server;
        let (logs, total) = pages(server, &params, async |number| {
            let mut record = log(&format!("arrived {order} {number}"));
            record.time_unix_nano = (shop.from + number as i64 * 1_000_000_000) as u64;
            let body = log_request("late", vec![record]);
            otlp::post(server, Signal::Logs, "application/x-protobuf", body).await;
        })
        .await;
        let want = int(shop.true_at("/logs/records"));
        assert_eq!((logs.len() as i64, total), (want, want), "{order}");
        let ids: std::collections::BTreeSet<String> =
            logs.iter().map(|log| text(&log["id"])).collect();
        assert_eq!(ids.len() as i64, want, "each record once, {order}");
        let times: Vec<i64> = logs.iter().map(|log| int(&log["time"])).collect();
        match order {
            "newest" => assert!(times.is_sorted_by(|a, b| a >= b)),
            _ => assert!(times.is_sorted()),
        }
    }
    let mut checks = Checks::new("log filters");
    let bad = shop
        .get("search/logs", &[("q", "level:>=error"), ("limit", "1")])
        .await;
    checks.eq(
        "level:>=error",
        int(&bad["total"]),
        int(shop.true_at("/logs/severity_error_or_worse")),
    );
    for (word, want) in shop.true_at("/logs/word_hits").as_object().unwrap() {
        let q = format!("body:*{word}* -arrived");
        let found = shop.get("search/logs", &[("q", &q), ("limit", "1")]).await;
        // Maps as bodies are searched as text too, so there may be more.
        checks.yes(word, int(&found["total"]) >= int(&want["substring"]));
    }
    checks.finish();
    assert!(shop.server.stop().success());
}

/// Scenario: histograms with few and many buckets, with and without a filter.
/// Guarantees: by level the counts of truth.json; the sum is the total of the search.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histograms_add_up() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("log histograms");
    for buckets in ["1", "7", "60", "1000"] {
        let answer = shop.get("logs/histogram", &[("buckets", buckets)]).await;
        let by_level: Counts = list(&answer, "series")
            .iter()
            .map(|series| {
                (
                    text(&series["level"]).to_uppercase(),
                    sum(&series["counts"]),
                )
            })
            .collect();
        checks.eq(
            buckets,
            by_level,
            counts(shop.true_at("/logs/by_severity_text")),
        );
        checks.eq(
            "total",
            int(&answer["total"]),
            int(shop.true_at("/logs/records")),
        );
        let count = int(&answer["count"]);
        checks.yes(
            "at most so many",
            count <= buckets.parse().unwrap() && count > 0,
        );
    }
    for q in ["service:orders", "level:warn OR breaker", "trace:*"] {
        let answer = shop.get("logs/histogram", &[("q", q)]).await;
        let found = shop.get("search/logs", &[("q", q), ("limit", "1")]).await;
        let counted: i64 = list(&answer, "series")
            .iter()
            .map(|s| sum(&s["counts"]))
            .sum();
        checks.eq(q, int(&found["total"]), counted);
        checks.eq(q, int(&answer["total"]), counted);
    }
    checks.finish();
    assert!(shop.server.stop().success());
}

/// Scenario: one record by its id while it is in a buffer, and after it went to a file; the records
/// of the trace that has most; ids that are none or nobody's.
/// Guarantees: the whole record, with all attributes; the id stays good; 404 and 400 otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_found_by_id() {
    let mut shop = Shop::start().await;
    let answer = shop
        .get(
            "search/logs",
            &[("q", "exception.type:KeyError"), ("limit", "5")],
        )
        .await;
    let mut found = Vec::new();
    for log in list(&answer, "logs") {
        let id = text(&log["id"]);
        let (status, whole) = get(&shop.server, &format!("logs/{id}"), &[]).await;
        assert_eq!(status, 200, "{whole}");
        let record = whole["log"].clone();
        for field in [
            "time",
            "service",
            "level",
            "trace_id",
            "severity_number",
            "body_bytes",
        ] {
            assert_eq!(record[field], log[field], "{field}");
        }
        let kept = list(&record, "attributes");
        assert_eq!(kept.len() as i64, int(&log["attributes_count"]));
        let error = json!({"key": "exception.type", "type": "string", "value": "KeyError"});
        assert!(kept.contains(&error), "{kept:?}");
        assert!(!list(&record, "resource_attributes").is_empty());
        found.push((id, record));
    }
    assert_eq!(found.len(), 5);
    let most = shop.true_at("/logs/trace_with_most_logs")[0].clone();
    let path = format!("traces/{}/logs", text(&most["trace_id"]));
    let (status, of_trace) = get(&shop.server, &path, &[]).await;
    assert_eq!(
        (status, int(&of_trace["total"])),
        (200, int(&most["records"]))
    );
    assert_eq!(list(&of_trace, "logs").len() as i64, int(&most["records"]));
    assert!(shop.server.stop().success());
    shop.server.restart().await;
    for (id, record) in found {
        let (status, whole) = get(&shop.server, &format!("logs/{id}"), &[]).await;
        assert_eq!((status, &whole["log"]), (200, &record));
    }
    for (id, want) in [
        ("1-0000000000000000", 404),
        ("x", 400),
        ("1-2", 400),
        ("-", 400),
    ] {
        let (status, body) = get(&shop.server, &format!("logs/{id}"), &[]).await;
        assert_eq!(status, want, "{id}: {body}");
    }
    assert!(shop.server.stop().success());
}

/// Scenario: 40 records that nothing tells apart, and others of the same nanosecond, in pages of 7.
/// Guarantees: each of them once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_records_are_told_one_by_one() {
    let mut server = Server::start().await;
    let mut records = vec![log("the same"); 40];
    for number in 0..30 {
        let mut other = log("another");
        other.attributes = vec![attribute("number", &format!("{}", number % 20))];
        records.push(other);
    }
    let body = log_request("twins", records);
    otlp::post(&server, Signal::Logs, "application/x-protobuf", body).await;
    for order in ["newest", "oldest"] {
        let params = [
            ("from", "0"),
            ("to", "1800000000000000000"),
            ("limit", "7"),
            ("order", order),
        ];
        let (logs, total) = pages(&server, &params, async |_| {}).await;
        assert_eq!((logs.len(), total), (70, 70), "{order}");
        let mut by_id: BTreeMap<String, i64> = BTreeMap::new();
        for log in &logs {
            *by_id.entry(text(&log["id"])).or_default() += 1;
        }
        let mut times: Vec<i64> = by_id.into_values().collect();
        times.sort_unstable();
        assert_eq!(
            times,
            [vec![1; 10], vec![2; 10], vec![40]].concat(),
            "{order}"
        );
    }
    assert!(server.stop().success());
}
