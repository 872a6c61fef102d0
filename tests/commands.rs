//! What people type and what probes ask: `oriel sql`, `oriel schema`, stop signals, `/health`,
//! `/ready`, `/metrics`, `/api/v1/status`, the page.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use oriel_proto::Signal;
use serde_json::Value;

use crate::support::Server;
use crate::support::otlp::{post, shop};

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}

/// A server with the first trace request of the shop corpus, and how many spans that has.
async fn server_with_spans() -> (Server, i64) {
    let server = Server::start_with(&[], &[("ORIEL_TOKEN", "s3cret")]).await;
    let body = shop(Signal::Traces).swap_remove(0);
    let (status, _) = post(&server, Signal::Traces, "application/x-protobuf", body).await;
    assert_eq!(status, 200);
    let count = server.sql("SELECT count(*) FROM spans").await.int();
    assert!(count > 0);
    (server, count)
}

/// Scenario: `oriel sql` in each format, from an argument and from standard input.
/// Guarantees: the rows, and only they, are on standard output; the receipt is one line on standard
/// error, absent with --quiet.
#[tokio::test(flavor = "multi_thread")]
async fn sql_prints_every_format() {
    let (server, count) = server_with_spans().await;
    let sql = "SELECT kind, count(*) AS n FROM spans GROUP BY kind ORDER BY n DESC";
    let ask = |format: &str| server.oriel(&["sql", "--format", format, sql]);

    let csv = ask("csv");
    assert!(csv.status.success(), "{}", stderr(&csv));
    assert_eq!(stdout(&csv).lines().next(), Some("kind,n"));
    let sum: i64 = stdout(&csv)
        .lines()
        .skip(1)
        .map(|line| line.split(',').next_back().expect("n"))
        .map(|n| n.parse::<i64>().expect("a count"))
        .sum();
    assert_eq!(sum, count);
    let kinds = stdout(&csv).lines().count() - 1;

    let ndjson = ask("ndjson");
    assert_eq!(
        stdout(&ndjson).lines().count(),
        kinds,
        "{}",
        stdout(&ndjson)
    );
    for line in stdout(&ndjson).lines() {
        let row: Value = serde_json::from_str(line).expect("JSON");
        assert!(row["kind"].is_string() && row["n"].is_i64(), "{line}");
    }
    let json = ask("json");
    let answer: Value = serde_json::from_str(stdout(&json)).expect("JSON");
    assert_eq!(answer["rows"].as_array().expect("rows").len(), kinds);
    let table = ask("table");
    assert!(
        stdout(&table).contains(&format!("{kinds} row")),
        "{}",
        stdout(&table)
    );

    for output in [csv, ndjson, json, table] {
        let receipt = stderr(&output);
        let rows = format!("{kinds} row{}; read ", if kinds == 1 { "" } else { "s" });
        assert!(receipt.starts_with(&rows), "{receipt}");
        assert_eq!(receipt.lines().count(), 1, "{receipt}");
    }
    assert_eq!(stderr(&server.oriel(&["sql", "--quiet", sql])), "");

    let mut child = Command::new(env!("CARGO_BIN_EXE_oriel"))
        .args([
            "sql",
            "-q",
            "-",
            "--url",
            &server.url(),
            "--token",
            "s3cret",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("oriel runs");
    let mut stdin = child.stdin.take().expect("is piped");
    stdin
        .write_all(b"SELECT count(*) AS n FROM spans")
        .expect("writes");
    drop(stdin);
    let piped = child.wait_with_output().expect("ends");
    let lines: Vec<&str> = stdout(&piped).lines().collect();
    assert_eq!(lines, ["n", &count.to_string()]);
}

/// Scenario: a misspelt column, a missing token, no server.
/// Guarantees: exit code 1 and a message that says where and what to do; nothing on standard output.
#[tokio::test(flavor = "multi_thread")]
async fn sql_explains_mistakes() {
    let (server, _) = server_with_spans().await;
    let wrong = server.oriel(&["sql", "SELECT durration\nFROM spans"]);
    assert_eq!((wrong.status.code(), stdout(&wrong)), (Some(1), ""));
    let text = stderr(&wrong);
    assert!(
        text.contains("  1 | SELECT durration\n    |        ^\n"),
        "{text}"
    );
    assert!(
        text.contains("hint: ") && text.contains("duration"),
        "{text}"
    );

    let url = server.url();
    let ask = |url: &str| {
        Command::new(env!("CARGO_BIN_EXE_oriel"))
            .args(["sql", "SELECT 1", "--url", url])
            .env_remove("ORIEL_TOKEN")
            .output()
            .expect("oriel runs")
    };
    let refused = ask(&url);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("token"), "{}", stderr(&refused));
    let nobody = ask("http://127.0.0.1:1");
    assert_eq!(nobody.status.code(), Some(1));
    assert!(
        stderr(&nobody).contains("no server answers"),
        "{}",
        stderr(&nobody)
    );
}

/// Scenario: a running server with a token: probes, own metrics, status, the page, a file that is not.
/// Guarantees: probes and page need no token, figures do; the page may load nothing from elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn probes_and_page_answer() {
    let (server, _) = server_with_spans().await;
    let bare = async |path: &str| {
        let url = format!("{}{path}", server.url());
        reqwest::get(url).await.expect("an answer")
    };
    for path in ["/health", "/ready", "/", "/a/route/of/the/page"] {
        assert_eq!(bare(path).await.status(), 200, "{path}");
    }
    let page = bare("/").await;
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .expect("text");
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(page.text().await.expect("text").contains("<html"));
    assert_eq!(bare("/assets/of-another-build.js").await.status(), 404);
    for path in ["/metrics", "/api/v1/status", "/api/v1/openapi.json"] {
        assert_eq!(bare(path).await.status(), 401, "{path}");
    }
    let (status, metrics) = server.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(
        metrics.lines().any(|line| line.starts_with("oriel_")),
        "{metrics}"
    );
    let (_, body) = server.get("/api/v1/status").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["ready"], true);
    assert_eq!(
        format!("http://{}", body["http"].as_str().expect("an address")),
        server.url()
    );
    assert!(body["store"]["wal_position"].as_u64() > Some(0), "{body}");
}

/// Scenario: SIGTERM to a server with rows in memory, then a start on the same directory.
/// Guarantees: it exits with 0 after a flush; the rows are there, in files.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_flushes() {
    let (mut server, count) = server_with_spans().await;
    assert!(server.stop().success());
    assert!(server.log().contains("stopped"));
    server.restart().await;
    assert_eq!(server.sql("SELECT count(*) FROM spans").await.int(), count);
    let (_, body) = server.get("/api/v1/status").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["store"]["buffer_rows"], 0);
    assert!(body["store"]["part_rows"].as_i64() >= Some(count), "{body}");
}

/// Scenario: `oriel schema`.
/// Guarantees: it prints docs/schema.md.
#[test]
fn schema_prints_the_document() {
    let output = Command::new(env!("CARGO_BIN_EXE_oriel"))
        .arg("schema")
        .output()
        .expect("runs");
    assert_eq!(stdout(&output), include_str!("../docs/schema.md"));
}
