//! The SQL surface at its edges: errors that help, statements that are refused, every format, and
//! the trace API's errors.

use serde_json::json;

use super::{log, log_request, span, trace_request};
use crate::ask::{Api, Counts};
use crate::check::Checks;
use crate::support::Server;
use crate::wire::{Grpc, Http};
use oriel_proto::Signal;

/// Scenario: a typing error, a misspelt column, table and function, a wrong type.
/// Guarantees: 400 with a code, a message, a position where the parser knows one, and a hint that
/// names the right spelling.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_point_and_hint() {
    let mut server = Server::start().await;
    let api = Api::new(&server.url());
    let mut checks = Checks::new("SQL errors");
    for (sql, position, hint) in [
        ("SELEC 1", true, ""),
        ("SELECT * FROM spans WHERE", false, ""),
        ("SELECT nam FROM spans", false, "name"),
        ("SELECT service FROM logs", false, "service_name"),
        ("SELECT * FROM spanz", false, "spans"),
        ("SELECT cuont(*) FROM spans", false, "count"),
        ("", false, ""),
    ] {
        let answer = api.post(sql).await;
        checks.eq(&format!("status of {sql:?}"), answer.status, 400);
        let error = answer.json()["error"].clone();
        checks.yes(
            &format!("code of {sql:?}: {error}"),
            error["code"].is_string(),
        );
        let message = error["message"].as_str().unwrap_or_default();
        checks.yes(&format!("message of {sql:?}: {error}"), !message.is_empty());
        checks.yes(
            &format!("position of {sql:?}: {error}"),
            !position || !error["position"].is_null(),
        );
        let told = format!("{} {message}", error["hint"].as_str().unwrap_or_default());
        checks.yes(&format!("hint of {sql:?}: {error}"), told.contains(hint));
    }
    checks.finish();
    assert!(server.stop().success());
}

/// Scenario: statements that write, change the session, or reach for files.
/// Guarantees: each is refused with 400, and what was stored is untouched; plain reads work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_that_write_are_refused() {
    let mut server = Server::start().await;
    let grpc = Grpc::new(server.grpc());
    grpc.export_partial(Signal::Traces, &trace_request("sql", vec![span(1, "kept")]))
        .await;
    let api = Api::new(&server.url());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.csv").display().to_string();
    let mut checks = Checks::new("refused SQL");
    for sql in [
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE SCHEMA s",
        "CREATE DATABASE d",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE FUNCTION f(INT) RETURNS INT RETURN $1",
        "DROP TABLE spans",
        "ALTER TABLE spans ADD COLUMN x INT",
        "TRUNCATE TABLE spans",
        "INSERT INTO spans SELECT * FROM spans",
        "UPDATE spans SET name = 'x'",
        "DELETE FROM spans",
        &format!("COPY spans TO '{out}'"),
        &format!("COPY (SELECT 1) TO '{out}' STORED AS CSV"),
        "SET datafusion.execution.batch_size = 1",
        "BEGIN",
        "PREPARE p AS SELECT 1",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM 'file:///etc/passwd'",
        "SELECT * FROM 's3://bucket/key.parquet'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE spans",
        "EXPLAIN ANALYZE INSERT INTO spans SELECT * FROM spans",
    ] {
        let answer = api.post(sql).await;
        checks.eq(&format!("status of {sql:?}"), answer.status, 400);
        let message = answer.json()["error"]["message"].as_str().map(str::len);
        checks.yes(&format!("message of {sql:?}"), message > Some(0));
    }
    checks.eq("the file", std::path::Path::new(&out).exists(), false);
    checks.eq(
        "kept",
        api.counts("SELECT name, count(*) FROM spans GROUP BY 1")
            .await,
        Counts::from([("kept".to_owned(), 1)]),
    );
    for sql in [
        "SELECT 1;",
        "-- a comment\nSELECT 1 /* and another */",
        "WITH t AS (SELECT 1 AS x) SELECT x FROM t",
        "SELECT table_name FROM information_schema.tables",
        "EXPLAIN SELECT * FROM spans",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "VALUES (1)",
    ] {
        let answer = api.post(sql).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        checks.eq(&format!("status of {sql:?}: {body}"), answer.status, 200);
    }
    checks.finish();
    assert!(server.stop().success());
}

/// Scenario: a small answer in every format, plain text as request body, and a wrong one.
/// Guarantees: content types, complete rows, 64-bit integers, times and ids as documented; a receipt
/// in JSON; 406 or 415 for what is not spoken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_come_in_every_format() {
    let mut server = Server::start().await;
    let grpc = Grpc::new(server.grpc());
    let spans = (1..=3)
        .map(|number| span(number, &format!("name {number}")))
        .collect();
    grpc.export_partial(Signal::Traces, &trace_request("formats", spans))
        .await;
    let http = Http::new(&server.url());
    let mut checks = Checks::new("formats");
    let sql = "SELECT name, span_id, start_time, CAST(start_time AS BIGINT) AS big, duration, end_time IS NULL AS ended
               FROM spans ORDER BY name LIMIT 1";
    let post = async |accept: &str| {
        let headers = [("content-type", "text/plain"), ("accept", accept)];
        http.post("/api/v1/sql", sql.into(), &headers).await
    };
    let answer = post("application/json").await;
    let body = answer.json();
    checks.eq(
        "JSON type",
        answer.content_type.starts_with("application/json"),
        true,
    );
    let row = json!([
        "name 1",
        "0101010101010101",
        "2026-09-21T14:13:20.000000001Z",
        "1790000000000000001",
        1000,
        false
    ]);
    checks.eq("JSON rows", &body["rows"], &json!([row]));
    let columns = body["columns"].as_array().unwrap();
    let names: Vec<_> = columns
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    checks.eq(
        "names",
        names,
        ["name", "span_id", "start_time", "big", "duration", "ended"].to_vec(),
    );
    checks.yes("types", columns.iter().all(|c| c["type"].is_string()));
    checks.yes(
        "a receipt",
        body["receipt"].as_object().is_some_and(|r| !r.is_empty()),
    );
    let answer = post("application/x-ndjson").await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    checks.eq("NDJSON lines", lines.len(), 2);
    let line = &lines[0];
    checks.yes("NDJSON receipt", lines[1]["receipt"].is_object());
    checks.eq("NDJSON name", &line["name"], &json!("name 1"));
    checks.eq("NDJSON big", &line["big"], &json!("1790000000000000001"));
    let answer = post("text/csv").await;
    let csv = String::from_utf8(answer.body.to_vec()).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    checks.eq(
        "CSV header",
        lines[0],
        "name,span_id,start_time,big,duration,ended",
    );
    checks.yes(
        &format!("CSV row {}", lines[1]),
        lines[1].starts_with("name 1,0101010101010101,2026-09-21T14:13:20.000000001"),
    );
    checks.eq("CSV lines", lines.len(), 2);
    for (accept, magic) in [
        (
            "application/vnd.apache.arrow.stream",
            &b"\xff\xff\xff\xff"[..],
        ),
        ("application/vnd.apache.parquet", b"PAR1"),
    ] {
        let answer = post(accept).await;
        checks.eq(
            accept,
            (answer.status, answer.content_type.as_str()),
            (200, accept),
        );
        checks.yes(&format!("{accept} magic"), answer.body.starts_with(magic));
    }
    checks.eq("unknown format", post("image/png").await.status, 406);
    checks.finish();
    assert!(server.stop().success());
}

/// Scenario: trace ids that are unknown, malformed, upper case; a trace in two requests.
/// Guarantees: 404 and 400 with the error shape; case does not matter; the trace is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_api_answers_every_id() {
    let mut server = Server::start().await;
    let grpc = Grpc::new(server.grpc());
    let mut other = span(0xAB, "second");
    other.span_id = vec![1; 8];
    grpc.export_partial(
        Signal::Traces,
        &trace_request("a", vec![span(0xAB, "first")]),
    )
    .await;
    grpc.export_partial(Signal::Traces, &trace_request("b", vec![other]))
        .await;
    grpc.export_partial(Signal::Logs, &log_request("a", vec![log("x")]))
        .await;
    let api = Api::new(&server.url());
    let mut checks = Checks::new("trace API");
    for (id, status) in [
        ("ab".repeat(16), 200),
        ("Ab".repeat(16), 200),
        ("cd".repeat(16), 404),
        ("ab".repeat(15), 400),
        ("ab".repeat(17), 400),
        ("zz".repeat(16), 400),
        ("00".repeat(16), 400),
    ] {
        let answer = api.get(&format!("/api/v1/traces/{id}")).await;
        let zero = id.starts_with("00") && answer.status == 404;
        checks.yes(
            &format!("{id}: {} for {status}", answer.status),
            answer.status == status || zero,
        );
        let body = answer.json();
        match answer.status {
            200 => checks.eq(
                "services",
                body["resourceSpans"].as_array().map(Vec::len),
                Some(2),
            ),
            _ => checks.yes(
                &format!("error of {id}: {body}"),
                body["error"]["message"].is_string(),
            ),
        }
    }
    checks.finish();
    assert!(server.stop().success());
}
