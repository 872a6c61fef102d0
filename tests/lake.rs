//! The open lake: DuckDB attaches the live catalog, Polars and pyarrow read the files, while the
//! binary ingests, after a compaction and after a column was added, all through one DuckDB
//! connection that stays open (tests/lake/check_lake.py).

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use oriel_proto::Signal;
use oriel_proto::otlp::common::v1::{KeyValue, any_value};
use serde_json::{Value, json};

use crate::ask::{Api, int};
use crate::check::Checks;
use crate::edges::{attribute, span, trace_request};
use crate::journey::truth::{Truth, requests};
use crate::journey::wait_for;
use crate::support::Server;
use crate::wire::{Encoding, Grpc};

/// Another process with one DuckDB connection to a store.
struct Duck {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Duck {
    /// Attaches the store in `data_dir`.
    fn attach(data_dir: &Path) -> Duck {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/lake");
        let setup = Command::new(folder.join("setup.sh"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(setup.status.success(), "{setup:?}");
        let python = String::from_utf8(setup.stdout).unwrap();
        let mut process = Command::new(python.trim())
            .arg(folder.join("check_lake.py"))
            .arg(data_dir)
            .arg("--interactive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Duck {
            process,
            questions,
            answers,
        }
    }

    /// The answer to one command; fails when it is an error.
    fn ask(&mut self, command: &str) -> Value {
        let command = command.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(self.questions, "{command}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|e| panic!("{command}: {e}: {line:?} (the reader's stderr is above)"));
        assert!(answer.get("error").is_none(), "{command}: {answer}");
        answer
    }

    /// The rows of a statement, values as text.
    fn rows(&mut self, sql: &str) -> Value {
        self.ask(&format!("sql {sql}"))
    }
}

impl Drop for Duck {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Scenario: the corpus is ingested while DuckDB looks on; then flushed; compacted; then two columns
/// are added and spans with and without their attributes come. One connection sees it all.
/// Guarantees: while rows arrive, each look is consistent (files, statistics, other readers) and
/// never goes back; at rest the counts, times, attributes, overflow and events are Oriel's own;
/// earlier snapshots stay readable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_readers_see_what_oriel_sees() {
    let mut server = Server::start_with(
        &[],
        &[
            ("ORIEL_STORAGE_RETENTION_TRACES", "0s"),
            ("ORIEL_STORAGE_RETENTION_LOGS", "0s"),
            ("ORIEL_STORAGE_RETENTION_METRICS", "0s"),
            ("ORIEL_STORAGE_FLUSH_INTERVAL", "150ms"),
            ("ORIEL_STORAGE_COMPACT_INTERVAL", "1h"),
        ],
    )
    .await;
    let grpc = Grpc::new(server.grpc());
    grpc.export_partial(Signal::Logs, &requests(Signal::Logs)[0])
        .await;
    let api = Api::new(&server.url());
    wait_for("the first flush", async || parts(&api).await > 0).await;
    let mut duck = Duck::attach(&server.data_dir());
    watch_ingest(&grpc, &api, &mut duck).await;
    let many = parts(&api).await;
    assert!(many > 8, "only {many} parts");
    same_answers(&api, &mut duck, "ingested").await;
    let before = newest_snapshot(&mut duck);
    let counts = duck.ask("counts");

    server.set_var("ORIEL_STORAGE_COMPACT_INTERVAL", "100ms");
    server.set_var("ORIEL_STORAGE_COMPACT_PARTS_MIN", "2");
    assert!(server.stop().success());
    server.restart().await;
    let api = Api::new(&server.url());
    wait_for("a compaction", async || parts(&api).await <= 8).await;
    same_answers(&api, &mut duck, "compacted").await;
    let mut checks = Checks::new("time travel");
    let old = duck.ask(&format!("at {before} counts"));
    for table in ["spans", "logs", "metrics"] {
        checks.eq(table, &old[table], &counts[table]);
    }
    checks.yes("a newer snapshot", newest_snapshot(&mut duck) > before);
    checks.finish();

    server.set_var(
        "ORIEL_STORAGE_PROMOTE_SPANS",
        "attributes.order.id,attributes.retry.attempt:int",
    );
    assert!(server.stop().success());
    server.restart().await;
    columns_were_added(&server, &mut duck).await;
    assert!(server.stop().success());
}

async fn parts(api: &Api) -> i64 {
    int(&api.status().await["store"]["parts"])
}

async fn buffered(api: &Api) -> i64 {
    int(&api.status().await["store"]["buffer_rows"])
}

fn newest_snapshot(duck: &mut Duck) -> i64 {
    let snapshots = duck.ask("snapshots");
    snapshots
        .as_array()
        .unwrap()
        .iter()
        .map(|snapshot| int(&snapshot["id"]))
        .max()
        .unwrap()
}

/// Sends a request as exporters do: again, for a minute at most, when the server asks for that.
async fn export(grpc: &Grpc, signal: Signal, body: &[u8]) {
    for _ in 0..600 {
        match grpc.export(signal, body, Encoding::Gzip).await {
            Ok(_) => return,
            Err(status) if status.code() == tonic::Code::Unavailable => {
                eprintln!("sent again: {status:?}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(status) => panic!("{signal}: {status:?}"),
        }
    }
    panic!("{signal}: never taken");
}

/// Sends the corpus while `duck` looks: each report agrees with itself, and counts only grow.
async fn watch_ingest(grpc: &Grpc, api: &Api, duck: &mut Duck) {
    let (grpc, api) = (grpc.clone(), api.clone());
    let ingest = tokio::spawn(async move {
        for signal in [Signal::Metrics, Signal::Logs, Signal::Traces] {
            let mut requests = requests(signal);
            // However fast they are taken: several flushes of each signal.
            let some = requests.len().div_ceil(4);
            while !requests.is_empty() {
                let rest = requests.split_off(some.min(requests.len()));
                for body in std::mem::replace(&mut requests, rest) {
                    export(&grpc, signal, &body).await;
                }
                while buffered(&api).await > 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    });
    let mut last = [0; 3];
    let mut looks = 0;
    while !ingest.is_finished() || looks == 0 {
        let report = tokio::task::block_in_place(|| duck.ask("report"));
        assert_eq!(report["agree"], true, "{report:#}");
        let now = ["spans", "logs", "metrics"].map(|table| int(&report["counts"][table]));
        assert!(
            now.iter().zip(last).all(|(now, last)| *now >= last),
            "{now:?} after {last:?}"
        );
        last = now;
        looks += 1;
    }
    ingest.await.unwrap();
}

/// The same questions to Oriel and to DuckDB.
async fn same_answers(api: &Api, duck: &mut Duck, stage: &str) {
    Truth::read().check_totals(api, stage).await;
    let mut checks = Checks::new(stage);
    let report = duck.ask("report");
    checks.yes(&format!("readers agree: {report}"), report["agree"] == true);
    checks.eq("ids", &report["ids"], &json!([[16, 8]]));
    for table in ["spans", "logs", "metrics"] {
        let count = api.int(&format!("SELECT count(*) FROM {table}")).await;
        checks.eq(table, int(&report["counts"][table]), count);
    }
    for (oriel, other) in [
        (
            "SELECT service_name, count(*), count(DISTINCT trace_id), sum(duration) FROM spans GROUP BY 1 ORDER BY 1",
            "SELECT service_name, count(*), count(DISTINCT trace_id), sum(duration) FROM spans GROUP BY 1 ORDER BY 1",
        ),
        (
            "SELECT CAST(min(start_time) AS BIGINT), CAST(max(end_time) AS BIGINT), CAST(sum(CAST(start_time AS BIGINT) % 1000) AS BIGINT) FROM spans",
            "SELECT epoch_ns(min(start_time)), epoch_ns(max(end_time)), sum(epoch_ns(start_time) % 1000) FROM spans",
        ),
        (
            "SELECT attributes['http.route'], count(*) FROM spans GROUP BY 1 ORDER BY 2, 1",
            "SELECT \"attributes.http.route\", count(*) FROM spans GROUP BY 1 ORDER BY 2, 1",
        ),
        (
            "SELECT attributes['order.id'], count(*) FROM spans WHERE attributes['order.id'] IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20",
            "SELECT attributes->>'$.\"order.id\"', count(*) FROM spans WHERE attributes->>'$.\"order.id\"' IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20",
        ),
        (
            "SELECT name, count(*), sum(CAST(time AS BIGINT) % 1000) FROM span_events GROUP BY 1 ORDER BY 1",
            "SELECT e.name, count(*), sum(epoch_ns(e.time) % 1000) FROM spans, UNNEST(spans.events) AS u(e) GROUP BY 1 ORDER BY 1",
        ),
        (
            "SELECT attributes['exception.type'], count(*) FROM span_events WHERE name = 'exception' GROUP BY 1 ORDER BY 1",
            "SELECT e.attributes->>'$.\"exception.type\"', count(*) FROM spans, UNNEST(spans.events) AS u(e) WHERE e.name = 'exception' GROUP BY 1 ORDER BY 1",
        ),
        (
            "SELECT trace_id, span_id, parent_span_id, name, duration FROM spans WHERE trace_id = '0246d2bcd9add28d274b83bf2a3cfe60' ORDER BY span_id",
            "SELECT lower(hex(trace_id)), lower(hex(span_id)), lower(hex(parent_span_id)), name, duration FROM spans WHERE trace_id = unhex('0246d2bcd9add28d274b83bf2a3cfe60') ORDER BY span_id",
        ),
        (
            "SELECT severity_text, count(*), count(trace_id), count(body_json) FROM logs GROUP BY 1 ORDER BY 1",
            "SELECT severity_text, count(*), count(trace_id), count(body_json) FROM logs GROUP BY 1 ORDER BY 1",
        ),
        (
            "SELECT name, type, count(*), count(DISTINCT series_id), sum(count) FROM metrics GROUP BY 1, 2 ORDER BY 1, 2",
            "SELECT name, type, count(*), count(DISTINCT series_id), sum(count) FROM metrics GROUP BY 1, 2 ORDER BY 1, 2",
        ),
        (
            "SELECT count(DISTINCT trace_id), sum(span_count), sum(error_count), count(DISTINCT root_span_id) FROM traces",
            "SELECT count(DISTINCT trace_id), sum(span_count), sum(error_count), count(DISTINCT root_span_id) FROM traces",
        ),
    ] {
        let rows = api.rows(oriel).await;
        let as_text = |value: &Value| match value {
            Value::Null => Value::Null,
            Value::String(text) => json!(text),
            other => json!(other.to_string()),
        };
        let rows: Vec<Vec<Value>> = rows
            .iter()
            .map(|row| row.iter().map(as_text).collect())
            .collect();
        checks.eq(oriel, duck.rows(other), json!(rows));
    }
    checks.finish();
}

/// New spans with the promoted attributes, of the right and of another type, beside the old ones.
async fn columns_were_added(server: &Server, duck: &mut Duck) {
    let api = Api::new(&server.url());
    let mut checks = Checks::new("columns added");
    let retry = |value| KeyValue {
        value: super::edges::value(value),
        ..attribute("retry.attempt", "")
    };
    let mut spans = vec![span(201, "new"), span(202, "new"), span(203, "new")];
    spans[0].attributes = vec![
        attribute("order.id", "o-new"),
        retry(any_value::Value::IntValue(9)),
    ];
    spans[1].attributes = vec![retry(any_value::Value::StringValue("nine".to_owned()))];
    let grpc = Grpc::new(server.grpc());
    checks.eq(
        "sent",
        grpc.export_partial(Signal::Traces, &trace_request("new", spans))
            .await
            .0,
        0,
    );
    wait_for("a flush of the new", async || buffered(&api).await == 0).await;
    let columns = duck.ask("columns spans");
    checks.eq(
        "type of order.id",
        &columns["attributes.order.id"],
        &json!("VARCHAR"),
    );
    checks.eq(
        "type of retry.attempt",
        &columns["attributes.retry.attempt"],
        &json!("BIGINT"),
    );
    let sql = "SELECT \"attributes.order.id\", \"attributes.retry.attempt\", attributes FROM spans
               WHERE name = 'new' AND service_name = 'new' ORDER BY start_time";
    let want = json!([
        ["o-new", "9", null],
        [null, null, r#"{"retry.attempt":"nine"}"#],
        [null, null, null]
    ]);
    checks.eq(sql, duck.rows(sql), want);
    let total = api.int("SELECT count(*) FROM spans").await;
    checks.eq("spans", int(&duck.ask("counts")["spans"]), total);
    checks.eq("readers", duck.ask("report")["agree"].clone(), json!(true));
    // Old rows keep theirs in the overflow, new ones in the column; Oriel reads both.
    for (sql, want) in [
        (
            "SELECT count(*) FROM spans WHERE attributes['retry.attempt'] = 9",
            1,
        ),
        (
            "SELECT count(*) FROM spans WHERE attributes['retry.attempt'] = 2",
            43,
        ),
        (
            "SELECT count(*) FROM spans WHERE attributes['retry.attempt'] = 'nine'",
            1,
        ),
        ("SELECT count(attributes['retry.attempt']) FROM spans", 672),
        ("SELECT count(attributes['order.id']) FROM spans", 2725),
        (
            "SELECT count(*) FROM spans WHERE attributes['order.id'] = 'o-new'",
            1,
        ),
    ] {
        checks.eq(sql, api.int(sql).await, want);
    }
    checks.finish();
}
