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

/// Scenario: ways out of the tables: files and addresses as tables, functions that read or tell, other
/// catalogs, statements that change what the server is.
/// Guarantees: each is refused as an error of the client, with a message.
#[tokio::test(flavor = "multi_thread")]
async fn no_way_out() {
    let world = world();
    for sql in [
        "SELECT * FROM 's3://bucket/x.parquet'",
        "SELECT * FROM 'http://127.0.0.1:1/x.csv'",
        "SELECT * FROM 'file:///etc/passwd'",
        "SELECT * FROM \"file:///etc/passwd\"",
        "SELECT * FROM '/etc'",
        "SELECT * FROM '../../etc/passwd'",
        "DESCRIBE '/etc/passwd'",
        "SELECT * FROM read_parquet('/x.parquet')",
        "SELECT * FROM read_json('/x.json')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM list_files_cache()",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT getenv('HOME')",
        "SELECT load_extension('x')",
        "SELECT * FROM datafusion.public.spans",
        "SELECT * FROM other.default.spans",
        "SELECT * FROM pg_catalog.pg_user",
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 's3://bucket/x'",
        "CREATE SCHEMA s",
        "CREATE DATABASE d",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "DROP VIEW v",
        "DROP SCHEMA \"default\" CASCADE",
        "ALTER TABLE spans ADD COLUMN x INT",
        "MERGE INTO spans USING spans AS s ON TRUE WHEN MATCHED THEN DELETE",
        "SELECT * INTO t FROM spans",
        "EXPLAIN ANALYZE COPY spans TO '/tmp/oriel-test.csv'",
        "EXPLAIN CREATE TABLE t AS SELECT 1",
        "EXECUTE p",
        "DEALLOCATE p",
        "RESET datafusion.execution.batch_size",
        "SET datafusion.runtime.memory_limit = '100G'",
        "SET TIME ZONE = '+00:00'",
        "USE other",
        "COMMIT",
        "GRANT SELECT ON spans TO public",
        "LOAD 'x.so'",
        "ATTACH DATABASE 'x' AS y",
        "PRAGMA database_list",
        "VACUUM",
        "WITH d AS (DELETE FROM spans RETURNING *) SELECT * FROM d",
    ] {
        let error = world.error(sql).await;
        let code = error["code"].as_str().unwrap_or_default();
        let refused = ["not_allowed", "invalid_query", "syntax"].contains(&code);
        assert!(refused, "{sql}: {error}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{sql}");
    }
}

/// Scenario: calls that make gigabytes of a few bytes, as a constant and for rows.
/// Guarantees: each is refused before it is made, and told how much would be too much; what is small
/// enough is made, by the same functions.
#[tokio::test(flavor = "multi_thread")]
async fn much_of_little_is_refused() {
    let world = world();
    for call in [
        "repeat('x', 2000000000)",
        "repeat(name, 2000000000)",
        "lpad(name, 2000000000)",
        "rpad('x', 2000000000, 'ab')",
        "range(9000000000)",
        "generate_series(DATE '2023-02-01', DATE '2000-01-01', INTERVAL '1 month -28 days')",
        "generate_series(DATE '2000-01-01', DATE '2023-02-01', INTERVAL '-1 month 29 days')",
        "concat_ws(repeat('x', 60000000), name, name, name)",
        "generate_series(1, 9000000000)",
        "range(-9000000000, length(name), 1)",
        "generate_series(timestamp '1970-01-01', timestamp '2100-01-01', interval '1 nanosecond')",
        "array_repeat(name, 1000000000)",
        "array_resize([1], 1000000000)",
        "replace(repeat(name, 50000), 'a', repeat('x', 50000))",
        "regexp_replace(repeat(name, 50000), 'a', repeat('x', 50000), 'g')",
        "concat(repeat(name, 80000000), repeat(name, 80000000))",
        "levenshtein(repeat(name, 60000), repeat(name, 60000))",
    ] {
        let error = world.error(&format!("SELECT {call} FROM spans")).await;
        assert_eq!(error["code"], json!("execution"), "{call}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("at most"), "{call}: {message}");
    }
    for aggregate in ["array_agg(name)", "string_agg(name, ',')"] {
        let error = world
            .error(&format!("SELECT {aggregate} OVER () FROM spans"))
            .await;
        assert!(
            error["message"].as_str().unwrap().contains("GROUP BY"),
            "{error}"
        );
    }
    let made = world
        .rows(
            "SELECT repeat(name, 3), lpad(name, 3, 'b'), rpad(name, 2, 'b'), range(3, 1, -1), \
             generate_series(1, 2), array_repeat(name, 2), array_resize([1], 2, 7), \
             replace('aXbX', 'X', name), regexp_replace(repeat('aX', 2), 'X', name, 'g'), \
             concat(name, 'b', NULL), levenshtein(name, 'ba'), regexp_like(name, 'A', 'i'), \
             regexp_count('aaa', name), range(NULL, 5) FROM spans",
        )
        .await;
    let want = json!([[
        "aaa",
        "bba",
        "ab",
        [3, 2],
        [1, 2],
        ["a", "a"],
        [1, 7],
        "aaba",
        "aaaa",
        "ab",
        1,
        true,
        3,
        null
    ]]);
    assert_eq!(made, want);
}

/// Scenario: an expression stands twice in a SELECT, plain, called by an alias of its function, counted.
/// Guarantees: both are answered, under names that differ.
#[tokio::test(flavor = "multi_thread")]
async fn an_expression_may_stand_twice() {
    let world = world();
    for (twice, second) in [
        ("name", "name (2)"),
        ("length(attributes['a'])", "length(attributes['a']) (2)"),
        ("count(*)", "count(*) (2)"),
        ("duration::text", "duration::TEXT (2)"),
    ] {
        let answer = world
            .ask(&format!("SELECT {twice}, {twice} FROM spans"))
            .await;
        assert_eq!(answer["rows"][0][0], answer["rows"][0][1], "{answer}");
        assert_eq!(answer["columns"][1]["name"], second, "{answer}");
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
    let text = format!("SELECT '{}'", "x".repeat(10 << 20));
    let subqueries = format!(
        "SELECT * FROM {}spans{}",
        "(SELECT * FROM ".repeat(500),
        ")".repeat(500)
    );
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
        "SELECT count(*) FROM spans a, spans b, generate_series(1, 9000000000) c WHERE c.value < 0",
        "SELECT median(a.value) FROM generate_series(1, 9000000000) a",
        "SELECT a.value % 1000003, string_agg(a.value::text, ',') FROM generate_series(1, 9000000000) a
         GROUP BY 1",
        "SELECT DISTINCT a.value, b.value FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
        "SELECT regexp_like(name, '((((a{100}){100}){100}){100})') FROM spans",
        "SELECT unnest(range(8000)) FROM generate_series(1, 100000000)",
        &text,
        &subqueries,
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
