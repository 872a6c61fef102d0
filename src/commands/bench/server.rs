//! What the load cost the server: processor time, memory, bytes on disk; from its status page, or
//! from /proc for any process of this machine.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How often a server is looked at while it comes to rest.
const LOOK: Duration = Duration::from_secs(1);
/// It rests when it takes less than this share of a core…
const RESTING: f64 = 0.05;
/// … for so long: longer than flushes and merges wait by default.
const QUIET: Duration = Duration::from_secs(12);

/// Where figures come from.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    client: reqwest::Client,
    url: String,
    token: Option<String>,
    pid: Option<u32>,
    status: bool,
}

/// Figures of a moment; `None` where nothing tells.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    /// Since the process started.
    pub(crate) cpu_seconds: Option<f64>,
    /// Resident memory.
    pub(crate) rss_bytes: Option<u64>,
    /// Of all tables' files.
    pub(crate) table_bytes: Option<u64>,
    /// Of the whole data directory.
    pub(crate) disk_bytes: Option<u64>,
    /// Rows that are in no file yet.
    pub(crate) buffer_rows: Option<u64>,
}

impl Probe {
    /// For the server that listens for OTLP on `target`; `pid` if the user knows it.
    ///
    /// Errors: there is no such process.
    pub(crate) async fn new(
        url: &str,
        token: Option<String>,
        pid: Option<u32>,
        target: &str,
    ) -> Result<Probe> {
        let mut probe = Probe {
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(5))
                .build()?,
            url: format!("{}/api/v1/status", url.trim_end_matches('/')),
            token,
            pid,
            status: false,
        };
        if let Some(pid) = pid
            && process(pid).cpu_seconds.is_none()
        {
            bail!("no process {pid} in /proc: give the server's --pid, or leave it out");
        }
        probe.status = match probe.page().await {
            Ok(page) => is_of(&page, target),
            Err(_) => false,
        };
        Ok(probe)
    }

    /// What figures come from, in words.
    pub(crate) fn source(&self) -> Option<&'static str> {
        match (self.status, self.pid) {
            (true, Some(_)) => Some("process and status page"),
            (true, None) => Some("status page"),
            (false, Some(_)) => Some("process"),
            (false, None) => None,
        }
    }

    async fn page(&self) -> Result<Value> {
        let mut request = self.client.get(&self.url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await?.error_for_status()?;
        answer.json().await.context("the status page is not JSON")
    }

    /// Figures of now, without the bytes of the data directory.
    pub(crate) async fn look(&self) -> Figures {
        self.look_and_walk(false).await
    }

    /// Figures of now.
    pub(crate) async fn figures(&self) -> Figures {
        self.look_and_walk(true).await
    }

    async fn look_and_walk(&self, walk: bool) -> Figures {
        let page = match self.status {
            true => self.page().await.unwrap_or_default(),
            false => Value::Null,
        };
        let mut figures = of_page(&page);
        if let Some(pid) = self.pid {
            let process = process(pid);
            figures.cpu_seconds = process.cpu_seconds;
            figures.rss_bytes = process.rss_bytes;
        }
        let dir = page["data_dir"].as_str().filter(|_| walk);
        figures.disk_bytes = dir.and_then(|dir| bytes_below(Path::new(dir)));
        figures
    }

    /// Waits until rows are in files and the server rests, at most `patience`. Returns the figures of
    /// then, and how long the server was at work after `since`.
    pub(crate) async fn settle(&self, patience: Duration, since: Instant) -> (Figures, Duration) {
        let end = since + patience;
        let (mut worked, mut before) = (since, self.look().await);
        loop {
            tokio::time::sleep(LOOK).await;
            let figures = self.look().await;
            let cpu = figures.cpu_seconds.unwrap_or(0.0) - before.cpu_seconds.unwrap_or(0.0);
            let now = Instant::now();
            if cpu > RESTING * LOOK.as_secs_f64() || figures.buffer_rows.unwrap_or(0) > 0 {
                worked = now;
            }
            if now >= end || now - worked >= QUIET {
                return (self.figures().await, worked - since);
            }
            before = figures;
        }
    }
}

/// Whether the page is of the server that listens on `target` (`HOST:PORT`, maybe with a scheme).
fn is_of(page: &Value, target: &str) -> bool {
    let bare = target
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap_or_default();
    let port = |address: &str| address.rsplit(':').next().map(str::to_owned);
    ["otlp_grpc", "otlp_http", "http"]
        .iter()
        .filter_map(|name| page[*name].as_str())
        .any(|address| port(address) == port(bare))
}

fn of_page(page: &Value) -> Figures {
    let tables = page["tables"].as_array();
    Figures {
        cpu_seconds: page["process"]["cpu_seconds"].as_f64(),
        rss_bytes: page["process"]["rss_bytes"].as_u64(),
        table_bytes: tables.map(|all| all.iter().filter_map(|table| table["bytes"].as_u64()).sum()),
        disk_bytes: None,
        buffer_rows: page["store"]["buffer_rows"].as_u64(),
    }
}

/// What Linux says of a process.
fn process(pid: u32) -> Figures {
    let read = |name| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let status = read("status");
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = rss.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    Figures {
        cpu_seconds: crate::health::cpu_seconds(&read("stat")),
        rss_bytes: kib.map(|kib| kib << 10),
        ..Figures::default()
    }
}

/// Bytes of all files below a directory; `None` where it cannot be read.
fn bytes_below(dir: &Path) -> Option<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        // What vanishes meanwhile is no loss.
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes += bytes_below(&entry.path()).unwrap_or(0),
            Ok(meta) => bytes += meta.len(),
            Err(_) => {}
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a status page; targets with and without scheme, another server's; this process.
    /// Guarantees: figures are those of the server that is loaded, never those of another.
    #[test]
    fn reads_the_right_figures() {
        let page = serde_json::json!({
            "otlp_grpc": "127.0.0.1:4317", "otlp_http": "127.0.0.1:4318", "http": "127.0.0.1:4319",
            "process": {"cpu_seconds": 1.5, "rss_bytes": 7},
            "store": {"buffer_rows": 3},
            "tables": [{"bytes": 10}, {"bytes": 32}],
        });
        for (target, right) in [
            ("localhost:4317", true),
            ("http://127.0.0.1:4318/", true),
            ("127.0.0.1:14317", false),
        ] {
            assert_eq!(is_of(&page, target), right, "{target}");
        }
        let figures = of_page(&page);
        assert_eq!(
            (figures.cpu_seconds, figures.rss_bytes),
            (Some(1.5), Some(7))
        );
        assert_eq!(
            (figures.table_bytes, figures.buffer_rows),
            (Some(42), Some(3))
        );
        assert!(of_page(&Value::Null).table_bytes.is_none());
        let own = process(std::process::id());
        assert!(
            own.rss_bytes > Some(1 << 20) && own.cpu_seconds.is_some(),
            "{own:?}"
        );
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("below")).expect("makes");
        std::fs::write(dir.path().join("below/file"), [0; 99]).expect("writes");
        assert_eq!(bytes_below(dir.path()), Some(99));
        assert_eq!(bytes_below(&dir.path().join("missing")), None);
    }
}
