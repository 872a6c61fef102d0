//! Damaged parts, as those who ask see them.

use std::path::{Path, PathBuf};

use oriel_proto::Signal;
use serde_json::Value;

use crate::support::Server;
use crate::support::otlp::{post, shop};

/// The Parquet files below `dir`.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Flips bits in the middle of all files of a table.
fn damage(server: &Server, table: &str) {
    let files = files(&server.data_dir().join("tables/default").join(table));
    assert!(!files.is_empty());
    for path in files {
        let mut bytes = std::fs::read(&path).expect("reads");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(&path, bytes).expect("writes");
    }
}

/// Asks until the damage is known: the request that finds it fails by name.
async fn asked(server: &Server, path: &str) -> (u16, Option<String>, Value) {
    for _ in 0..20 {
        let answer = server.request(reqwest::Method::GET, path).send().await;
        let answer = answer.expect("an answer");
        let status = answer.status().as_u16();
        let complete = answer.headers().get("oriel-complete");
        let complete = complete.map(|value| value.to_str().expect("text").to_owned());
        if status != 500 {
            let body = answer.bytes().await.expect("a body");
            return (
                status,
                complete,
                serde_json::from_slice(&body).unwrap_or_default(),
            );
        }
    }
    panic!("{path} fails again and again");
}

/// Scenario: the index of traces is damaged on disk; then the spans are as well.
/// Guarantees: a trace is still found by its id, with the mark that the answer may be incomplete; when its
/// spans cannot be read, the answer does not say that there is no such trace but that it is incomplete.
#[tokio::test(flavor = "multi_thread")]
async fn a_trace_in_damaged_parts_is_not_denied() {
    let mut server = Server::start().await;
    let body = shop(Signal::Traces).swap_remove(0);
    let (status, _) = post(&server, Signal::Traces, "application/x-protobuf", body).await;
    assert_eq!(status, 200);
    let id = server.sql("SELECT trace_id FROM spans LIMIT 1").await;
    let path = format!("/api/v1/traces/{}", id.one().as_str().expect("an id"));
    assert!(server.stop().success());
    server.restart().await;
    let (status, complete, whole) = asked(&server, &path).await;
    assert_eq!((status, complete), (200, None));

    assert!(server.stop().success());
    damage(&server, "traces");
    server.restart().await;
    let (status, complete, body) = asked(&server, &path).await;
    assert_eq!(
        (status, complete.as_deref()),
        (200, Some("false")),
        "{body}"
    );
    assert_eq!(body, whole);

    assert!(server.stop().success());
    damage(&server, "spans");
    server.restart().await;
    for path in [
        path.clone(),
        format!("{path}/skeleton"),
        format!("{path}/logs"),
    ] {
        let (status, complete, body) = asked(&server, &path).await;
        assert_eq!(
            (status, complete.as_deref()),
            (404, Some("false")),
            "{path}: {body}"
        );
        assert_eq!(body["error"]["complete"], false, "{body}");
        let message = body["error"]["message"].as_str().expect("a message");
        assert!(message.contains("damaged"), "{message}");
    }
}
