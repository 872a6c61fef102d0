//! Ids in comparisons, lists, joins, functions and answers.

use oriel_storage::schema::Table;
use serde_json::json;

use crate::testing::World;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn world() -> World {
    let mut world = World::new();
    let span =
        |id: &str, name: &str| json!({"trace_id": id, "span_id": "00f067aa0ba902b7", "name": name});
    world.part(Table::Spans, &[span(TRACE, "a")], &[]).await;
    world.buffer(
        Table::Spans,
        &[span("ff000000000000000000000000000001", "b")],
        &[],
    );
    world.buffer(
        Table::Logs,
        &[json!({"trace_id": TRACE, "body": "hello"})],
        &[],
    );
    world
}

/// Scenario: an id as text of any case, on either side, in a list, in LIKE, in a range, against
/// text columns; a join of spans and logs; casts and functions.
/// Guarantees: the ids that are meant are found, and print as lower-case hex.
#[tokio::test(flavor = "multi_thread")]
async fn ids_compare_as_hex() {
    let world = world().await;
    let upper = TRACE.to_uppercase();
    for condition in [
        format!("trace_id = '{TRACE}'"),
        format!("'{upper}' = trace_id"),
        format!("trace_id IN ('{TRACE}', '00000000000000000000000000000001')"),
        "trace_id LIKE '4bf9%'".to_owned(),
        "trace_id <> 'ff000000000000000000000000000001'".to_owned(),
        "trace_id BETWEEN '4b' AND '4c'".to_owned(),
        "trace_id = (SELECT trace_id FROM logs)".to_owned(),
        format!("trace_id = lower('{upper}')"),
        format!("hex(trace_id) = '{TRACE}' AND trace_id::text = '{TRACE}'"),
        format!("encode(trace_id, 'hex') = '{TRACE}'"),
    ] {
        let rows = world
            .rows(&format!(
                "SELECT trace_id, span_id, name FROM spans WHERE {condition}"
            ))
            .await;
        assert_eq!(
            rows,
            json!([[TRACE, "00f067aa0ba902b7", "a"]]),
            "{condition}"
        );
    }
    let joined = world
        .rows("SELECT s.name, l.body, l.trace_id FROM spans s JOIN logs l USING (trace_id)")
        .await;
    assert_eq!(joined, json!([["a", "hello", TRACE]]));
}

/// Scenario: the present, alone and in the filter of a time range.
/// Guarantees: it is known when a query is planned, so that it can prune.
#[tokio::test(flavor = "multi_thread")]
async fn now_is_a_time() {
    let world = world().await;
    for sql in [
        "SELECT count(*) FROM spans WHERE start_time > now() - INTERVAL '200 years'",
        "SELECT count(*) FROM spans WHERE start_time < now() AND now() > TIMESTAMP '2026-01-01'",
    ] {
        let rows = world.rows(sql).await;
        assert!(rows[0][0].as_i64() > Some(0), "{sql}: {rows}");
    }
    assert_eq!(
        world
            .rows("SELECT now() IS NULL, current_date IS NULL")
            .await,
        json!([[false, false]])
    );
}

/// Scenario: a cast beside what it casts, in the list and in ORDER BY.
/// Guarantees: both are columns of their own, where DataFusion alone finds two of one name.
#[tokio::test(flavor = "multi_thread")]
async fn casts_stand_beside_their_column() {
    let world = world().await;
    let sql = "SELECT CAST(duration AS VARCHAR), duration::double, duration FROM spans \
               ORDER BY duration LIMIT 1";
    let rows = world.rows(sql).await;
    assert_eq!(rows.as_array().map(Vec::len), Some(1), "{rows}");
    let sql = "SELECT length(attributes['a']), length(attributes['a']::text) FROM spans LIMIT 1";
    let rows = world.rows(sql).await;
    assert_eq!(rows.as_array().map(Vec::len), Some(1), "{rows}");
}

/// Scenario: an id that no part has; one that is not hex.
/// Guarantees: no row group is read for the first; the second is an error that says so.
#[tokio::test(flavor = "multi_thread")]
async fn absent_and_malformed_ids() {
    let world = world().await;
    let answer = world
        .ask("SELECT * FROM spans WHERE trace_id = '4bf92f3577b34da6a3ce929d0e0e4737'")
        .await;
    assert_eq!(answer["rows"], json!([]));
    assert_eq!(answer["receipt"]["row_groups_pruned"], json!(1), "{answer}");
    let error = world
        .error("SELECT * FROM spans WHERE trace_id = 'xyz'")
        .await;
    assert_eq!(error["code"], json!("invalid_query"));
    assert!(error["message"].as_str().unwrap().contains("hex digits"));
}
