//! The steps of `oriel serve` that main.rs strings together: logs, ports, signals, the banner, and
//! the doors that answer "try again" while the store opens.

use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oriel_storage::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tonic_types::{ErrorDetails, StatusExt};
use tower::ServiceExt;
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings, flag};

/// How long clients are asked to wait while the store opens.
const OPENING_RETRY: Duration = Duration::from_secs(1);

/// How often to look whether the replay has ended.
const REPLAY_TICK: Duration = Duration::from_millis(10);

/// Connections that may wait to be accepted on each port.
const BACKLOG: u32 = 1024;

/// Sends log lines to standard error, as the settings say.
///
/// Errors: `log_level` is not a filter.
pub(crate) fn start_logs(settings: &Settings) -> Result<()> {
    let filter = EnvFilter::try_new(&settings.log_level).with_context(|| {
        format!(
            "log_level {:?}: write a level (info) or levels by module (info,oriel_storage=debug)",
            settings.log_level
        )
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match settings.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

/// The three listening sockets.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) otlp_grpc: TcpListener,
    pub(crate) otlp_http: TcpListener,
    pub(crate) http: TcpListener,
}

impl Ports {
    /// Opens the ports. Errors: an address is taken or not ours; the text names it and its flag.
    pub(crate) fn bind(settings: &Settings) -> Result<Ports> {
        let [otlp_grpc, otlp_http, http] = settings.addresses().map(|(key, at)| bind(key, at));
        Ok(Ports {
            otlp_grpc: otlp_grpc?,
            otlp_http: otlp_http?,
            http: http?,
        })
    }

    /// The addresses in use, by setting.
    pub(crate) fn addresses(&self) -> Result<[(&'static str, SocketAddr); 3]> {
        Ok([
            ("otlp_grpc", self.otlp_grpc.local_addr()?),
            ("otlp_http", self.otlp_http.local_addr()?),
            ("http", self.http.local_addr()?),
        ])
    }
}

fn bind(key: &str, address: SocketAddr) -> Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4(),
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6(),
    };
    let bound = socket.and_then(|socket| {
        // Lets a restarted server have its port back while old connections linger.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    });
    bound.map_err(|error| {
        let flag = flag(key);
        match error.kind() {
            ErrorKind::AddrInUse => anyhow!(
                "address {address} is taken by another process (another oriel or an OpenTelemetry \
                 Collector?); stop it, or choose another with {flag} ADDR (port 0 picks a free one)"
            ),
            ErrorKind::AddrNotAvailable => {
                anyhow!("address {address} is not one of this machine; change {flag}")
            }
            ErrorKind::PermissionDenied => {
                anyhow!("no permission to listen on {address}; change {flag}")
            }
            _ => anyhow!("listening on {address} ({flag}): {error}"),
        }
    })
}

/// A token that SIGINT or SIGTERM cancels. A second signal ends the process at once.
pub(crate) fn stop_signals() -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let cancel = stop.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            }
        };
        let name = next().await;
        tracing::info!(signal = name, "stopping; a second signal exits at once");
        cancel.cancel();
        let name = next().await;
        tracing::warn!(
            signal = name,
            "exiting without a flush; the next start replays the log"
        );
        std::process::exit(130);
    });
    Ok(stop)
}

/// A port's routes, which exist once the store is open. Until then every request is answered
/// "try again" in its own protocol, so that clients keep their data.
#[derive(Debug, Clone, Default)]
pub(crate) struct Door(Arc<OnceLock<Router>>);

impl Door {
    /// Lets requests in.
    pub(crate) fn open(&self, router: Router) {
        let _ = self.0.set(router);
    }

    /// The router to serve from the start.
    pub(crate) fn router(&self) -> Router {
        let door = self.clone();
        Router::new().fallback(move |request: Request| async move {
            match door.0.get() {
                Some(router) => router.clone().oneshot(request).await.into_response(),
                None => opening(request.headers()),
            }
        })
    }
}

/// "Try again" for gRPC (UNAVAILABLE with RetryInfo) and HTTP (503 with Retry-After).
fn opening(headers: &HeaderMap) -> Response {
    const MESSAGE: &str = "oriel is opening its data directory; try again";
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if content_type.is_some_and(|value| value.starts_with(b"application/grpc")) {
        let details = ErrorDetails::with_retry_info(Some(OPENING_RETRY));
        let code = tonic::Code::Unavailable;
        let status = tonic::Status::with_error_details(code, MESSAGE, details);
        return status.into_http::<axum::body::Body>().into_response();
    }
    let again = [(header::RETRY_AFTER, OPENING_RETRY.as_secs().to_string())];
    let body = serde_json::json!({"error": {"code": "unavailable", "message": MESSAGE}});
    (StatusCode::SERVICE_UNAVAILABLE, again, axum::Json(body)).into_response()
}

/// Says where everything is, and, once the log is replayed, that answers are whole. Telemetry is taken
/// from the start. Ends early with `stop`.
pub(crate) async fn announce(
    settings: &Settings,
    addresses: &[(&'static str, SocketAddr); 3],
    store: &Store,
    started: Instant,
    stop: &CancellationToken,
) {
    announce_open(settings, addresses);
    let replayed = stop.run_until_cancelled(replayed(settings, store));
    if replayed.await.is_some() {
        announce_ready(settings, addresses, started.elapsed());
    }
}

/// Says where everything is: for people in text, else as a log line.
fn announce_open(settings: &Settings, addresses: &[(&'static str, SocketAddr); 3]) {
    let [grpc, otlp, http] = addresses.map(|(_, address)| address);
    let data_dir =
        std::path::absolute(&settings.data_dir).unwrap_or_else(|_| settings.data_dir.clone());
    if settings.log_format == LogFormat::Json {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"), otlp_grpc = %grpc, otlp_http = %otlp,
            http = %http, data_dir = %data_dir.display(), "listening"
        );
        return;
    }
    let open = addresses
        .iter()
        .any(|(_, address)| !address.ip().is_loopback());
    let access = match (settings.token().is_some(), open) {
        (true, _) => "with the token",
        (false, false) => "from this machine, without a token",
        (false, true) => "from ANYWHERE, without a token (--insecure-no-auth)",
    };
    let mut text = String::new();
    let _ = write!(
        text,
        "
  Oriel {}

  UI and API   http://{http}
  OTLP/HTTP    http://{otlp}
  OTLP/gRPC    {grpc}
  Data         {}
  Access       {access}
",
        env!("CARGO_PKG_VERSION"),
        data_dir.display(),
    );
    eprintln!("{text}");
}

/// Waits until `store` shows all its rows; says so when that takes time. Telemetry is taken meanwhile.
async fn replayed(settings: &Settings, store: &Store) {
    let Some(replay) = store.replay() else { return };
    if settings.log_format == LogFormat::Text {
        let bytes = bytesize::ByteSize::b(replay.bytes_total);
        eprintln!("  Replaying {bytes} of the write-ahead log; telemetry is taken meanwhile.");
    }
    while store.replay().is_some() {
        tokio::time::sleep(REPLAY_TICK).await;
    }
}

/// Says that requests are taken and answers are whole, and what to do next.
fn announce_ready(
    settings: &Settings,
    addresses: &[(&'static str, SocketAddr); 3],
    took: Duration,
) {
    if settings.log_format == LogFormat::Json {
        tracing::info!(seconds = took.as_secs_f64(), "ready");
        return;
    }
    let [grpc, _, http] = addresses.map(|(_, address)| address);
    let url = match http.port() {
        4319 => String::new(),
        _ => format!(" --url http://{http}"),
    };
    eprintln!(
        "  Send the first span:  OTEL_EXPORTER_OTLP_ENDPOINT=http://{grpc} <instrumented app>
  Look at it:           oriel sql \"SELECT service_name, name, duration FROM spans LIMIT 10\"{url}

  Ready after {:.2} s. Ctrl-C stops it.
",
        took.as_secs_f64()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a port that is taken.
    /// Guarantees: the error names the address and the flag that changes it.
    #[tokio::test]
    async fn a_taken_port_names_its_flag() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("an address");
        let text = bind("otlp_http", address)
            .expect_err("is taken")
            .to_string();
        assert!(
            text.contains(&address.to_string()) && text.contains("--otlp-http"),
            "{text}"
        );
    }

    /// Scenario: a gRPC and an HTTP request before the store is open, and after.
    /// Guarantees: both are told to retry, each in its protocol; then the routes answer.
    #[tokio::test]
    async fn a_closed_door_asks_to_retry() {
        let door = Door::default();
        let ask = async |content_type: &str| {
            let request = Request::builder()
                .uri("/v1/traces")
                .header("content-type", content_type)
                .body(axum::body::Body::empty())
                .expect("a request");
            door.router().oneshot(request).await.expect("never fails")
        };
        let http = ask("application/json").await;
        assert_eq!(http.status(), 503);
        assert_eq!(http.headers()["retry-after"], "1");
        let grpc = ask("application/grpc+proto").await;
        assert_eq!(grpc.status(), 200);
        let status = tonic::Status::from_header_map(grpc.headers()).expect("a status");
        assert_eq!(status.code(), tonic::Code::Unavailable);
        let retry = status
            .get_details_retry_info()
            .expect("RetryInfo")
            .retry_delay;
        assert_eq!(retry, Some(OPENING_RETRY));
        door.open(Router::new().fallback(|| async { "open" }));
        assert_eq!(ask("application/json").await.status(), 200);
    }
}
