//! The real `oriel` binary on free loopback ports: start, ask, kill, stop, start again on the same
//! data directory. Waits by reading what the server prints, never by sleeping.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// How long a start or a stop may take on a busy machine before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running (or killed) server with a data directory of its own, removed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    dir: TempDir,
    args: Vec<String>,
    vars: Vec<(String, String)>,
    token: Option<String>,
    process: Option<Process>,
    /// Everything that earlier processes printed.
    log: String,
    client: reqwest::Client,
}

#[derive(Debug)]
struct Process {
    child: Child,
    lines: Receiver<String>,
    log: String,
    grpc: SocketAddr,
    otlp_http: SocketAddr,
    http: SocketAddr,
}

/// The answer to a statement.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<AnswerColumn>,
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) receipt: Value,
}

/// A column of an answer.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct AnswerColumn {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) data_type: String,
}

impl Answer {
    /// The only value of an answer of one row and one column.
    pub(crate) fn one(&self) -> &Value {
        assert_eq!(self.rows.len(), 1, "want one row: {self:?}");
        assert_eq!(self.rows[0].len(), 1, "want one column: {self:?}");
        &self.rows[0][0]
    }

    /// The only value, as an integer (numbers beyond 2^53 come as text).
    pub(crate) fn int(&self) -> i64 {
        let value = self.one();
        let parsed = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        parsed.unwrap_or_else(|| panic!("not an integer: {value}"))
    }

    /// The first two columns as text and integer: the shape of `SELECT key, count(*) … GROUP BY 1`.
    pub(crate) fn counts(&self) -> std::collections::BTreeMap<String, i64> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.rows
            .iter()
            .map(|row| (text(&row[0]), row[1].as_i64().expect("a count")))
            .collect()
    }
}

impl Server {
    /// Starts a server with default settings.
    pub(crate) async fn start() -> Server {
        Server::start_with(&[], &[]).await
    }

    /// Starts a server with further flags and variables, such as
    /// `("ORIEL_STORAGE_FLUSH_INTERVAL", "1h")`; waits until it is ready.
    pub(crate) async fn start_with(args: &[&str], vars: &[(&str, &str)]) -> Server {
        let own = |text: &&str| (*text).to_owned();
        let token = vars
            .iter()
            .find(|(name, _)| *name == "ORIEL_TOKEN")
            .map(|(_, v)| own(v));
        let mut server = Server {
            dir: tempfile::tempdir().expect("a temporary directory"),
            args: args.iter().map(own).collect(),
            vars: vars
                .iter()
                .map(|(name, value)| (own(name), own(value)))
                .collect(),
            token,
            process: None,
            log: String::new(),
            client: reqwest::Client::new(),
        };
        server.restart().await;
        server
    }

    /// Starts the server again on the same data directory, on new ports; kills it first if it runs.
    pub(crate) async fn restart(&mut self) {
        if let Some(status) = self.try_restart().await {
            panic!(
                "oriel did not become ready but ended with {status}; it printed:\n{}",
                self.log
            );
        }
    }

    /// As [`Server::restart`], but does not wait until the log is replayed.
    pub(crate) async fn restart_early(&mut self) {
        self.kill9();
        match Process::start(
            &self.data_dir(),
            &self.args,
            &self.vars,
            &["Ready", "Replaying"],
        ) {
            Ok(process) => self.process = Some(process),
            Err((status, log)) => panic!("oriel ended with {status}; it printed:\n{log}"),
        }
    }

    /// As [`Server::restart`], for a server that may end before it is ready: its status then.
    pub(crate) async fn try_restart(&mut self) -> Option<ExitStatus> {
        self.kill9();
        match Process::start(&self.data_dir(), &self.args, &self.vars, &["Ready"]) {
            Ok(process) => {
                self.process = Some(process);
                None
            }
            Err((status, log)) => {
                self.log.push_str(&log);
                Some(status)
            }
        }
    }

    /// Starts a process and kills it after `life`, ready or not.
    pub(crate) async fn start_and_kill(&mut self, life: Duration) {
        self.kill9();
        let mut child = command(&self.data_dir())
            .args(&self.args)
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("oriel starts");
        tokio::time::sleep(life).await;
        child.kill().expect("can be killed");
        child.wait().expect("can be awaited");
    }

    /// How the process ended, if it does so by itself within `patience`.
    pub(crate) async fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        let end = tokio::time::Instant::now() + patience;
        loop {
            let process = self.process.as_mut().expect("the server runs");
            if let Some(status) = process.child.try_wait().expect("can be awaited") {
                // Its standard error is closed: all of it can be read.
                while let Ok(line) = process.lines.recv_timeout(PATIENCE) {
                    process.log.push_str(&line);
                    process.log.push('\n');
                }
                self.log.push_str(&process.log);
                self.process = None;
                return Some(status);
            }
            if tokio::time::Instant::now() >= end {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The variable is not set any more from the next start on.
    pub(crate) fn unset_var(&mut self, name: &str) {
        self.vars.retain(|(known, _)| known != name);
    }

    /// Changes a variable for the next start.
    pub(crate) fn set_var(&mut self, name: &str, value: &str) {
        self.vars.retain(|(known, _)| known != name);
        self.vars.push((name.to_owned(), value.to_owned()));
    }

    /// Ends the process at once, as a crash does (SIGKILL).
    pub(crate) fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.child.kill().expect("can be killed");
            process.child.wait().expect("can be awaited");
            process.drain();
            self.log.push_str(&process.log);
        }
    }

    /// Asks the process to stop (SIGTERM) and waits for its end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the server runs");
        let pid = process.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill runs");
        assert!(sent.success());
        // Its standard error closes when the process ends.
        while let Ok(line) = process.lines.recv_timeout(PATIENCE) {
            process.log.push_str(&line);
            process.log.push('\n');
        }
        self.log.push_str(&process.log);
        process.child.wait().expect("can be awaited")
    }

    /// What all processes of this server have printed so far.
    pub(crate) fn log(&mut self) -> String {
        if let Some(process) = &mut self.process {
            process.drain();
        }
        let running = self.process.as_ref().map_or("", |process| &process.log);
        format!("{}{running}", self.log)
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.running().child.id()
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Where OTLP/gRPC listens.
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.running().grpc
    }

    /// Base URL of OTLP/HTTP.
    pub(crate) fn otlp_url(&self) -> String {
        format!("http://{}", self.running().otlp_http)
    }

    /// Base URL of page and API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.running().http)
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("the server runs")
    }

    /// A request to page and API, with the token when there is one.
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.authorized(self.client.request(method, format!("{}{path}", self.url())))
    }

    /// `request` with the server's token.
    pub(crate) fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// `GET path`: status and body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = self
            .request(reqwest::Method::GET, path)
            .send()
            .await
            .expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    }

    /// The answer to `sql`, which must succeed.
    pub(crate) async fn sql(&self, sql: &str) -> Answer {
        self.try_sql(sql)
            .await
            .unwrap_or_else(|(status, body)| panic!("{sql}: {status} {body}"))
    }

    /// The answer to `sql`, or status and error body.
    pub(crate) async fn try_sql(&self, sql: &str) -> Result<Answer, (u16, Value)> {
        let request = self.request(reqwest::Method::POST, "/api/v1/sql");
        let answer = request
            .json(&serde_json::json!({ "sql": sql }))
            .send()
            .await
            .expect("the server answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("text");
        let body: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{sql}: {status} {text}"));
        match status {
            200 => Ok(serde_json::from_value(body).expect("columns, rows, receipt")),
            _ => Err((status, body)),
        }
    }

    /// Runs `oriel` with these arguments against this server (`ORIEL_URL`, `ORIEL_TOKEN`).
    pub(crate) fn oriel(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oriel"));
        command
            .args(args)
            .env("ORIEL_URL", self.url())
            .stdin(Stdio::null());
        if let Some(token) = &self.token {
            command.env("ORIEL_TOKEN", token);
        }
        command.output().expect("oriel runs")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            eprintln!("--- what the server printed ---\n{}---", self.log);
        }
    }
}

/// The binary on free ports, with nothing of our own environment's settings.
pub(crate) fn command(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oriel"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ORIEL_")) {
        command.env_remove(name);
    }
    command
        .arg("--data-dir")
        .arg(data_dir)
        .args(["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"])
        .args(["--http", "127.0.0.1:0"])
        .stdin(Stdio::null());
    command
}

impl Process {
    /// Starts the binary and reads what it prints until it says one of `words`. Where it ends
    /// instead: its status, and what it printed.
    fn start(
        data_dir: &Path,
        args: &[String],
        vars: &[(String, String)],
        words: &[&str],
    ) -> Result<Process, (ExitStatus, String)> {
        let mut child = command(data_dir)
            .args(args)
            .envs(vars.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("oriel starts");
        let stderr = BufReader::new(child.stderr.take().expect("is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut log = String::new();
        loop {
            let line = match lines.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err((child.wait().expect("can be awaited"), log));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let _ = child.kill();
                    panic!("oriel did not become ready; it printed:\n{log}");
                }
            };
            log.push_str(&line);
            log.push('\n');
            if words.iter().any(|word| line.trim_start().starts_with(word)) {
                break;
            }
        }
        let [grpc, otlp_http, http] =
            ["OTLP/gRPC", "OTLP/HTTP", "UI and API"].map(|label| address(&log, label));
        Ok(Process {
            child,
            lines,
            log,
            grpc,
            otlp_http,
            http,
        })
    }

    /// Takes over what was printed meanwhile.
    fn drain(&mut self) {
        for line in self.lines.try_iter() {
            self.log.push_str(&line);
            self.log.push('\n');
        }
    }
}

/// The address behind `label` in the banner.
fn address(banner: &str, label: &str) -> SocketAddr {
    banner
        .lines()
        .find_map(|line| line.trim().strip_prefix(label))
        .and_then(|rest| rest.trim().trim_start_matches("http://").parse().ok())
        .unwrap_or_else(|| panic!("no address of {label} in:\n{banner}"))
}
