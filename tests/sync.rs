//! A disk that fails to sync, once, under the real binary.
//!
//! The C library's `fdatasync` and `fsync` are wrapped by a preloaded library
//! (tests/data/fail_sync.c, compiled with `cc`), which fails them for the log while a file exists.

use std::path::{Path, PathBuf};
use std::process::Command;

use oriel_proto::Signal;
use tonic::Code;

use crate::edges::{log, log_request};
use crate::support::Server;
use crate::wire::{Encoding, Grpc};

/// Compiles the wrapper into `dir`.
fn wrapper(dir: &Path) -> PathBuf {
    let library = dir.join("fail_sync.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/fail_sync.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .args([source, "-ldl"])
        .status();
    assert!(built.expect("cc runs").success());
    library
}

async fn send(server: &Server, text: &str) -> Result<(), tonic::Status> {
    let body = log_request("sync", vec![log(text)]);
    let sent = Grpc::new(server.grpc())
        .export(Signal::Logs, &body, Encoding::Plain)
        .await;
    sent.map(drop)
}

async fn bodies(server: &Server) -> Vec<String> {
    let answer = server.sql("SELECT body FROM logs ORDER BY body").await;
    let rows = answer.rows.iter();
    rows.map(|row| row[0].as_str().unwrap().to_owned())
        .collect()
}

/// Scenario: one sync of the log fails; the disk is well again at once, but a failed sync may have
/// dropped what it was to write. Then the process is killed and starts again.
/// Guarantees: what the sync was for is refused, retryably; so is everything after it, until the
/// restart; reads go on; the log says why. After the restart what was acknowledged is there once,
/// and so is what was refused and sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_ends_writing_until_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (library, flag) = (wrapper(dir.path()), dir.path().join("flag"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let vars = [
        ("LD_PRELOAD", &*text(&library)),
        ("FAIL_SYNC", &*text(&flag)),
    ];
    let mut server = Server::start_with(&[], &vars).await;
    send(&server, "first").await.unwrap();

    std::fs::write(&flag, "").unwrap();
    let refused = send(&server, "second").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    std::fs::remove_file(&flag).unwrap();
    for attempt in 0..3 {
        let refused = send(&server, "third").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{attempt}: {refused:?}");
        assert!(refused.message().contains("restart"), "{refused:?}");
    }
    assert_eq!(bodies(&server).await, ["first"]);
    assert!(server.log().contains("writing stops"), "{}", server.log());

    server.kill9();
    server.restart().await;
    for body in ["first", "second", "third"] {
        send(&server, body).await.unwrap();
    }
    assert_eq!(bodies(&server).await, ["first", "second", "third"]);
    assert!(server.stop().success());
}
