//! Patterns of log messages.

use serde_json::Value;

use crate::api::{Shop, get, list, sum};
use crate::ask::{int, text};
use crate::check::Checks;

/// Phrases of messages that are never quoted by others.
const KEPT: [&str; 5] = [
    "recalculated basket total",
    "received order request",
    "task queue depth",
    "slow catalogue query",
    "daily revenue report",
];

/// Scenario: the patterns of the corpus, all and few of them, with a filter, twice, with `since`.
/// Guarantees: counts add up to the records; phrases that truth.json knows are counted as there;
/// filter texts find at least the pattern's records; the answer is the same each time; a sample is one
/// of its records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patterns_count_all_records() {
    let mut shop = Shop::start().await;
    let mut checks = Checks::new("log patterns");
    let answer = shop.get("logs/patterns", &[("limit", "1000")]).await;
    let total = int(shop.true_at("/logs/records"));
    for name in ["read", "total"] {
        checks.eq(name, int(&answer[name]), total);
    }
    let patterns = list(&answer, "patterns");
    let counts = |patterns: &[Value]| patterns.iter().map(|p| int(&p["count"])).sum::<i64>();
    checks.eq("all", counts(patterns), total);
    checks.yes("few patterns", patterns.len() > 10 && patterns.len() < 200);
    checks.yes(
        "sorted",
        patterns.is_sorted_by(|a, b| int(&a["count"]) >= int(&b["count"])),
    );
    for (phrase, want) in shop.true_at("/logs/phrases").as_object().unwrap() {
        // The phrases of the corpus are lower case, without punctuation; numbers are left out.
        let words = |body: &str| {
            let lower = body.to_lowercase();
            let words = lower
                .split(|c: char| !c.is_alphanumeric())
                .filter(|w| !w.is_empty());
            words.map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        let with: Vec<Value> = patterns
            .iter()
            .filter(|pattern| words(&text(&pattern["pattern"])).contains(phrase.as_str()))
            .cloned()
            .collect();
        // What stands in quotes is left out, so there may be less.
        checks.yes(phrase, counts(&with) <= int(want));
        if KEPT.contains(&phrase.as_str()) {
            checks.eq(phrase, counts(&with), int(want));
        }
    }
    for pattern in patterns {
        let (name, count) = (text(&pattern["pattern"]), int(&pattern["count"]));
        let levels = pattern["levels"].as_object().unwrap();
        checks.eq(&name, levels.values().map(int).sum::<i64>(), count);
        checks.eq(&name, sum(&pattern["trend"]), count);
        checks.yes(&name, int(&pattern["first"]) <= int(&pattern["last"]));
        checks.eq(&name, &pattern["sample"]["time"], &pattern["last"]);
        checks.eq(&name, &pattern["new"], &Value::Null);
    }
    for pattern in patterns.iter().take(25) {
        let Some(q) = pattern["q"].as_str() else {
            continue;
        };
        let found = shop.get("search/logs", &[("q", q), ("limit", "1")]).await;
        checks.yes(q, int(&found["total"]) >= int(&pattern["count"]));
    }
    let again = shop.get("logs/patterns", &[("limit", "1000")]).await;
    checks.eq("again", &again["patterns"], &answer["patterns"]);
    let since = text(&patterns[0]["last"]);
    let few = [("limit", "3"), ("since", &*since), ("q", "service:orders")];
    let few = shop.get("logs/patterns", &few).await;
    checks.eq("few", list(&few, "patterns").len(), 3);
    let orders = int(&shop.true_at("/logs/by_service")["orders"]);
    checks.eq(
        "others",
        counts(list(&few, "patterns")) + int(&few["others"]),
        orders,
    );
    for pattern in list(&few, "patterns") {
        let new = int(&pattern["first"]) >= since.parse().unwrap();
        checks.eq("new", &pattern["new"], &Value::Bool(new));
        checks.eq("service", &pattern["services"][0]["value"], "orders");
    }
    checks.finish();
    shop.server
        .set_var("ORIEL_QUERY_PATTERN_RECORDS_MAX", "1000");
    assert!(shop.server.stop().success());
    shop.server.restart().await;
    let answer = shop.get("logs/patterns", &[]).await;
    assert_eq!(
        (&answer["complete"], int(&answer["total"])),
        (&Value::Bool(false), total)
    );
    let read = int(&answer["read"]);
    assert!((1_000..1_100).contains(&read), "{read}");
    for bad in [
        ("limit", "0"),
        ("buckets", "201"),
        ("since", "soon"),
        ("q", "a:("),
    ] {
        let (status, body) = get(&shop.server, "logs/patterns", &[bad]).await;
        assert_eq!(status, 400, "{bad:?}: {body}");
    }
    assert!(shop.server.stop().success());
}
