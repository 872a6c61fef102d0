//! Is it alive, is it ready, and how is it doing: `/health`, `/ready`, `/metrics`,
//! `/api/v1/status`.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::Result;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use oriel_collector::{Collector, Totals};
use oriel_proto::Token;
use oriel_query::Activity;
use oriel_storage::schema::Table;
use oriel_storage::{Replay, Stats, Store, TenantId};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::Settings;
use crate::memory::{Governor, Used};

/// Bounds of all histograms of durations, in seconds: half a millisecond to a minute.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// What is known about the state of the process. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    opened: Arc<OnceLock<Opened>>,
    stop: CancellationToken,
    started: Instant,
    addresses: [(&'static str, SocketAddr); 3],
    facts: Arc<Facts>,
    metrics: PrometheusHandle,
}

/// What there is once the store is open.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) collector: Collector,
    pub(crate) activity: Activity,
    pub(crate) governor: Governor,
}

/// What does not change while the process runs.
#[derive(Debug)]
struct Facts {
    data_dir: String,
    settings: Limits,
}

/// How the server is doing.
#[derive(Serialize, ToSchema)]
struct Status {
    version: &'static str,
    uptime_seconds: u64,
    ready: bool,
    /// Why it is not ready.
    reason: Option<String>,
    #[schema(value_type = String)]
    otlp_grpc: SocketAddr,
    #[schema(value_type = String)]
    otlp_http: SocketAddr,
    #[schema(value_type = String)]
    http: SocketAddr,
    data_dir: String,
    settings: Limits,
    process: Process,
    /// This and all below: null while the store opens.
    #[schema(value_type = Option<Object>)]
    store: Option<Stats>,
    ingest: Option<Ingested>,
    tables: Option<Vec<TableFigures>>,
    wal: Option<Wal>,
    /// Queries that run, or wait for a place.
    queries_running: Option<usize>,
    memory: Option<Memory>,
}

/// Memory that grows with load, in bytes.
#[derive(Serialize, ToSchema)]
struct Memory {
    /// The setting `limits.memory`, or what it stands for.
    limit: u64,
    /// All that is counted.
    used: u64,
    pieces: Used,
}

/// Settings that decide what is kept and what a question may cost; `oriel --print-config` has all.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Limits {
    retention_traces: String,
    retention_logs: String,
    retention_metrics: String,
    /// Bytes of files; 0 is no limit.
    retention_bytes: u64,
    flush_interval: String,
    body_bytes_max: u64,
    query_time_limit: String,
    query_rows_max: usize,
}

/// What has been received since the start.
#[derive(Serialize, ToSchema)]
struct Ingested {
    /// Requests answered, in any way.
    requests: u64,
    records: BySignal,
    /// Requests refused, in whole or in part.
    rejected: u64,
    /// Requests that were stored before.
    duplicates: u64,
    /// Bytes of request bodies, as received.
    bytes: u64,
}

/// Records stored since the start.
#[derive(Serialize, ToSchema)]
struct BySignal {
    traces: u64,
    logs: u64,
    metrics: u64,
}

/// What a table holds.
#[derive(Serialize, ToSchema)]
struct TableFigures {
    name: &'static str,
    /// Files.
    parts: usize,
    /// Rows, in files and in memory.
    rows: u64,
    /// Bytes of files.
    bytes: u64,
    /// Least event time in files, in nanoseconds since 1970.
    oldest: Option<String>,
    /// Greatest event time in files.
    newest: Option<String>,
}

/// The write-ahead log.
#[derive(Serialize, ToSchema)]
struct Wal {
    /// Bytes that are in no file yet.
    bytes: u64,
    /// Sequence of the last durable frame.
    position: u64,
    /// Sequence up to which rows are in files.
    flushed_position: u64,
}

/// What the operating system says of the process; null where it does not.
#[derive(Default, Serialize, ToSchema)]
struct Process {
    /// Memory that is resident.
    rss_bytes: Option<u64>,
    /// Processor time since the start.
    cpu_seconds: Option<f64>,
    threads: Option<u64>,
}

impl Health {
    /// Records our own metrics from now on; `stop` is cancelled when the process is to end.
    ///
    /// Errors: when the process has a metrics recorder already.
    pub(crate) fn new(
        settings: &Settings,
        addresses: [(&'static str, SocketAddr); 3],
        stop: CancellationToken,
    ) -> Result<Health> {
        let seconds = Matcher::Suffix("_seconds".to_owned());
        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(seconds, &SECONDS)?
            .install_recorder()?;
        Ok(Health {
            opened: Arc::default(),
            stop,
            started: Instant::now(),
            addresses,
            facts: Arc::new(Facts::of(settings)),
            metrics,
        })
    }

    /// Says that the store is open: from now on the process is ready.
    pub(crate) fn opened(&self, opened: Opened) {
        let _ = self.opened.set(opened);
    }

    /// Why requests are not taken now, if they are not.
    fn not_ready(&self) -> Option<String> {
        if self.stop.is_cancelled() {
            return Some("stopping".to_owned());
        }
        match self.opened.get() {
            None => Some("opening the data directory".to_owned()),
            Some(opened) => {
                let stats = opened.store.stats();
                stats.refusing.or_else(|| stats.replay.map(replaying))
            }
        }
    }

    /// The routes; `/metrics` and the status need the token when there is one.
    pub(crate) fn router(&self, token: Option<Token>) -> OpenApiRouter {
        let guarded = OpenApiRouter::new()
            .routes(routes!(exposition))
            .routes(routes!(status))
            .layer(from_fn_with_state(token, admit));
        OpenApiRouter::new()
            .routes(routes!(alive))
            .routes(routes!(ready))
            .merge(guarded)
            .with_state(self.clone())
    }
}

/// What a replay that runs means.
fn replaying(replay: Replay) -> String {
    format!(
        "replaying the write-ahead log: {} % of {}; telemetry is taken, answers may lack rows that \
         were stored before the start",
        replay.percent(),
        bytesize::ByteSize::b(replay.bytes_total),
    )
}

/// Lets a request pass that carries the token.
pub(crate) async fn admit(
    State(token): State<Option<Token>>,
    request: Request,
    next: Next,
) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(|value| value.as_bytes());
    match token {
        Some(token) if !token.admits(given) => {
            let body = serde_json::json!({"error": {
                "code": "unauthorized",
                "message": "this server wants a token: send Authorization: Bearer <token>",
            }});
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
            (StatusCode::UNAUTHORIZED, challenge, Json(body)).into_response()
        }
        _ => next.run(request).await,
    }
}

/// Whether the process runs
#[utoipa::path(
    get, path = "/health", tag = "server", security(()),
    responses((status = 200, description = "It runs", body = String)),
)]
async fn alive() -> &'static str {
    "ok\n"
}

/// Whether telemetry is taken now
#[utoipa::path(
    get, path = "/ready", tag = "server", security(()),
    responses(
        (status = 200, description = "It is, and answers are whole", body = String),
        (status = 503, description = "Why it is not", body = String),
    ),
)]
async fn ready(State(health): State<Health>) -> Response {
    match health.not_ready() {
        None => "ready\n".into_response(),
        Some(reason) => {
            let again = [(header::RETRY_AFTER, "1")];
            (
                StatusCode::SERVICE_UNAVAILABLE,
                again,
                format!("{reason}\n"),
            )
                .into_response()
        }
    }
}

/// The server's own metrics, in Prometheus' text format
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses((status = 200, description = "Names begin with oriel_", body = String)),
)]
async fn exposition(State(health): State<Health>) -> Response {
    let format = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    health.metrics.run_upkeep();
    (format, health.metrics.render()).into_response()
}

/// How the server is doing
#[utoipa::path(
    get, path = "/api/v1/status", tag = "server",
    responses((status = 200, description = "Figures of now and since the start", body = Status)),
)]
async fn status(State(health): State<Health>) -> Response {
    let [otlp_grpc, otlp_http, http] = health.addresses.map(|(_, address)| address);
    let reason = health.not_ready();
    let opened = health.opened.get();
    let stats = opened.map(|opened| opened.store.stats());
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: health.started.elapsed().as_secs(),
        ready: reason.is_none(),
        reason,
        otlp_grpc,
        otlp_http,
        http,
        data_dir: health.facts.data_dir.clone(),
        settings: health.facts.settings.clone(),
        process: Process::now(),
        ingest: opened.map(|opened| Ingested::from(opened.collector.totals())),
        tables: opened.map(|opened| tables(&opened.store)),
        wal: stats.as_ref().map(|stats| Wal {
            bytes: stats.wal_bytes,
            position: stats.wal_position,
            flushed_position: stats.flushed_position,
        }),
        queries_running: opened.map(|opened| opened.activity.queries_running()),
        memory: opened.map(|opened| {
            let pieces = opened.governor.used();
            Memory {
                limit: opened.governor.limit,
                used: pieces.sum(),
                pieces,
            }
        }),
        store: stats,
    })
    .into_response()
}

impl Facts {
    fn of(settings: &Settings) -> Facts {
        let time = crate::config::duration_text;
        let storage = &settings.storage;
        let dir = std::path::absolute(&settings.data_dir);
        let dir = dir.unwrap_or_else(|_| settings.data_dir.clone());
        Facts {
            data_dir: dir.display().to_string(),
            settings: Limits {
                retention_traces: time(storage.retention_traces),
                retention_logs: time(storage.retention_logs),
                retention_metrics: time(storage.retention_metrics),
                retention_bytes: storage.retention_bytes.as_u64(),
                flush_interval: time(storage.flush_interval),
                body_bytes_max: settings.collector.body_bytes_max.as_u64(),
                query_time_limit: time(settings.query.time_limit),
                query_rows_max: settings.query.rows_max,
            },
        }
    }
}

impl From<Totals> for Ingested {
    fn from(totals: Totals) -> Self {
        Ingested {
            requests: totals.requests,
            records: BySignal {
                traces: totals.spans,
                logs: totals.logs,
                metrics: totals.metrics,
            },
            rejected: totals.rejected,
            duplicates: totals.duplicates,
            bytes: totals.bytes,
        }
    }
}

fn tables(store: &Store) -> Vec<TableFigures> {
    let snapshot = store.snapshot(&TenantId::default_tenant());
    let of = |table: Table| {
        let parts = snapshot.parts(table);
        let buffers = snapshot.buffers(table).iter();
        let buffered: usize = buffers.map(|batch| batch.rows().num_rows()).sum();
        TableFigures {
            name: table.as_str(),
            parts: parts.len(),
            rows: parts.iter().map(|part| part.rows).sum::<u64>() + buffered as u64,
            bytes: parts.iter().map(|part| part.bytes).sum(),
            oldest: parts
                .iter()
                .map(|part| part.time_min.0)
                .min()
                .map(|ns| ns.to_string()),
            newest: parts
                .iter()
                .map(|part| part.time_max.0)
                .max()
                .map(|ns| ns.to_string()),
        }
    };
    Table::ALL.into_iter().map(of).collect()
}

impl Process {
    /// As Linux tells it in /proc.
    fn now() -> Process {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let status = read("/proc/self/status");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        Process {
            rss_bytes: number("VmRSS:").map(|kib| kib << 10),
            cpu_seconds: cpu_seconds(&read("/proc/self/stat")),
            threads: number("Threads:"),
        }
    }
}

/// User and system time in /proc/self/stat, which counts in hundredths of a second.
pub(crate) fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name of the process, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    Some((ticks.next()?.ok()? + ticks.next()?.ok()?) as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a line of /proc/self/stat with a hostile process name; this process.
    /// Guarantees: user and system time are found; figures of a running process are above 0.
    #[test]
    fn reads_the_process_figures() {
        let line = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 100";
        assert_eq!(cpu_seconds(line), Some(3.0));
        assert_eq!(cpu_seconds(""), None);
        let process = Process::now();
        assert!(process.rss_bytes > Some(1 << 20), "{:?}", process.rss_bytes);
        assert!(process.threads >= Some(1) && process.cpu_seconds.is_some());
    }
}
