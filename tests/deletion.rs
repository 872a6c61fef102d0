//! Deletion through the real binary: `oriel delete` and `POST /api/v1/delete`.

use std::collections::BTreeMap;
use std::process::Output;

use oriel_proto::Signal;
use reqwest::Method;
use serde_json::{Value, json};

use crate::check::Checks;
use crate::support::Server;
use crate::support::otlp::{post, send_shop, shop, true_count, true_counts};

const BY_SERVICE: &str = "SELECT service_name, count(*) FROM";

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// The answer of `oriel delete --json` with these arguments.
fn delete(server: &Server, args: &[&str]) -> Value {
    let output = server.oriel(&[&["delete", "--json"], args].concat());
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

async fn counts(server: &Server, table: &str) -> BTreeMap<String, i64> {
    let sql = format!("{BY_SERVICE} {table} GROUP BY 1");
    server.sql(&sql).await.counts()
}

async fn count(server: &Server, sql: &str) -> i64 {
    server
        .sql(&format!("SELECT count(*) FROM {sql}"))
        .await
        .int()
}

/// Compares all tables with the corpus without the service `payment` and the spans of `/health`.
async fn check(server: &Server, stage: &str, points: i64, health: &BTreeMap<String, i64>) {
    let mut checks = Checks::new(stage);
    let without = |mut all: BTreeMap<String, i64>| {
        all.remove("payment");
        all
    };
    let mut spans = without(true_counts("/traces/spans_by_service"));
    for (service, gone) in health.iter().filter(|(service, _)| *service != "payment") {
        *spans.get_mut(service).expect("a service") -= gone;
    }
    let logs = without(true_counts("/logs/by_service"));
    checks.eq("spans", counts(server, "spans").await, spans.clone());
    checks.eq("logs", counts(server, "logs").await, logs);
    checks.eq("points", count(server, "metrics").await, points);
    let summed = server.sql("SELECT sum(span_count) FROM traces").await;
    checks.eq(
        "summarised spans",
        summed.int(),
        spans.values().sum::<i64>(),
    );
    let ids = "(SELECT DISTINCT trace_id FROM";
    let traces = count(server, &format!("{ids} traces)")).await;
    checks.eq(
        "traces",
        traces,
        count(server, &format!("{ids} spans)")).await,
    );
    let named = "traces WHERE root_service_name = 'payment'";
    checks.eq("roots of the service", count(server, named).await, 0);
    checks.finish();
}

/// Scenario: the shop corpus, still in memory; a service and then an attribute's spans are counted, by
/// command and by HTTP, and deleted; the process is killed (SIGKILL) and started again.
/// Guarantees: counting changes nothing; what was counted is gone from all tables and from the trace
/// summaries, nothing else is, and no restart brings it back.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_stays_deleted() {
    let vars = [
        ("ORIEL_STORAGE_FLUSH_INTERVAL", "1h"),
        ("ORIEL_TOKEN", "s3cret"),
    ];
    let mut server = Server::start_with(&[], &vars).await;
    send_shop(&server).await;
    let points = count(&server, "metrics").await;
    let of_service = count(&server, "metrics WHERE service_name = 'payment'").await;
    let of_route =
        format!("{BY_SERVICE} spans WHERE attributes['http.route'] = '/health' GROUP BY 1");
    let health = server.sql(&of_route).await.counts();
    assert!(health.values().sum::<i64>() > 0);

    let would = delete(&server, &["--service", "payment"]);
    let want = json!({
        "spans": true_counts("/traces/spans_by_service")["payment"],
        "logs": true_counts("/logs/by_service")["payment"],
        "metrics": of_service,
    });
    assert_eq!((&would["rows"], &would["dry_run"]), (&want, &json!(true)));
    assert!(would["bytes"].as_u64() > Some(0), "{would}");
    assert!(
        would["part_bytes"].as_u64() > would["bytes"].as_u64(),
        "{would}"
    );
    let request = server.request(Method::POST, "/api/v1/delete");
    let answer = request.json(&json!({ "service": "payment" })).send().await;
    let answer: Value = answer.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer, would, "without dry_run it is one");
    assert_eq!(count(&server, "spans").await, true_count("/traces/spans"));
    let said = text(&server.oriel(&["delete", "--service", "payment", "--dry-run"]));
    assert!(
        said.contains("would delete") && said.contains("--yes"),
        "{said}"
    );

    let did = delete(&server, &["--service", "payment", "--yes"]);
    assert_eq!((&did["rows"], &did["dry_run"]), (&want, &json!(false)));
    check(&server, "deleted", points - of_service, &BTreeMap::new()).await;
    server.restart().await;
    check(
        &server,
        "after a kill",
        points - of_service,
        &BTreeMap::new(),
    )
    .await;

    let args = [
        "--signal",
        "traces",
        "--attribute",
        "attributes.http.route=/health",
        "--yes",
    ];
    let did = delete(&server, &args);
    let gone: i64 = health
        .iter()
        .filter(|(s, _)| *s != "payment")
        .map(|(_, n)| n)
        .sum();
    assert_eq!(did["rows"], json!({ "spans": gone }));
    server.restart().await;
    check(&server, "after both", points - of_service, &health).await;
    let again = text(&server.oriel(&["delete", "--service", "payment", "--yes"]));
    assert!(again.contains("nothing to delete"), "{again}");

    // A retry of what was deleted is a retry still.
    let body = shop(Signal::Logs).swap_remove(0);
    let (status, _) = post(&server, Signal::Logs, "application/x-protobuf", body).await;
    assert_eq!(status, 200);
    check(&server, "after a retry", points - of_service, &health).await;
}

/// Scenario: spans before a moment are deleted; then a trace.
/// Guarantees: exactly those rows are gone, from spans and summaries.
#[tokio::test(flavor = "multi_thread")]
async fn times_and_traces_are_deleted() {
    let server = Server::start().await;
    for body in shop(Signal::Traces).into_iter().take(100) {
        let (status, _) = post(&server, Signal::Traces, "application/x-protobuf", body).await;
        assert_eq!(status, 200);
    }
    let all = count(&server, "spans").await;
    let moment =
        "SELECT CAST(approx_percentile_cont(CAST(start_time AS BIGINT), 0.5) AS BIGINT) FROM spans";
    let moment = server.sql(moment).await.int();
    let later = count(
        &server,
        &format!("spans WHERE CAST(start_time AS BIGINT) >= {moment}"),
    )
    .await;
    assert!(0 < later && later < all);
    let did = delete(&server, &["--to", &moment.to_string(), "--yes"]);
    assert_eq!(did["rows"], json!({ "spans": all - later }));
    assert_eq!(count(&server, "spans").await, later);
    let id = server.sql("SELECT trace_id FROM spans LIMIT 1").await;
    let id = id.one().as_str().expect("an id").to_owned();
    let of_trace = count(&server, &format!("spans WHERE trace_id = '{id}'")).await;
    let did = delete(&server, &["--trace", &id, "--yes"]);
    assert_eq!(did["rows"], json!({ "spans": of_trace }));
    let (status, _) = server.get(&format!("/api/v1/traces/{id}")).await;
    assert_eq!(status, 404);
    assert_eq!(count(&server, "spans").await, later - of_trace);
    let summed = server.sql("SELECT sum(span_count) FROM traces").await.int();
    assert_eq!(summed, later - of_trace);
}

/// Scenario: no condition, an unknown signal, a time that is none, an empty range, no server, no token; by
/// HTTP another type, misspelt fields, pages of other sites.
/// Guarantees: each is refused with a text that says what to do, and nothing is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_deletions_are_refused() {
    let server = Server::start_with(&[], &[("ORIEL_TOKEN", "s3cret")]).await;
    let body = shop(Signal::Logs).swap_remove(0);
    post(&server, Signal::Logs, "application/x-protobuf", body).await;
    let logs = count(&server, "logs").await;
    for (args, want) in [
        (&["--yes"][..], "--service"),
        (&["--signal", "logs", "--yes"], "--service"),
        (&["--signal", "spans", "--service", "a", "--yes"], "traces"),
        (&["--from", "yesterday", "--yes"], "from is not a time"),
        (&["--from", "5", "--to", "5", "--yes"], "range is empty"),
        (&["--trace", "12", "--yes"], "trace id"),
        (&["--attribute", "novalue", "--yes"], "user.id=4711"),
        (&["--service", "a", "--tenant", "../x", "--yes"], "tenant"),
        (
            &["--service", "a", "--url", "http://127.0.0.1:1"],
            "start one with `oriel`",
        ),
        (&["--service", "a", "--token", "wrong"], "wants a token"),
    ] {
        let output = server.oriel(&[&["delete"], args].concat());
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{args:?}"
        );
        assert!(text(&output).contains(want), "{args:?}: {}", text(&output));
    }
    let ask = async |content_type: &str, origin: Option<&str>, body: &str| {
        let mut request = server
            .request(Method::POST, "/api/v1/delete")
            .header("content-type", content_type)
            .body(body.to_owned());
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    let all = r#"{"from": 0, "dry_run": false}"#;
    let json = "application/json";
    assert_eq!(ask("text/plain", None, all).await.0, 400);
    assert_eq!(ask(json, Some("http://evil.example"), all).await.0, 403);
    assert_eq!(ask(json, Some("null"), all).await.0, 403);
    assert_eq!(ask(json, None, r#"{"dry_run": false}"#).await.0, 400);
    let (status, text) = ask(json, None, r#"{"servce": "a", "dry_run": false}"#).await;
    assert!(status == 400 && text.contains("servce"), "{text}");
    let url = format!("{}/api/v1/delete", server.url());
    let bare = reqwest::Client::new()
        .post(url)
        .header("content-type", json);
    let bare = bare.body(all).send().await.expect("an answer");
    assert_eq!(bare.status(), 401);
    assert_eq!(count(&server, "logs").await, logs);
    assert_eq!(ask(json, Some(&server.url()), all).await.0, 200);
    assert_eq!(count(&server, "logs").await, 0);
}
