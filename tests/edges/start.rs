//! Starting under difficulties: each refusal tells what is wrong and what to do.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use crate::check::Checks;
use crate::support::Server;
use crate::support::server::command;

/// Runs `command` to its end, which must be a failure; what it printed.
fn failing(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let text = [stdout, stderr]
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .concat();
    assert!(!status.success(), "{command:?} ended well:\n{text}");
    text
}

/// Scenario: one port after the other is taken by someone else.
/// Guarantees: the start fails and names the address, the setting and what to do.
#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut checks = Checks::new("taken port");
    for flag in ["--otlp-grpc", "--otlp-http", "--http"] {
        let dir = tempfile::tempdir().unwrap();
        let mut oriel = Command::new(env!("CARGO_BIN_EXE_oriel"));
        oriel.env_clear().arg("--data-dir").arg(dir.path());
        for each in ["--otlp-grpc", "--otlp-http", "--http"] {
            oriel.args([
                each,
                if each == flag {
                    &address
                } else {
                    "127.0.0.1:0"
                },
            ]);
        }
        let text = failing(&mut oriel);
        checks.yes(&format!("names {address}: {text}"), text.contains(&address));
        checks.yes(&format!("names {flag}: {text}"), text.contains(flag));
        checks.yes(&format!("says taken: {text}"), text.contains("taken"));
    }
    checks.finish();
}

/// Scenario: a second process on the data directory of a running one; then the first is killed.
/// Guarantees: the second fails and names the directory; the first is not disturbed; after the kill
/// the directory can be opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_data_directory_is_named() {
    let mut server = Server::start().await;
    let text = failing(&mut command(&server.data_dir()));
    let mut checks = Checks::new("held directory");
    let dir = server.data_dir().display().to_string();
    checks.yes(&format!("names {dir}: {text}"), text.contains(&dir));
    let told = ["another process", "in use", "held", "locked"];
    checks.yes(
        &format!("says why: {text}"),
        told.iter().any(|words| text.contains(words)),
    );
    checks.eq(
        "the first lives",
        server.sql("SELECT count(*) FROM spans").await.int(),
        0,
    );
    server.kill9();
    server.restart().await;
    checks.eq(
        "opened again",
        server.sql("SELECT count(*) FROM spans").await.int(),
        0,
    );
    checks.finish();
    assert!(server.stop().success());
}

/// Scenario: misspelt keys in the file, at top level and in a section, a misspelt variable, a value
/// of the wrong form, an address open to others without a token.
/// Guarantees: the start fails and names the closest key, or what is wrong with the value.
#[test]
fn wrong_settings_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("oriel.toml");
    let mut checks = Checks::new("wrong settings");
    for (text, told) in [
        ("data_dri = 'x'", "data_dir"),
        (
            "[storage]\nflush_intervall = '1s'",
            "storage.flush_interval",
        ),
        ("[storage]\nflush_interval = 'soon'", "flush_interval"),
        ("[storag]\nflush_interval = '1s'", "storage"),
        ("otlp_grpc = 'nowhere'", "nowhere"),
        ("= 3", "oriel.toml"),
    ] {
        std::fs::write(&file, text).unwrap();
        let told_text = failing(command(&dir.path().join("data")).arg("--config").arg(&file));
        checks.yes(
            &format!("{text:?} names {told:?}: {told_text}"),
            told_text.contains(told),
        );
    }
    let told =
        failing(command(&dir.path().join("data")).env("ORIEL_STORAGE_FLUSH_INTERVALL", "1s"));
    checks.yes(&told, told.contains("ORIEL_STORAGE_FLUSH_INTERVAL\""));
    let mut open = Command::new(env!("CARGO_BIN_EXE_oriel"));
    open.env_clear()
        .args(["--http", "0.0.0.0:0", "--data-dir"])
        .arg(dir.path());
    let told = failing(&mut open);
    checks.yes(
        &told,
        told.contains("token") && told.contains("--insecure-no-auth"),
    );
    let told = failing(command(&dir.path().join("data")).args(["--config", "/no/such/file"]));
    checks.yes(&told, told.contains("/no/such/file"));
    checks.finish();
}
