//! SQL that must not do harm, and errors that must help.

use oriel_storage::schema::Table;
use serde_json::json;

use crate::testing::World;

fn world() -> World {
    let mut world = World::new();
    world.config.time_limit = std::time::Duration::from_secs(3);
    world.config.memory_bytes_max = bytesize::ByteSize::mib(16);
    world.config.rows_max = 1000;
    world.buffer(Table::Spans, &[json!({"name": "a"})], &[]);
    world
}

/// Scenario: statements that write, configure or read files; several statements; none.
/// Guarantees: each is refused as an error of the client.
#[tokio::test(flavor = "multi_thread")]
async fn only_one_reading_statement() {
    let world = world();
    for (sql, code) in [
        ("CREATE TABLE t AS SELECT 1", "not_allowed"),
        (
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
            "not_allowed",
        ),
        ("CREATE VIEW v AS SELECT 1", "not_allowed"),
        ("COPY (SELECT 1) TO '/tmp/oriel-test.csv'", "not_allowed"),
        (
            "COPY spans TO '/tmp/oriel-test.parquet' STORED AS PARQUET",
            "not_allowed",
        ),
        ("INSERT INTO spans SELECT * FROM spans", "not_allowed"),
        ("DELETE FROM spans", "not_allowed"),
        ("UPDATE spans SET name = 'x'", "not_allowed"),
        ("DROP TABLE spans", "not_allowed"),
        ("TRUNCATE TABLE spans", "not_allowed"),
        ("SET datafusion.execution.batch_size = 1", "not_allowed"),
        (
            "EXPLAIN ANALYZE INSERT INTO spans SELECT * FROM spans",
            "not_allowed",
        ),
        ("PREPARE p AS SELECT 1", "not_allowed"),
        ("BEGIN", "not_allowed"),
        ("SELECT 1; SELECT 2", "not_allowed"),
        ("SELECT 1; DROP TABLE spans", "not_allowed"),
        ("", "syntax"),
        (" ; ", "syntax"),
        ("SELECT * FROM '/etc/passwd'", "invalid_query"),
        ("SELECT * FROM \"/etc/passwd\"", "invalid_query"),
        ("SELECT * FROM read_csv('/etc/passwd')", "invalid_query"),
        (
            "SELECT * FROM parquet_metadata('/x.parquet')",
            "invalid_query",
        ),
    ] {
        let error = world.error(sql).await;
        assert_eq!(error["code"], json!(code), "{sql}: {error}");
    }
}

/// Scenario: queries that would take for ever, or all memory, or a deep stack.
/// Guarantees: each ends with an error or a cut answer; the server answers afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn bounded() {
    let world = world();
    let router = world.router();
    let deep = format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let long = format!("SELECT 1{}", "+1".repeat(20_000));
    let nots = format!("SELECT {} true", "NOT ".repeat(20_000));
    let ands = format!(
        "SELECT * FROM spans WHERE name = 'a'{}",
        " OR name = 'b'".repeat(8_000)
    );
    let list = format!(
        "SELECT * FROM spans WHERE name IN ({}'a')",
        "'b',".repeat(20_000)
    );
    for sql in [
        "SELECT * FROM generate_series(1, 9000000000)",
        "SELECT count(*) FROM generate_series(1, 9000000000) a",
        "SELECT * FROM generate_series(1, 9000000000) a ORDER BY 1 DESC",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
        "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
        "SELECT array_agg(a.value) FROM generate_series(1, 100000000) a",
        "SELECT repeat('x', 2000000000)",
        "SELECT regexp_like(repeat('a', 30000), '(a*)*b')",
        &deep,
        &long,
        &nots,
        &ands,
        &list,
    ] {
        let shown: String = sql.chars().take(60).collect();
        let started = std::time::Instant::now();
        let (status, answer) = crate::testing::ask(&router, sql).await;
        let answer = answer.to_string();
        let start: String = answer.chars().take(200).collect();
        assert!(started.elapsed().as_secs() < 20, "{shown}");
        assert!(status.as_u16() != 500, "{shown}: {start}");
        let (status, answer) = crate::testing::ask(&router, "SELECT 1").await;
        assert_eq!(
            (status.as_u16(), &answer["rows"]),
            (200, &json!([[1]])),
            "{shown}"
        );
    }
}

/// Scenario: mistakes that people make.
/// Guarantees: code, place and a hint that names what was meant.
#[tokio::test(flavor = "multi_thread")]
async fn errors_have_place_and_hint() {
    let world = world();
    for (sql, code, offset, hint) in [
        ("SELECT nam FROM spans", "invalid_query", json!(7), "name"),
        (
            "SELECT name\nFROM span",
            "invalid_query",
            json!(17),
            "spans",
        ),
        (
            "SELECT cuont(*) FROM spans",
            "invalid_query",
            json!(7),
            "count",
        ),
        (
            "SELECT name FROM spans WHERE name = \"GET\"",
            "invalid_query",
            json!(36),
            "'GET'",
        ),
        (
            "SELECT http.route FROM spans",
            "invalid_query",
            json!(7),
            "attributes['http.route']",
        ),
        (
            "SELECT name FROM spans WHER name = 1",
            "syntax",
            json!(28),
            "",
        ),
        ("SELEC 1", "syntax", json!(0), ""),
        ("SELECT name\nFROM spans WHERE ", "syntax", json!(28), ""),
    ] {
        let error = world.error(sql).await;
        assert_eq!(error["code"], json!(code), "{sql}: {error}");
        assert_eq!(error["position"]["offset"], offset, "{sql}: {error}");
        let found = error["hint"].as_str().unwrap_or_default();
        assert!(found.contains(hint), "{sql}: {error}");
    }
}
