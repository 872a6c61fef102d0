//! `oriel bench ingest` against the real server: what it says it sent is what is stored.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::Server;

fn oriel(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oriel"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ORIEL_")) {
        command.env_remove(name);
    }
    let output = command.args(args).stdin(Stdio::null()).output();
    let output = output.expect("oriel runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    output
}

async fn stored(server: &Server) -> [i64; 3] {
    let mut counts = [0; 3];
    for (count, table) in counts.iter_mut().zip(["spans", "logs", "metrics"]) {
        *count = server
            .sql(&format!("SELECT count(*) FROM {table}"))
            .await
            .int();
    }
    counts
}

/// Scenario: all signals at a rate by gRPC and gzip, then as fast as possible by HTTP, with the
/// figures of the server's process.
/// Guarantees: every record that is reported is stored, none more; the report has latency and cost.
#[tokio::test(flavor = "multi_thread")]
async fn stores_what_it_reports() {
    let server = Server::start().await;
    let (grpc, http, url) = (server.grpc().to_string(), server.otlp_url(), server.url());
    let pid = server.pid().to_string();
    let common = ["bench", "ingest", "--json", "--batch", "50", "--url", &url];
    let paced = [
        "--grpc",
        &grpc,
        "--compression",
        "gzip",
        "--signal",
        "traces,logs,metrics:2",
        "--rate",
        "4k",
        "--count",
        "4000",
    ];
    let flat_out = [
        "--http", &http, "--rate", "max", "--count", "1234", "--signal", "logs", "--seed", "2",
        "--pid", &pid,
    ];
    let mut total = 0;
    for (args, count) in [(&paced[..], 4_000), (&flat_out[..], 1_234)] {
        let output = oriel(&[&common[..], args].concat());
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["records_accepted"], count, "{report}");
        assert_eq!(report["records_lost"], 0, "{report}");
        let millis = |name: &str| report["latency_ms"][name].as_f64().expect("a number");
        assert!(millis("p50") > 0.0 && millis("p50") <= millis("max"));
        let spent = &report["server"]["answered"];
        assert!(spent["cpu_seconds"].as_f64() >= Some(0.0), "{report}");
        assert!(spent["rss_bytes"].as_u64() > Some(1 << 20), "{report}");
        total += count;
    }
    let stored = stored(&server).await;
    assert_eq!(stored.iter().sum::<i64>(), total);
    assert_eq!(stored[2], 2_000);
    let services = "SELECT count(DISTINCT service_name) FROM spans";
    assert!(server.sql(services).await.int() > 3);
}

/// Scenario: a corpus written twice with one seed, sent by `oriel send`.
/// Guarantees: the files are the same, and every record in them is stored.
#[tokio::test(flavor = "multi_thread")]
async fn a_corpus_can_be_sent() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str| {
        let path = dir.path().join(name);
        let shown = path.to_str().expect("UTF-8");
        oriel(&[
            "bench",
            "ingest",
            "--write",
            shown,
            "--count",
            "3000",
            "--batch",
            "64",
            "--signal",
            "traces,logs,metrics",
            "--start",
            "2026-11-23T00:00:00Z",
            "--seed",
            "7",
        ]);
        ["traces", "logs", "metrics"].map(|signal| path.join(format!("{signal}.binpb.zst")))
    };
    let (first, second) = (write("first"), write("second"));
    for (first, second) in first.iter().zip(&second) {
        let read = |path| std::fs::read(path).expect("reads");
        assert!(read(first) == read(second), "{}", first.display());
    }
    let server = Server::start().await;
    let grpc = server.grpc().to_string();
    let mut args = vec!["send", "--grpc", &grpc];
    args.extend(first.iter().map(|path| path.to_str().expect("UTF-8")));
    oriel(&args);
    let stored = stored(&server).await;
    assert_eq!(stored.iter().sum::<i64>(), 3_000);
    assert!(stored.iter().all(|count| *count > 900), "{stored:?}");
}
