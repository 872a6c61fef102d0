//! Trace ids of logs, regular expressions, and conditions that fail, over parts and buffers.

use http::StatusCode;
use serde_json::{Value, json};

use super::words::{Indexed, answer, log};
use crate::testing::ask;

/// Scenario: 6,000 lines in one part, with the ids of traces of some lines each, some of them beside each
/// other, some everywhere; an id that no line has; a list of ids; the search bar's form.
/// Guarantees: a scan reads blocks of rows that have the id, and no part for an id of no line; the
/// receipt and EXPLAIN say so.
#[tokio::test(flavor = "multi_thread")]
async fn trace_ids_are_looked_up() {
    let indexed = Indexed::new().await;
    let logs: Vec<Value> = (0..6000)
        .map(|number| {
            let mut log = log(number, Some("order accepted"));
            let trace = if number % 1500 == 7 {
                9999
            } else {
                number / 20
            };
            log["trace_id"] = format!("{trace:032x}").into();
            log
        })
        .collect();
    indexed.append(&logs, true).await;
    let router = indexed.router();
    for (condition, count, rows_max) in [
        (format!("trace_id = '{:032x}'", 77), 20, 2048),
        (
            format!("trace_id = X'{:032X}' AND severity_number >= 9", 77),
            20,
            2048,
        ),
        (
            format!("trace_id IN ('{:032x}', '{:032x}')", 1, 290),
            40,
            3072,
        ),
        (format!("trace_id = '{:032x}'", 5555), 0, 1024),
        (
            format!("trace_id = '{:032x}' AND matches(body, 'absent')", 77),
            0,
            0,
        ),
    ] {
        let sql = format!("SELECT count(*) FROM logs WHERE {condition}");
        let found = answer(&router, &sql).await;
        assert_eq!(found["rows"], json!([[count]]), "{found}");
        let index = &found["receipt"]["index"];
        assert_eq!(index["parts"], json!(1), "{condition}: {found}");
        assert!(
            index["rows"].as_u64().unwrap() <= rows_max,
            "{condition}: {found}"
        );
        let plan = answer(&router, &format!("EXPLAIN {sql}")).await;
        let last = plan["rows"].as_array().unwrap().last().unwrap();
        assert_eq!(last[0], json!("word_index"), "{plan}");
    }
    // In four of six blocks: all are read.
    let sql = format!("SELECT count(*) FROM logs WHERE trace_id = '{:032x}'", 9999);
    let found = answer(&router, &sql).await;
    assert_eq!(found["rows"], json!([[4]]), "{found}");
    assert_eq!(
        found["receipt"]["index"]["parts_common"],
        json!(1),
        "{found}"
    );
}

/// Scenario: all operators and the function with a constant expression, and one that is no constant.
/// Guarantees: the same rows as ever; constants are compiled once, which the plan shows by the function.
#[tokio::test(flavor = "multi_thread")]
async fn regular_expressions_are_compiled_once() {
    let indexed = Indexed::new().await;
    let bodies = ["Card 1", "card 22", "x"];
    let logs: Vec<Value> = (0..3)
        .map(|number| log(number, Some(bodies[number])))
        .collect();
    indexed.append(&logs, true).await;
    let router = indexed.router();
    for (condition, count, once) in [
        ("body ~ '^c.*[0-9]{2}'", 1, true),
        ("body ~* '^c.*[0-9]'", 2, true),
        ("body !~ '^c.*[0-9]'", 2, true),
        ("body !~* '^c.*[0-9]'", 1, true),
        ("regexp_like(body, '^c.*[0-9]')", 1, true),
        ("regexp_like(body, '^c.*[0-9]', 'i')", 2, true),
        ("regexp_like(body, '^ c .* [0-9]', 'x')", 1, true),
        ("body ~ service_name", 0, false),
    ] {
        let sql = format!("SELECT count(*) FROM logs WHERE {condition}");
        let found = answer(&router, &sql).await;
        assert_eq!(found["rows"], json!([[count]]), "{condition}: {found}");
        let plan = answer(&router, &format!("EXPLAIN {sql}")).await.to_string();
        assert_eq!(plan.contains("regexp_like("), once, "{plan}");
    }
}

/// Scenario: conditions that fail at a row, a text beside a number and a division by zero, over a buffer
/// and over a part.
/// Guarantees: the same kind of error from both, which says what is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn conditions_that_fail_are_the_askers_fault() {
    for flush in [false, true] {
        let indexed = Indexed::new().await;
        let mut log = log(1, Some("order accepted"));
        log["attributes.session.id"] = "seven \"7\"".into();
        indexed.append(&[log], flush).await;
        let router = indexed.router();
        for (condition, told) in [
            ("\"attributes.session.id\" = 7", "'seven \"7\"'"),
            ("1 / (severity_number - 9) = 1", "ivide"),
            ("body ~ concat('(', service_name)", "regex parse error"),
        ] {
            let sql = format!("SELECT count(*) FROM logs WHERE {condition}");
            let (status, error) = ask(&router, &sql).await;
            assert_eq!(
                status,
                StatusCode::BAD_REQUEST,
                "{flush} {condition}: {error}"
            );
            let message = error["error"]["message"].as_str().unwrap();
            assert!(message.contains(told), "{flush} {condition}: {message}");
        }
    }
}
