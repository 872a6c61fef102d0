//! What truth.json says about the log records of the shop corpus, asked in SQL.

use serde_json::Value;

use super::truth::{Truth, counts};
use crate::ask::{Api, int, text};
use crate::check::Checks;

/// Compares all figures of the logs.
pub(crate) async fn check(api: &Api, truth: &Truth, checks: &mut Checks) {
    let logs = &truth.0["logs"];
    totals(api, logs, checks).await;
    groups(api, logs, checks).await;
    words(api, logs, checks).await;
    phrases(api, logs, checks).await;
}

async fn totals(api: &Api, logs: &Value, checks: &mut Checks) {
    let got = api
        .ints(
            "SELECT count(*),
                count(*) FILTER (WHERE body IS NOT NULL AND body_json IS NULL),
                count(*) FILTER (WHERE body_json IS NOT NULL),
                count(*) FILTER (WHERE body IS NULL),
                count(*) FILTER (WHERE severity_number >= 17),
                count(trace_id),
                count(attributes['exception.type']),
                count(*) FILTER (WHERE body_json IS NULL AND strpos(rtrim(body, chr(10)), chr(10)) > 0),
                CAST(min(time) AS BIGINT), CAST(max(time) AS BIGINT)
             FROM logs",
        )
        .await;
    let names = [
        "records",
        "string_bodies",
        "map_bodies",
        "no_body",
        "severity_error_or_worse",
        "with_trace_id",
        "with_exception",
        "multi_line_bodies",
        "first_time_unix_nano",
        "last_time_unix_nano",
    ];
    for (name, got) in names.iter().zip(got) {
        checks.eq(&format!("logs {name}"), got, int(&logs[*name]));
    }
    let present = api
        .int("SELECT count(*) FROM logs WHERE trace_id IN (SELECT trace_id FROM spans)")
        .await;
    let name = "with_trace_id_present_in_traces";
    checks.eq(name, present, int(&logs[name]));
    let joined = api
        .int(
            "SELECT count(*) FROM logs l JOIN spans s
               ON s.trace_id = l.trace_id AND s.span_id = l.span_id
             WHERE s.service_name = l.service_name",
        )
        .await;
    checks.yes("logs join their spans by id", joined > 4_000);
    let sorted = api
        .int("SELECT count(*) FROM logs WHERE timestamp <> time OR time IS NULL")
        .await;
    checks.eq("timestamp is time where there is one", sorted, 0);
}

async fn groups(api: &Api, logs: &Value, checks: &mut Checks) {
    let asked = [
        (
            "by_service",
            "SELECT service_name, count(*) FROM logs GROUP BY 1",
        ),
        (
            "by_severity_number",
            "SELECT severity_number, count(*) FROM logs GROUP BY 1",
        ),
        (
            "by_severity_text",
            "SELECT severity_text, count(*) FROM logs GROUP BY 1",
        ),
        ("scopes", "SELECT scope_name, count(*) FROM logs GROUP BY 1"),
        (
            "event_names",
            "SELECT event_name, count(*) FROM logs WHERE event_name IS NOT NULL GROUP BY 1",
        ),
        (
            "exception_types",
            "SELECT attributes['exception.type'], count(*) FROM logs
             WHERE attributes['exception.type'] IS NOT NULL GROUP BY 1",
        ),
    ];
    for (name, sql) in asked {
        checks.eq(
            &format!("logs {name}"),
            api.counts(sql).await,
            counts(&logs[name]),
        );
    }
    let most = api
        .counts("SELECT trace_id, count(*) FROM logs WHERE trace_id IS NOT NULL GROUP BY 1")
        .await;
    for entry in logs["trace_with_most_logs"].as_array().unwrap() {
        let id = text(&entry["trace_id"]);
        checks.eq(
            &format!("logs of {id}"),
            most.get(&id).copied(),
            Some(int(&entry["records"])),
        );
    }
    let wrong = api
        .int(
            "SELECT count(*) FROM logs
             WHERE event_name = 'shop.payment.settled' AND (body_json IS NULL OR body <> body_json)",
        )
        .await;
    checks.eq("map bodies are JSON text in both columns", wrong, 0);
}

/// The condition that a string body has `word` in it, in any case.
fn has(word: &str) -> String {
    format!("(body_json IS NULL AND lower(body) LIKE '%{word}%')")
}

async fn words(api: &Api, logs: &Value, checks: &mut Checks) {
    for (word, want) in logs["word_hits"].as_object().unwrap() {
        let sql = format!(
            "SELECT service_name, count(*) FROM logs WHERE {} GROUP BY 1",
            has(word)
        );
        let got = api.counts(&sql).await;
        checks.eq(
            &format!("{word} by service"),
            got.clone(),
            counts(&want["by_service"]),
        );
        checks.eq(word, got.values().sum::<i64>(), int(&want["substring"]));
    }
    let severe: Vec<(&String, i64)> = logs["word_and_severity_ge_17"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(word, count)| (word, int(count)))
        .collect();
    let list: Vec<String> = severe
        .iter()
        .map(|(word, _)| format!("count(*) FILTER (WHERE {})", has(word)))
        .collect();
    let sql = format!(
        "SELECT {} FROM logs WHERE severity_number >= 17",
        list.join(", ")
    );
    for ((word, want), got) in severe.iter().zip(api.ints(&sql).await) {
        checks.eq(&format!("{word} in errors"), got, *want);
    }
    for pair in logs["both_words"].as_array().unwrap() {
        let words: Vec<String> = pair["words"].as_array().unwrap().iter().map(text).collect();
        let (first, second) = (has(&words[0]), has(&words[1]));
        let sql = format!(
            "SELECT count(*) FILTER (WHERE {first} AND {second}),
               count(*) FILTER (WHERE {first} AND NOT {second}),
               count(*) FILTER (WHERE {first} OR {second}) FROM logs"
        );
        let want = ["and_records", "first_not_second", "or_records"].map(|n| int(&pair[n]));
        checks.eq(
            &format!("{words:?} and, and not, or"),
            api.ints(&sql).await,
            want.to_vec(),
        );
    }
}

async fn phrases(api: &Api, logs: &Value, checks: &mut Checks) {
    let phrases: Vec<(&String, i64)> = logs["phrases"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(p, n)| (p, int(n)))
        .collect();
    let list: Vec<String> = phrases
        .iter()
        .map(|(phrase, _)| {
            let gap = phrase.replace(' ', "[^[:alnum:]]+");
            format!("count(*) FILTER (WHERE regexp_like(lower(body), '(^|[^[:alnum:]]){gap}([^[:alnum:]]|$)'))")
        })
        .collect();
    let sql = format!(
        "SELECT {} FROM logs WHERE body_json IS NULL",
        list.join(", ")
    );
    for ((phrase, want), got) in phrases.iter().zip(api.ints(&sql).await) {
        checks.eq(&format!("phrase {phrase:?}"), got, *want);
    }
}
